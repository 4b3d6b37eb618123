// The adapter against a server that OpenAI's own client confirms (hostile-server.test.ts), beside that client: the same
// replies in every scenario; every failure under its name; nothing left open.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChatReply, type ChatRequest, type FailureKind, type RateLimits } from '@mixlab/agents'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { failureOf, gather, openAiCompatibleModel, options, question } from './asking.ts'
import { always, type Behaviour, firstTries } from './hostile-plan.ts'
import { type HostileServer, type HostileServerOptions, startHostileServer } from './hostile-server.ts'

async function serve(settings: HostileServerOptions = {}, config: Readonly<Record<string, unknown>> = {}) {
  const server = await startHostileServer(settings)
  const model = await openAiCompatibleModel({ url: server.url, ...config })
  return { server, model, [Symbol.asyncDispose]: () => server.kill() }
}

/** What OpenAI's client makes of the same request, in our words. */
async function byOpenAi(
  { url }: HostileServer,
  request: ChatRequest,
  model: string,
): Promise<Omit<ChatReply, 'warnings'>> {
  const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
  const stream = client.chat.completions.stream({
    model,
    messages: [...request.messages],
    ...(request.maxTokens !== undefined && { max_tokens: request.maxTokens }),
    ...(request.stop !== undefined && { stop: [...request.stop] }),
    ...(request.logProbabilities !== undefined && { logprobs: true }),
    ...((request.logProbabilities ?? 0) > 0 && { top_logprobs: request.logProbabilities! }),
    ...(request.responseSchema !== undefined && {
      response_format: {
        type: 'json_schema' as const,
        json_schema: { name: 'reply', schema: { ...request.responseSchema }, strict: true },
      },
    }),
    stream_options: { include_usage: true },
  })
  // The client puts texts together, and of fields that it does not know keeps the last piece.
  let reasoning = ''
  stream.on('chunk', ({ choices: [choice] }) => {
    reasoning += (choice?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? ''
  })
  const { choices, usage, model: servedBy } = await stream.finalChatCompletion()
  const { message, finish_reason: reason, logprobs } = choices[0]!
  return {
    text: message.content ?? '',
    ...(reasoning !== '' && { reasoning }),
    finishReason: reason as 'stop' | 'length',
    usage: {
      inputTokens: usage!.prompt_tokens,
      cachedInputTokens: usage!.prompt_tokens_details!.cached_tokens!,
      outputTokens: usage!.completion_tokens,
      reasoningTokens: usage!.completion_tokens_details!.reasoning_tokens!,
    },
    ...(logprobs?.content && {
      logProbabilities: logprobs.content.map(({ token, logprob, top_logprobs }) => ({
        token,
        logProbability: logprob,
        ...(top_logprobs.length > 0 && {
          alternatives: top_logprobs.map((other) => ({ token: other.token, logProbability: other.logprob })),
        }),
      })),
    }),
    servedBy,
  }
}

describe('the same reply as OpenAI’s client gets', () => {
  const schema = { type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'] }
  const scenarios: readonly { what: string; more: Partial<ChatRequest>; name?: string }[] = [
    { what: 'a plain reply', more: {} },
    { what: 'cut by its limit', more: { maxTokens: 5 } },
    { what: 'ended by a stop', more: { stop: ['####', 'never'] } },
    { what: 'log-probabilities', more: { logProbabilities: 0 } },
    { what: 'log-probabilities with alternatives', more: { logProbabilities: 3 } },
    { what: 'a schema', more: { responseSchema: schema } },
    { what: 'reasoning', more: {}, name: 'reasoning-model' },
  ]
  test.each(scenarios)('$what', async ({ more, name = 'tiny' }) => {
    await using it = await serve({ plan: firstTries(), tokenMs: 1 }, { model: name })
    const request = { ...question, ...more }
    const theirs = await byOpenAi(it.server, request, name)
    const { text, reasoning, pieces, reply } = await gather(it.model.stream(request, options()))
    expect(reply).toEqual({ ...theirs, warnings: [] })
    expect(text).toBe(theirs.text)
    expect(reasoning).toBe(theirs.reasoning ?? '')
    expect(pieces).toBe(theirs.usage.outputTokens! + 1)
    expect(await it.model.generate(request, options())).toEqual(reply)
    expect(it.server.log.every(({ completed }) => completed)).toBe(true)
    // To the server too it was the same request, but for the stream.
    expect(new Set(it.server.log.map(({ key }) => key)).size).toBe(1)
  })

  test.each(['slow-first-token', 'slow-after-headers', 'stall'] as const)(
    'however slowly it comes: %s',
    async (behaviour) => {
      await using it = await serve({ plan: always(behaviour), slowMs: 120 })
      const theirs = await byOpenAi(it.server, question, 'tiny')
      const begin = performance.now()
      const { reply } = await gather(it.model.stream(question, options()))
      expect(performance.now() - begin).toBeGreaterThan(115)
      expect(reply).toEqual({ ...theirs, warnings: [] })
      if (behaviour !== 'slow-after-headers')
        expect((await it.model.generate(question, options())).text).toBe(theirs.text)
    },
  )
})

test('sampling, seeds, limits and the provider’s own fields arrive under their names', async () => {
  await using it = await serve({}, { maxTokensField: 'max_completion_tokens' })
  const request = { ...question, temperature: 0.7, topP: 0.9, seed: 5, extra: { top_k: 3, model: 'another' } }
  const { warnings } = await it.model.generate(request, options())
  expect(warnings).toEqual([])
  expect(it.server.log[0]!.body).toEqual({
    top_k: 3,
    model: 'tiny',
    messages: question.messages,
    max_completion_tokens: 256,
    temperature: 0.7,
    top_p: 0.9,
    seed: 5,
    stream: false,
  })
})

test('what a server is known to refuse is not sent, and said', async () => {
  await using it = await serve({}, { unsupported: ['seed', 'temperature', 'logProbabilities'] })
  expect(it.model.supports).toEqual({ streaming: true, seed: false, logProbabilities: false })
  const reply = await it.model.generate({ ...question, seed: 5, temperature: 0, logProbabilities: 1 }, options())
  expect(reply.warnings).toHaveLength(3)
  expect(Object.keys(it.server.log[0]!.body)).toEqual(['model', 'messages', 'max_tokens', 'stream'])
})

test('usage that was not told is unknown', async () => {
  await using it = await serve({}, { includeUsage: false })
  const { reply } = await gather(it.model.stream(question, options()))
  expect(reply?.usage).toEqual({})
  expect(reply?.finishReason).toBe('stop')
})

describe('failures under their names', () => {
  const cases: readonly { behaviour: Behaviour; kind: FailureKind; details?: object }[] = [
    { behaviour: 'rate-limit', kind: 'rate-limit', details: { status: 429 } },
    { behaviour: 'rate-limit-seconds', kind: 'rate-limit', details: { status: 429, retryAfterMs: 2000 } },
    { behaviour: 'rate-limit-ms', kind: 'rate-limit', details: { status: 429, retryAfterMs: 1500 } },
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
    { behaviour: 'error-in-stream', kind: 'server', details: { status: 502 } },
    { behaviour: 'endless', kind: 'endless' },
  ]
  test.each(cases)('$behaviour is $kind', async ({ behaviour, kind, details = {} }) => {
    await using it = await serve({ plan: always(behaviour), retryAfterMs: 1500 })
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
    // Nothing stays open: an endless reply was given up.
    await expect.poll(() => it.server.active).toBe(0)
    expect(it.server.completed.size).toBe(0)
  })

  test.each(['truncated', 'truncated-chunk'] as const)(
    '%s is truncated; a whole reply cut short is malformed',
    async (behaviour) => {
      await using it = await serve({ plan: always(behaviour) })
      const { failure, text } = await gather(it.model.stream(question, options()))
      expect(failure).toMatchObject({ kind: 'truncated', retryable: true })
      expect(text).toMatch(/^Thinking/)
      expect(await failureOf(it.model.generate(question, options()))).toMatchObject({ kind: 'malformed' })
    },
  )

  test('a date to come back', async () => {
    await using it = await serve({ plan: always('rate-limit-date'), retryAfterMs: 3000 })
    const { retryAfterMs } = await failureOf(it.model.generate(question, options()))
    expect(retryAfterMs).toBeGreaterThan(2000)
    expect(retryAfterMs).toBeLessThan(4100)
  })

  test('a wrong path, with a hint', async () => {
    await using it = await serve()
    const model = await openAiCompatibleModel({ url: it.server.url.replace('/v1', '/v2') })
    const failure = await failureOf(model.generate(question, options()))
    expect(failure).toMatchObject({ kind: 'invalid-request', status: 404 })
    expect(failure.message).toContain('is the URL right')
  })

  test('nobody there', async () => {
    const server = await startHostileServer()
    await server.kill()
    const model = await openAiCompatibleModel({ url: server.url })
    const failure = await failureOf(model.generate(question, options()))
    expect(failure).toMatchObject({ kind: 'connection', retryable: true })
    expect(failure.message).toContain('ECONNREFUSED')
  })

  test('a server that dies in the middle of a reply', async () => {
    await using it = await serve({ tokenMs: 20 })
    setTimeout(() => void it.server.kill(), 80)
    const { failure, text } = await gather(it.model.stream(question, options()))
    expect(failure).toMatchObject({ kind: 'connection' })
    expect(text).toMatch(/^Thinking/)
  })
})

describe('cancellation', () => {
  const reason = new Error('no longer needed')
  test.each([
    ['before an answer', 'slow-first-token', 30],
    ['after its head', 'slow-after-headers', 30],
    ['in the middle', 'hang', 30],
    ['in an endless reply', 'endless', 30],
  ] as const)('%s: its reason is thrown, and the server sees the connection close', async (_name, behaviour, after) => {
    await using it = await serve({ plan: always(behaviour), slowMs: 60_000 })
    for (const ask of ['stream', 'generate'] as const) {
      const abort = new AbortController()
      let at = 0
      setTimeout(() => {
        at = performance.now()
        abort.abort(reason)
      }, after)
      const request = { messages: question.messages }
      const settings = options({ signal: abort.signal })
      const failure =
        ask === 'stream'
          ? (await gather(it.model.stream(request, settings))).failure
          : await failureOf(it.model.generate(request, settings))
      expect(failure).toBe(reason)
      expect(performance.now() - at).toBeLessThan(50)
      await expect.poll(() => it.server.log.at(-1)!.clientClosedAt, { interval: 2 }).toBeDefined()
      expect(it.server.log.at(-1)!.clientClosedAt! - at).toBeLessThan(50)
    }
    expect(it.server.active).toBe(0)
  })

  test('a reader that leaves closes the connection too, at once', async () => {
    await using it = await serve({ plan: always('hang') })
    for await (const piece of it.model.stream(question, options())) if (piece.type === 'text') break
    const at = performance.now()
    await expect.poll(() => it.server.log[0]!.clientClosedAt, { interval: 2 }).toBeDefined()
    expect(it.server.log[0]!.clientClosedAt! - at).toBeLessThan(200)
  })

  test('an aborted signal sends nothing', async () => {
    await using it = await serve()
    const settings = options({ signal: AbortSignal.abort(reason) })
    expect(await failureOf(it.model.generate(question, settings))).toBe(reason)
    expect(it.server.log).toHaveLength(0)
  })
})

test('rate limits are passed on, with replies and with refusals', async () => {
  await using it = await serve({
    rateLimits: { requests: 2, tokens: 5000, windowMs: 200 },
    plan: firstTries('rate-limit'),
  })
  const seen: RateLimits[] = []
  const settings = options({ onRateLimits: (limits) => seen.push(limits) })
  await failureOf(it.model.generate(question, settings))
  await it.model.generate(question, settings)
  const { kind, retryAfterMs } = await failureOf(it.model.generate(question, settings))
  expect(kind).toBe('rate-limit')
  expect(seen.map(({ requestsLeft }) => requestsLeft)).toEqual([1, 0, 0])
  expect(seen[2]).toEqual({
    requestsLimit: 2,
    requestsLeft: 0,
    requestsResetMs: retryAfterMs,
    tokensLimit: 5000,
    tokensLeft: 5000,
    tokensResetMs: 360_000,
  })
  // As long as it asked, and it is served again.
  await sleep(retryAfterMs!)
  await it.model.generate(question, settings)
  expect(it.server.log.map(({ completed }) => completed)).toEqual([false, true, false, true])
})

test('fetch’s own limits on waiting do not apply, however short they are', async () => {
  const place = Symbol.for('undici.globalDispatcher.1')
  const usual = Reflect.get(globalThis, place) as { constructor: new (options: object) => object }
  Reflect.set(globalThis, place, new usual.constructor({ headersTimeout: 100, bodyTimeout: 100 }))
  try {
    await using it = await serve({ plan: firstTries('slow-first-token', 'slow-first-token', 'stall'), slowMs: 2500 })
    const body = JSON.stringify({ model: 'tiny', messages: question.messages, max_tokens: 256 })
    const plain = fetch(`${it.server.url}/chat/completions`, { method: 'POST', body })
    await expect(plain).rejects.toMatchObject({ cause: { code: 'UND_ERR_HEADERS_TIMEOUT' } })
    const [whole, streamed] = await Promise.all([
      it.model.generate(question, options()),
      gather(it.model.stream(question, options())),
    ])
    expect(streamed.reply).toEqual(whole)
    expect(it.server.log.map(({ behaviour }) => behaviour)).toEqual(['slow-first-token', 'slow-first-token', 'stall'])
  } finally {
    Reflect.set(globalThis, place, usual)
  }
})

test('connections are used again, by replies whole and streamed', async () => {
  await using it = await serve()
  for (let n = 0; n < 10; n++) {
    await it.model.generate(question, options())
    await gather(it.model.stream(question, options()))
  }
  expect(it.server.connections).toBeLessThanOrEqual(2)
})

test.each([
  { what: 'ends a little after [DONE] is used again', endMs: 20, connections: 1 },
  { what: 'never ends is closed, and the reply does not wait for it', endMs: undefined, connections: 4 },
])('a connection that $what', async ({ endMs, connections }) => {
  const sockets = new Set<unknown>()
  let open = 0
  const server = createServer((request, response) => {
    sockets.add(request.socket)
    open++
    response.once('close', () => open--)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    if (endMs !== undefined) setTimeout(() => response.end(), endMs)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  try {
    const { port } = server.address() as AddressInfo
    const model = await openAiCompatibleModel({ url: `http://127.0.0.1:${port}/v1` })
    for (let n = 0; n < 4; n++) {
      const begin = performance.now()
      expect((await gather(model.stream(question, options()))).reply?.text).toBe('yes')
      if (endMs === undefined) expect(performance.now() - begin).toBeLessThan(400)
      else await sleep(endMs + 80)
    }
    expect(sockets.size).toBe(connections)
    await expect.poll(() => open, { timeout: 3000 }).toBe(0)
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

describe('keys', () => {
  const canary = 'tiny-canary-51c7e0'
  test('are sent, and are in no failure: not when the server repeats them, nor in what names the model', async () => {
    await using server = await startHostileServer({ key: canary })
    const config = { url: server.url, keyVariable: 'TINY_KEY' }
    const model = await openAiCompatibleModel(config, { TINY_KEY: canary })
    await model.generate(question, options())
    const wrong = await openAiCompatibleModel(config, { TINY_KEY: `${canary}x` })
    const failure = await failureOf(wrong.generate(question, options()))
    expect(failure).toMatchObject({ kind: 'authentication', status: 401 })
    expect(JSON.stringify([failure, failure.message, failure.stack, model])).not.toContain(canary)
  })

  test('that are missing are named by their variable', async () => {
    await expect(openAiCompatibleModel({ url: 'http://localhost/v1', keyVariable: 'TINY_KEY' })).rejects.toThrow(
      'the environment variable TINY_KEY is not set',
    )
  })

  test.each([
    ['in the place of the variable’s name', { keyVariable: canary }],
    ['in the URL', { url: `http://me:${canary}@localhost/v1` }],
    ['in its query', { url: `http://localhost/v1?key=${canary}` }],
    ['in a header', { headers: { Authorization: `Bearer ${canary}` } }],
    ['in another header', { headers: { 'x-api-key': canary } }],
  ])('in the configuration are refused and not repeated: %s', async (_name, config) => {
    const failure = await failureOf(openAiCompatibleModel({ url: 'http://localhost:1/v1', ...config }))
    expect(failure.message).toContain('environment')
    expect(failure.message).not.toContain(canary)
  })
})
