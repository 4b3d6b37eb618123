// The caller over real connections: a server that limits requests, says so in headers or only by refusing, and one that
// repeats the key it was given.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Agent, agentConfig, type Call, type CallerOptions, createCaller, Recording } from '@mixlab/agents'
import { openAiCompatible } from '@mixlab/agent-models'
import { secretsFrom } from '@mixlab/agents'
import { pluginConfiguration, RandomStream } from '@mixlab/core'
import { temporaryFolder } from '../e2e/mixlab.ts'
import { openAiCompatibleModel } from './asking.ts'
import { startHostileServer } from './hostile-server.ts'

const callOf = (i: number): Call => ({
  id: `q${i}/answer`,
  question: `q${i}`,
  step: 'answer',
  layer: 1,
  agent: 'a',
  request: { messages: [{ role: 'user', content: `How much is ${i} + ${i}?` }], maxTokens: 32 },
  sample: 0,
})

const callerOf = (model: Agent['model'], more: Partial<CallerOptions>) =>
  createCaller({
    agents: new Map([['a', { name: 'a', config: agentConfig.parse({ model: 'openai-compatible' }), model }]]),
    signal: new AbortController().signal,
    mode: 'off',
    failures: 'reuse',
    rng: new RandomStream(0),
    ...more,
  })

const refusals = (attempts: readonly number[]): number => attempts.reduce((sum, tries) => sum + tries - 1, 0)

test('limits that a server tells in its headers are kept without one refusal', async () => {
  const windowMs = 700
  await using server = await startHostileServer({ rateLimits: { requests: 20, tokens: 1e6, windowMs } })
  await using caller = callerOf(await openAiCompatibleModel({ url: server.url }), { concurrency: 16 })
  const begun = performance.now()
  const outcomes = await Promise.all(Array.from({ length: 70 }, (_, i) => caller.call(callOf(i))))
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([])
  expect(refusals(outcomes.map(({ attempts }) => attempts))).toBe(0)
  // Seventy calls, twenty in each window: three windows are over when the last ones go.
  expect(performance.now() - begun).toBeGreaterThan(3 * windowMs - 50)
})

test('a server that only refuses gets as many at once as it bears, and nothing is lost', async () => {
  await using server = await startHostileServer({ maxConcurrent: 4, firstTokenMs: 15, retryAfterMs: 20 })
  await using caller = callerOf(await openAiCompatibleModel({ url: server.url }), {
    concurrency: 64,
    retries: { firstWaitSeconds: 0.05 },
  })
  const outcomes = await Promise.all(Array.from({ length: 300 }, (_, i) => caller.call(callOf(i))))
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([])
  // Without learning, each round would lose 60 of 64.
  expect(refusals(outcomes.map(({ attempts }) => attempts))).toBeLessThan(200)
})

test('the key is in no recording, event or outcome, though the server repeats it', async () => {
  const canary = 'sk-canary-0123456789'
  await using server = await startHostileServer({ key: 'another' })
  const folder = temporaryFolder()
  const secrets = secretsFrom({ TEST_KEY: canary })
  const model = await openAiCompatible.create(
    pluginConfiguration(openAiCompatible, { url: server.url, model: 'm', keyVariable: 'TEST_KEY' }),
    { ...secrets, rng: new RandomStream(0) } as never,
  )
  const events: string[] = []
  using recording = new Recording(folder, { access: 'write', secrets: secrets.handedOut })
  await using caller = callerOf(model, {
    mode: 'record',
    recording,
    secrets: secrets.handedOut,
    emit: (type, data) => events.push(JSON.stringify([type, data])),
  })
  const outcome = await caller.call(callOf(0))
  expect(outcome).toMatchObject({ ok: false, attempts: 1, failure: { kind: 'authentication' } })
  const written = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  expect(events).toHaveLength(2)
  expect(written.join('')).toContain('authentication')
  for (const text of [...written, ...events, JSON.stringify(outcome)]) expect(text).not.toContain('canary')
})
