// The AI SDK adapter with the SDK's own packages: `@ai-sdk/openai-compatible` and `@ai-sdk/openai` on the hostile server,
// beside our own adapter on the same one, and the SDK's mock models for what no server here does.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { createOpenAICompatible as createVersion2 } from '@ai-sdk/openai-compatible-v2'
import { createOpenAICompatible as createVersion3 } from '@ai-sdk/openai-compatible-v3'
import type { LanguageModelV2, LanguageModelV4StreamPart, LanguageModelV4Usage } from '@ai-sdk/provider'
import { aiSdk, aiSdkModel } from '@mixlab/agent-models'
import { type ChatModel, type ChatRequest, type FailureKind, type RateLimits, secretsFrom } from '@mixlab/agents'
import { pluginConfiguration, RandomStream } from '@mixlab/core'
import { streamText } from 'ai'
import { MockLanguageModelV3, MockLanguageModelV4, simulateReadableStream } from 'ai/test'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { abortOnceAsked, failureOf, gather, openAiCompatibleModel, options, question } from './asking.ts'
import { always, type Behaviour, firstTries } from './hostile-plan.ts'
import { type HostileServerOptions, startHostileServer } from './hostile-server.ts'

const versions = {
  2: createVersion2,
  3: createVersion3,
  4: createOpenAICompatible,
}
type Version = keyof typeof versions

