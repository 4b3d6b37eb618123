// A mixture as a user runs it: the real command against a real server that is slow, refuses, drops and stalls; killed in
// the middle and resumed; replayed with the server gone.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { QuestionResult } from '@mixlab/agents'
import { type Finished, mixlab, onlyRun, start, temporaryFolder } from '../e2e/mixlab.ts'
import { serverProcess } from './server-process.ts'

const script = join(import.meta.dirname, 'fixtures/mixture.ts')

const agents = (url: string, more: object = {}): string =>
  `agents=${JSON.stringify({ only: { model: { name: 'openai-compatible', url, model: 'm' }, temperature: 0.7, maxTokens: 64, ...more } })}`

/** Tries come soon after another, so that tests do not wait. */
const calling = `calling=${JSON.stringify({ concurrency: 16, retries: { max: 6, firstWaitSeconds: 0.05, longestWaitSeconds: 1 }, timeouts: { firstTokenSeconds: 5, idleSeconds: 5, totalSeconds: 20 } })}`

const runOf = (url: string, runs: string, ...more: string[]): string[] => [
  'run',
  script,
  '--runs',
  runs,
  '--no-report',
  '--set',
  agents(url),
  '--set',
  calling,
  ...more,
]

const answersOf = (path: string): QuestionResult[] =>
  readFileSync(join(path, 'answers.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as QuestionResult)

/** What of a run does not depend on how fast things went. */
const timeless = (results: readonly QuestionResult[]) =>
  results.map(({ timing: _timing, calls, ...result }) => ({
    ...result,
    calls: calls.map(({ timing: _callTiming, attempts: _attempts, ...call }) => call),
  }))

const well = ({ code, stderr }: Finished) => expect(code, stderr).toBe(0)

test('13 kinds of trouble, and every question is answered; what failed for good is in the result', async () => {
  const shares = Object.fromEntries(
    [
      'slow-first-token',
      'slow-after-headers',
      'stall',
      'drop-before-headers',
      'drop-mid-stream',
      'truncated',
      'truncated-chunk',
      'rate-limit',
      'rate-limit-ms',
      'rate-limit-seconds',
      'server-error',
      'malformed-json',
      'error-in-stream',
    ].map((behaviour) => [behaviour, 0.04]),
  )
  using server = await serverProcess({ firstTokenMs: [0, 20], faults: { seed: 3, shares } })
  const runs = temporaryFolder()
  well(await mixlab(runOf(server.url, runs, '--set', 'questions=40')))
  const results = answersOf(onlyRun(runs))
  expect(results.map(({ index }) => index)).toEqual(Array.from({ length: 40 }, (_, index) => index))
  expect(results.flatMap(({ calls }) => calls)).toHaveLength(40 * 7)
  expect(results.every(({ answer, failure }) => answer !== null || failure !== undefined)).toBe(true)
  const calls = results.flatMap((result) => result.calls)
  expect(calls.some(({ attempts }) => attempts > 1)).toBe(true)
  for (const { failure, text } of calls) expect((failure === undefined) !== (text === undefined)).toBe(true)
  // A stream with nonsense in it is a whole reply to the server, and none to us.
  expect((await server.statistics()).completed).toBeGreaterThanOrEqual(40 * 7)
})

test('hanging and endless replies are given up, and are in the result', async () => {
  using server = await serverProcess({ faults: { seed: 2, shares: { hang: 0.1, endless: 0.1 } } })
  const runs = temporaryFolder()
  const impatient = JSON.stringify({
    retries: { max: 0 },
    timeouts: { firstTokenSeconds: 1, idleSeconds: 0.5, totalSeconds: 3 },
  })
  well(await mixlab([...runOf(server.url, runs, '--set', 'questions=12'), '--set', `calling=${impatient}`]))
  const results = answersOf(onlyRun(runs))
  const missing = results.flatMap(({ steps }) => steps.flatMap((step) => step.missing ?? []))
  expect(new Set(missing.map(({ kind }) => kind))).toEqual(new Set(['timeout', 'endless']))
  expect(missing.length).toBe(results.flatMap(({ calls }) => calls).filter(({ failure }) => failure).length)
})

describe('interruptions', () => {
  test.for(['SIGINT', 'SIGKILL'] as const)(
    '%s in the middle: no reply is paid twice',
    { timeout: 120_000 },
    async (signal) => {
      using server = await serverProcess({ firstTokenMs: [20, 120] })
      const whole = temporaryFolder()
      well(await mixlab(runOf(server.url, whole, '--set', 'questions=30')))

      using again = await serverProcess({ firstTokenMs: [20, 120] })
      const runs = temporaryFolder()
      let last: Finished | undefined
      for (let kill = 0; ; kill++) {
        const resume = kill === 0 ? [] : ['--resume', 'latest']
        const args =
          kill === 0
            ? runOf(again.url, runs, '--set', 'questions=30')
            : ['run', script, '--runs', runs, '--no-report', ...resume]
        const { process: child, finished } = start(args)
        if (kill < 4) void linesAbove(runs, 40 * (kill + 1)).then(() => child.kill(signal))
        last = await finished
        if (last.code === 0 || kill > 8) break
      }
      well(last)
      const path = onlyRun(runs)
      // Who answers is another server, at another port: its name is in the keys.
      const keyless = (results: readonly QuestionResult[]) =>
        timeless(results).map((result) => ({ ...result, calls: result.calls.map(({ key: _key, ...call }) => call) }))
      expect(keyless(answersOf(path))).toEqual(keyless(answersOf(onlyRun(whole))))
      const { completed } = await again.statistics()
      // After SIGKILL, replies that were on their way are lost with the process, and are asked for again.
      if (signal === 'SIGINT') expect(completed).toBe(30 * 7)
      else {
        expect(completed - 30 * 7).toBeLessThanOrEqual(4 * 16)
        expect(recordedTwice(path)).toEqual([])
      }
    },
  )
})

/** Resolves when more calls than that are in the recordings below a folder. */
async function linesAbove(runs: string, count: number): Promise<void> {
  const lines = () =>
    readdirSync(runs, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.jsonl') && name.includes('/calls/'))
      .reduce((sum, name) => sum + readFileSync(join(runs, name), 'utf8').split('\n').length, 0)
  while (lines() <= count) await delay(20)
}

/** Calls that are in a recording with more than one reply. */
function recordedTwice(path: string): string[] {
  const folder = join(path, 'calls')
  const keys = readdirSync(folder)
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .flatMap((line) => {
      try {
        const { key, reply } = JSON.parse(line) as { key?: string; reply?: unknown }
        return key !== undefined && reply !== undefined ? [key] : []
      } catch {
        // The line that was being written when the process was killed.
        return []
      }
    })
  expect(keys.length).toBeGreaterThan(0)
  return keys.filter((key, index) => keys.indexOf(key) !== index)
}

describe('a replay', () => {
  test('with the network cut has the same bytes; a changed prompt is told where', async () => {
    const runs = temporaryFolder()
    let url: string
    {
      using server = await serverProcess({
        firstTokenMs: [0, 20],
        faults: { seed: 2, shares: { 'server-error': 0.2, hang: 0.03 } },
      })
      url = server.url
      well(
        await mixlab([
          ...runOf(url, runs, '--set', 'questions=15', '--set', 'arms=[3,6]'),
          '--set',
          agents(url, { system: 'Be brief.' }),
        ]),
      )
    }
    const path = onlyRun(runs)
    const replay = await mixlab(['run', script, '--runs', runs, '--no-report', '--replay', 'latest', '--name', 'again'])
    well(replay)
    const [name] = readdirSync(join(runs, 'mixture')).filter((folder) => folder.includes('again'))
    const other = join(runs, 'mixture', name!)
    for (const arm of ['of-3', 'of-6']) {
      for (const file of ['answers.jsonl', 'grades.jsonl', 'topology.json'])
        expect(readFileSync(join(other, 'children', arm, file), 'utf8')).toBe(
          readFileSync(join(path, 'children', arm, file), 'utf8'),
        )
    }
    const resultOf = (folder: string) =>
      (JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { result: unknown }).result
    expect(resultOf(other)).toEqual(resultOf(path))
    expect(existsSync(join(other, 'calls'))).toBe(false)

    const changed = await mixlab([
      'run',
      script,
      '--runs',
      runs,
      '--no-report',
      '--replay',
      path,
      '--set',
      agents(url, { system: 'Be brief!' }),
    ])
    expect(changed.code).toBe(2)
    expect(changed.stderr).toMatch(
      /^mixlab: the replay diverges .* question "q0", step layer-1\/proposer-1, .*Be brief!.*Be brief\./m,
    )
  })

  test('arms share the samples of their first layer', async () => {
    using server = await serverProcess()
    const runs = temporaryFolder()
    well(await mixlab(runOf(server.url, runs, '--set', 'questions=5', '--set', 'arms=[3,6]')))
    // 6 proposals, of which three serve both arms, and two aggregations.
    expect((await server.statistics()).requests).toBe(5 * (6 + 2))
  })
})

test('a budget is the run’s: what its first arm spent, its second does not have', async () => {
  using server = await serverProcess()
  const runs = temporaryFolder()
  const budget = JSON.stringify({ concurrency: 4, budget: { tokens: 6000 } })
  const args = runOf(server.url, runs, '--set', 'questions=12', '--set', 'arms=[5,6]')
  well(await mixlab([...args, '--set', `calling=${budget}`]))
  const [first, second] = ['of-5', 'of-6'].map((arm) =>
    answersOf(join(onlyRun(runs), 'children', arm)).flatMap(({ calls }) => calls),
  )
  // Either arm alone would have had enough.
  expect(first!.every(({ text }) => text !== undefined)).toBe(true)
  expect(second!.some(({ failure }) => failure?.kind === 'budget')).toBe(true)
  const paid = new Map([...first!, ...second!].map((call) => [call.key, call.cost]))
  const tokens = [...paid.values()].reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0)
  expect(tokens).toBeLessThanOrEqual(6000)
})