async function serve(settings: HostileServerOptions = {}, name = 'tiny', version: Version = 4) {
  const server = await startHostileServer(settings)
  const provider = versions[version]({
    name: 'hostile',
    baseURL: server.url,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
  const model = aiSdkModel(provider(name))
  return { server, provider, model, [Symbol.asyncDispose]: () => server.kill() }
}

describe.each([2, 3, 4] as const)(
  '@ai-sdk/openai-compatible of specification %d gives the same reply as our own adapter',
  (version) => {
    const schema = { type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'] }
    const scenarios: readonly { what: string; more: Partial<ChatRequest>; name?: string }[] = [
      { what: 'a plain reply', more: { temperature: 0.5, topP: 0.9, seed: 3 } },
      { what: 'cut by its limit', more: { maxTokens: 5 } },
      { what: 'ended by a stop', more: { stop: ['####'] } },
      { what: 'a schema', more: { responseSchema: schema } },
      { what: 'reasoning', more: {}, name: 'reasoning-model' },
    ]
    test.each(scenarios)('$what', async ({ more, name = 'tiny' }) => {
      const schemaReply = more.responseSchema && { answer: () => '{"answer": 7}' }
      await using it = await serve({ tokenMs: 1, ...schemaReply }, name, version)
      const request = { ...question, ...more }
      const own = await openAiCompatibleModel({ url: it.server.url, model: name })
      const ours = await own.generate(request, options())
      const { text, reasoning, pieces, reply } = await gather(it.model.stream(request, options()))
      expect(reply).toEqual(ours)
      expect({ text, reasoning }).toEqual({ text: ours.text, reasoning: ours.reasoning ?? '' })
      expect(pieces).toBe(ours.usage.outputTokens! + 1)
      expect(await it.model.generate(request, options())).toEqual(ours)
      // To the server it was the same request; of a schema, version 2 does not say that it is strict.
      const requests = version === 2 && more.responseSchema ? 2 : 1
      expect(new Set(it.server.log.map(({ key }) => key)).size).toBe(requests)
    })
  },
)

test('streamText gives the same text and usage', async () => {
  await using it = await serve()
  const { reply } = await gather(it.model.stream({ messages: [question.messages[1]!] }, options()))
  const { text, usage } = streamText({ model: it.provider('tiny'), prompt: question.messages[1]!.content })
  expect(await text).toBe(reply?.text)
  expect((await usage).outputTokens).toBe(reply?.usage.outputTokens)
})

test('@ai-sdk/openai passes log-probabilities on, as our own adapter does', async () => {
  await using it = await serve()
  const openai = createOpenAI({ baseURL: it.server.url, apiKey: 'none' })
  const model = aiSdkModel(openai.chat('tiny'))
  const own = await openAiCompatibleModel({ url: it.server.url })
  const request = { ...question, logProbabilities: 2 }
  const ours = await own.generate(request, options())
  expect(ours.logProbabilities).toHaveLength(ours.usage.outputTokens!)
  expect(model.supports.logProbabilities).toBe(true)
  expect(await model.generate(request, options())).toEqual(ours)
  expect((await gather(model.stream(request, options()))).reply).toEqual(ours)
})

test('what the SDK cannot do is in the warnings', async () => {
  await using it = await serve()
  const plain = createOpenAICompatible({ name: 'hostile', baseURL: it.server.url })
  const request = { ...question, logProbabilities: 2, responseSchema: { type: 'object' } }
  const { warnings } = await aiSdkModel(plain('tiny')).generate(request, options())
  expect(warnings).toEqual([
    expect.stringMatching(/^unsupported: responseFormat: /),
    'log-probabilities were asked for, and the reply has none',
  ])
})

describe.each([2, 3, 4] as const)('failures under their names, of specification %d', (version) => {
  const cases: readonly { behaviour: Behaviour; kind: FailureKind; details?: object }[] = [
    { behaviour: 'rate-limit', kind: 'rate-limit', details: { status: 429 } },
    { behaviour: 'rate-limit-seconds', kind: 'rate-limit', details: { retryAfterMs: 2000 } },
    { behaviour: 'rate-limit-ms', kind: 'rate-limit', details: { retryAfterMs: 1500 } },
    { behaviour: 'quota', kind: 'authentication', details: { status: 429 } },
    { behaviour: 'server-error', kind: 'server', details: { status: 500 } },
    { behaviour: 'bad-gateway', kind: 'server', details: { status: 502 } },
    { behaviour: 'overloaded', kind: 'overloaded', details: { status: 503 } },
    { behaviour: 'unauthorized', kind: 'authentication', details: { status: 401 } },
    { behaviour: 'unknown-model', kind: 'unknown-model', details: { status: 404 } },
    { behaviour: 'context-length', kind: 'invalid-request', details: { status: 400 } },
    { behaviour: 'content-filter', kind: 'content-filter', details: { status: 400 } },
    { behaviour: 'drop-before-headers', kind: 'connection' },
    { behaviour: 'drop-mid-stream', kind: 'connection' },
    { behaviour: 'malformed-json', kind: 'malformed' },
    { behaviour: 'malformed-shape', kind: 'malformed' },
    { behaviour: 'error-in-stream', kind: 'server' },
  ]
  test.each(cases)('$behaviour is $kind', async ({ behaviour, kind, details = {} }) => {
    await using it = await serve({ plan: always(behaviour), retryAfterMs: 1500 }, 'tiny', version)
    const streamed = await gather(it.model.stream(question, options()))
    expect(streamed.failure).toMatchObject({ kind, ...details })
    expect(streamed.reply).toBeUndefined()
    const failure = await failureOf(it.model.generate(question, options()))
    expect(failure).toMatchObject({ kind, ...details })
    for (const { message } of [streamed.failure!, failure]) {
      expect(message).toContain(it.model.provider)
      expect(message).not.toContain('\n')
      expect(message.length).toBeLessThan(450)
    }
    await expect.poll(() => it.server.active).toBe(0)
    // One request each: the SDK did not try again behind our back.
    expect(it.server.log).toHaveLength(2)
  })

  test('a stream that ends early is truncated, one without end is given up', async () => {
    await using it = await serve({ plan: firstTries('truncated', 'endless') }, 'tiny', version)
    const first = await gather(it.model.stream(question, options()))
    expect(first.failure).toMatchObject({ kind: 'truncated', retryable: true })
    expect(first.text).toMatch(/^Thinking/)
    const second = await gather(it.model.stream(question, options()))
    expect(second.failure).toMatchObject({ kind: 'endless', retryable: false })
    await expect.poll(() => it.server.active).toBe(0)
  })

  test('nobody there; a server that dies in the middle of a reply', async () => {
    await using it = await serve({ tokenMs: 20 })
    setTimeout(() => void it.server.kill(), 80)
    const { failure, text } = await gather(it.model.stream(question, options()))
    expect(failure).toMatchObject({ kind: 'connection' })
    expect(text).toMatch(/^Thinking/)
    expect(await failureOf(it.model.generate(question, options()))).toMatchObject({ kind: 'connection' })
  })
})

test.each(['slow-first-token', 'slow-after-headers', 'hang', 'endless'] as const)(
  'cancelled, the server sees the connection close: %s',
  async (behaviour) => {
    const reason = new Error('no longer needed')
    await using it = await serve({ plan: always(behaviour), slowMs: 60_000 })
    for (const ask of ['stream', 'generate'] as const) {
      const abort = new AbortController()
      const aborted = abortOnceAsked(it.server, abort, reason)
      const request = { messages: question.messages }
      const settings = options({ signal: abort.signal })
      const failure =
        ask === 'stream'
          ? (await gather(it.model.stream(request, settings))).failure
          : await failureOf(it.model.generate(request, settings))
      expect(failure).toBe(reason)
      const at = await aborted
      await expect.poll(() => it.server.log.at(-1)!.clientClosedAt, { interval: 2 }).toBeDefined()
      expect(it.server.log.at(-1)!.clientClosedAt! - at).toBeLessThan(200)
    }
  },
)

test('a reader that leaves closes the connection; rate limits are passed on', async () => {
  await using it = await serve({ plan: always('hang'), rateLimits: { requests: 10, tokens: 500 } })
  const seen: RateLimits[] = []
  const settings = options({ onRateLimits: (limits) => seen.push(limits) })
  for await (const piece of it.model.stream(question, settings)) if (piece.type === 'text') break
  await expect.poll(() => it.server.log[0]!.clientClosedAt).toBeDefined()
  expect(seen).toMatchObject([{ requestsLimit: 10, requestsLeft: 9, tokensLimit: 500 }])
})

describe('the specification’s versions', () => {
  const usage: LanguageModelV4Usage = {
    inputTokens: { total: 12, noCache: 5, cacheRead: 7, cacheWrite: undefined },
    outputTokens: { total: 9, text: 6, reasoning: 3 },
  }
  const parts: LanguageModelV4StreamPart[] = [
    { type: 'stream-start', warnings: [{ type: 'unsupported', feature: 'seed' }] },
    { type: 'response-metadata', modelId: 'm-2026' },
    { type: 'reasoning-start', id: 'r' },
    { type: 'reasoning-delta', id: 'r', delta: 'hm' },
    { type: 'text-start', id: 't' },
    { type: 'text-delta', id: 't', delta: 'a ' },
    { type: 'text-delta', id: 't', delta: 'b' },
    { type: 'finish', usage, finishReason: { unified: 'stop', raw: 'end' } },
  ]
  const content = [
    { type: 'reasoning' as const, text: 'hm' },
    { type: 'text' as const, text: 'a ' },
    { type: 'text' as const, text: 'b' },
  ]
  const result = {
    content,
    usage,
    finishReason: { unified: 'stop' as const, raw: 'end' },
    warnings: [{ type: 'unsupported' as const, feature: 'seed' }],
    response: { modelId: 'm-2026' },
  }
  const expected = {
    text: 'a b',
    reasoning: 'hm',
    finishReason: 'stop',
    usage: { inputTokens: 12, cachedInputTokens: 7, outputTokens: 9, reasoningTokens: 3 },
    warnings: ['unsupported: seed'],
    servedBy: 'm-2026',
  }
  const both = async (model: ChatModel) => {
    const { reply, failure } = await gather(model.stream(question, options()))
    if (failure) throw failure
    return [await model.generate(question, options()), reply]
  }
  const stream = (chunks: LanguageModelV4StreamPart[]) => simulateReadableStream({ chunks })

  test('4', async () => {
    const mock = new MockLanguageModelV4({ doGenerate: result, doStream: async () => ({ stream: stream(parts) }) })
    expect(await both(aiSdkModel(mock))).toEqual([expected, expected])
    expect(mock.doStreamCalls[0]).toMatchObject({
      prompt: [
        { role: 'system', content: 'You answer questions.' },
        { role: 'user', content: [{ type: 'text', text: question.messages[1]!.content }] },
      ],
      maxOutputTokens: 256,
    })
  })

  test('3', async () => {
    const mock = new MockLanguageModelV3({
      doGenerate: result as never,
      doStream: async () => ({ stream: stream(parts) as never }),
    })
    expect(await both(aiSdkModel(mock))).toEqual([expected, expected])
  })

  test('2', async () => {
    const flat = { inputTokens: 12, outputTokens: 9, totalTokens: 21, reasoningTokens: 3, cachedInputTokens: 7 }
    const warnings = [{ type: 'unsupported-setting' as const, setting: 'seed' as const }]
    const model: LanguageModelV2 = {
      specificationVersion: 'v2',
      provider: 'old',
      modelId: 'm',
      supportedUrls: {},
      doGenerate: async () => ({ ...result, usage: flat, finishReason: 'stop', warnings }),
      doStream: async () => ({
        stream: simulateReadableStream({
          chunks: parts.map((part) => {
            if (part.type === 'stream-start') return { ...part, warnings }
            return part.type === 'finish' ? { ...part, usage: flat, finishReason: 'stop' } : part
          }) as never[],
        }),
      }),
    }
    expect(await both(aiSdkModel(model))).toEqual([expected, expected])
  })

  test('what was not told is unknown', async () => {
    const none: LanguageModelV4Usage = {
      inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: undefined, text: undefined, reasoning: undefined },
    }
    const mock = new MockLanguageModelV4({ doGenerate: { ...result, usage: none, response: {} } })
    const reply = await aiSdkModel(mock).generate(question, options())
    expect(reply.usage).toEqual({})
    expect(reply).not.toHaveProperty('servedBy')
  })

  test('a finish of the provider’s own making, without a reason from the server, is a reply cut short', async () => {
    const end: LanguageModelV4StreamPart = { type: 'finish', usage, finishReason: { unified: 'other', raw: undefined } }
    for (const chunks of [[...parts.slice(0, -1), end], parts.slice(0, -1)]) {
      const mock = new MockLanguageModelV4({ doStream: async () => ({ stream: stream(chunks) }) })
      const { failure, text } = await gather(aiSdkModel(mock).stream(question, options()))
      expect(failure).toMatchObject({ kind: 'truncated' })
      expect(text).toBe('a b')
    }
  })

  test('an error in the stream, of any kind, is a failure', async () => {
    const errors: readonly [unknown, FailureKind][] = [
      [new Error('boom'), 'server'],
      [{ message: 'slow down', type: 'rate_limit_error' }, 'rate-limit'],
      ['overloaded', 'server'],
    ]
    for (const [error, kind] of errors) {
      const mock = new MockLanguageModelV4({ doStream: async () => ({ stream: stream([{ type: 'error', error }]) }) })
      const { failure } = await gather(aiSdkModel(mock).stream(question, options()))
      expect(failure).toMatchObject({ kind })
    }
  })
})

describe('the plugin', () => {
  const script = process.argv[1]!
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ai-sdk-'))
    // The script that runs is this one: its packages are the user's.
    process.argv[1] = import.meta.filename
  })
  afterEach(async () => {
    process.argv[1] = script
    await rm(folder, { recursive: true })
  })
  const create = async (config: object, environment: Readonly<Record<string, string>> = {}): Promise<ChatModel> =>
    aiSdk.create(pluginConfiguration(aiSdk, { model: 'tiny', ...config }), {
      ...secretsFrom(environment),
      rng: new RandomStream(0),
    } as never)

  test('makes a model with the user’s package, its key from the environment and in no message', async () => {
    const canary = 'tiny-canary-51c7e0'
    await using server = await startHostileServer({ key: canary })
    const config = { provider: '@ai-sdk/openai', factory: 'createOpenAI', options: { baseURL: server.url } }
    const compatible = {
      provider: '@ai-sdk/openai-compatible',
      options: { name: 'hostile', baseURL: server.url },
      keyVariable: 'HOSTILE_KEY',
    }
    const model = await create(compatible, { HOSTILE_KEY: canary })
    expect(model.provider).toBe(`ai-sdk:hostile.chat@127.0.0.1:${server.port}`)
    expect((await model.generate(question, options())).text).toMatch(/####/)
    const wrong = await create(compatible, { HOSTILE_KEY: `${canary}x` })
    const failure = await failureOf(wrong.generate(question, options()))
    expect(failure).toMatchObject({ kind: 'authentication' })
    expect(JSON.stringify([failure, failure.message, failure.stack, failure.cause ?? ''])).not.toContain(canary)
    await expect(create(config)).rejects.toThrow('the environment variable OPENAI_API_KEY is not set')
    expect((await create(config, { OPENAI_API_KEY: canary })).provider).toMatch(/^ai-sdk:openai\.responses@/)
  })

  test('says what to install, and which of several functions there are', async () => {
    await expect(create({ provider: '@ai-sdk/nowhere' })).rejects.toThrow(
      'ai-sdk: the package @ai-sdk/nowhere is not installed: run npm install @ai-sdk/nowhere',
    )
    await expect(create({ provider: './nowhere.ts' })).rejects.toThrow('there is no file ./nowhere.ts')
    await expect(create({ provider: 'zod' })).rejects.toThrow('exports no function create')
    await expect(create({ provider: '@ai-sdk/openai', factory: 'createOpenIA' })).rejects.toThrow('createOpenAI')
  })

  test('finds a package that is for import alone, from the script', async () => {
    const home = join(folder, 'node_modules', 'esm-provider')
    await mkdir(home, { recursive: true })
    await writeFile(
      join(home, 'package.json'),
      '{"name":"esm-provider","type":"module","exports":{".":{"import":{"types":"./x.d.ts","default":"./main.js"}}}}',
    )
    await writeFile(
      join(home, 'main.js'),
      'export const createEsmProvider = (options) => (modelId) => ({ specificationVersion: "v3", provider: `esm-${options.region}`, modelId })',
    )
    process.argv[1] = join(folder, 'script.ts')
    await writeFile(process.argv[1], '')
    const model = await create({ provider: 'esm-provider', options: { region: 'eu' } })
    expect([model.provider, model.model]).toEqual(['ai-sdk:esm-eu', 'tiny'])
  })

  test('refuses secrets in its configuration, without repeating them', async () => {
    for (const config of [
      { options: { apiKey: 'canary' } },
      { options: { headers: { Authorization: 'canary' } } },
      { keyVariable: 'sk-canary' },
    ]) {
      const failure = await failureOf(create({ provider: '@ai-sdk/openai', ...config }))
      expect(failure.message).toContain('environment')
      expect(failure.message).not.toContain('canary')
    }
  })
})
