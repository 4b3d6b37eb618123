// What providers put into headers, errors and replies, in the forms that their documentation shows.
import { describe, expect, test } from 'vitest'
import { replyBuilder, readUsage } from '../src/openai-reply.ts'
import { failureOfResponse, withoutSecrets } from '../src/provider-errors.ts'
import { parseDuration, rateLimitsOf, retryAfter } from '../src/rate-limit-headers.ts'
import { isSecretName, secretField } from '../src/secret-names.ts'

const now = Date.UTC(2026, 0, 1)

describe('headers', () => {
  test.each([
    ['6m0s', 360_000],
    ['1s', 1000],
    ['20ms', 20],
    ['7.66s', 7660],
    ['1h2m3s', 3_723_000],
    ['1d', 86_400_000],
    ['', undefined],
    ['soon', undefined],
    ['1s or so', undefined],
  ])('a duration: %s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds))

  test('OpenAI’s limits', () => {
    const headers = new Headers({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-reset-tokens': '6m0s',
    })
    expect(rateLimitsOf(headers, now)).toEqual({
      requestsLimit: 60,
      requestsLeft: 59,
      requestsResetMs: 1000,
      tokensLimit: 150_000,
      tokensLeft: 149_984,
      tokensResetMs: 360_000,
    })
  })

  test('Anthropic’s, with dates; Together’s, in seconds; OpenRouter’s, in milliseconds since 1970', () => {
    const anthropic = new Headers({
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:12Z',
      'anthropic-ratelimit-tokens-remaining': '40000',
    })
    expect(rateLimitsOf(anthropic, now)).toEqual({
      requestsLimit: 50,
      requestsLeft: 0,
      requestsResetMs: 12_000,
      tokensLeft: 40_000,
    })
    const short = (reset: string) => rateLimitsOf(new Headers({ 'x-ratelimit-reset': reset }), now)
    expect(short('3')).toEqual({ requestsResetMs: 3000 })
    expect(short(String(now + 500))).toEqual({ requestsResetMs: 500 })
    expect(short(String(now / 1000 + 5))).toEqual({ requestsResetMs: 5000 })
  })

  test('none, and nonsense, say nothing', () => {
    expect(rateLimitsOf(new Headers(), now)).toBeUndefined()
    expect(rateLimitsOf(new Headers({ 'x-ratelimit-limit': 'many', 'x-ratelimit-reset': 'soon' }), now)).toBeUndefined()
  })

  test.each([
    [{ 'retry-after': '20' }, 20_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '1500', 'retry-after': '2' }, 1500],
    [{ 'retry-after': '-5' }, 0],
    [{ 'retry-after': 'later' }, undefined],
    [{}, undefined],
  ])('retry after %o', (headers, milliseconds) => {
    expect(retryAfter(new Headers(headers as Record<string, string>), now)).toBe(milliseconds)
  })
})

describe('errors, as servers write them', () => {
  const of = (status: number, body: unknown) =>
    failureOfResponse({
      provider: 'p',
      status,
      headers: new Headers(),
      body: typeof body === 'string' ? body : JSON.stringify(body),
      secrets: ['hunter22'],
    })
  test.each([
    [
      'vLLM',
      404,
      { object: 'error', message: 'The model `x` does not exist.', type: 'NotFoundError', code: 404 },
      'unknown-model',
    ],
    ['Ollama', 404, { error: 'model "x" not found, try pulling it first' }, 'unknown-model'],
    ['FastAPI', 404, { detail: 'Not Found' }, 'invalid-request'],
    ['FastAPI, validation', 422, { detail: [{ loc: ['body', 'n'], msg: 'wrong' }] }, 'invalid-request'],
    [
      'llama-server',
      400,
      {
        error: {
          code: 400,
          message: 'the request exceeds the available context size',
          type: 'exceed_context_size_error',
        },
      },
      'invalid-request',
    ],
    ['Anthropic', 529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overloaded'],
    ['Google', 429, [{ error: { code: 429, message: 'Quota', status: 'RESOURCE_EXHAUSTED' } }], 'rate-limit'],
    ['Google, key', 403, { error: { code: 403, message: 'No', status: 'PERMISSION_DENIED' } }, 'authentication'],
    [
      'OpenAI, quota',
      429,
      { error: { message: 'You exceeded', type: 'insufficient_quota', code: 'insufficient_quota' } },
      'authentication',
    ],
    ['OpenRouter, no credit', 402, { error: { code: 402, message: 'Insufficient credits' } }, 'authentication'],
    ['OpenRouter, moderation', 403, { error: { code: 403, message: 'Your input was flagged' } }, 'content-filter'],
    ['Azure', 400, { error: { message: 'filtered', code: 'content_filter', status: 400 } }, 'content-filter'],
    ['a timeout', 408, '', 'timeout'],
    ['a payload too large', 413, '<html>too large</html>', 'invalid-request'],
    ['Cloudflare', 524, '<html>A timeout occurred</html>', 'server'],
  ] as const)('%s: %d', (_who, status, body, kind) => {
    expect(of(status, body)).toMatchObject({ kind, status })
  })

  test('a message is one short line without the key', () => {
    const { message } = of(401, { error: { message: `Wrong key\nhunter22 or sk-abcdefgh12345 ${'x'.repeat(1000)}` } })
    expect(message).toMatch(/^p answered 401: Wrong key \[key\] or \[key\] x+…$/)
    expect(message.length).toBeLessThan(350)
    // The key goes before the cut: no half of it is left.
    expect(withoutSecrets(`${'y'.repeat(296)}hunter22`, ['hunter22'])).not.toContain('hunt')
  })

  test('a redirection says where to', () => {
    const headers = new Headers({ location: 'https://there/v1' })
    const failure = failureOfResponse({ provider: 'p', status: 308, headers, body: '', secrets: [] })
    expect(failure).toMatchObject({ kind: 'invalid-request' })
    expect(failure.message).toContain('https://there/v1')
  })
})

describe('replies', () => {
  const replyTo = (...chunks: readonly unknown[]) => {
    const builder = replyBuilder({ provider: 'p', secrets: [], wantsLogProbabilities: false })
    for (const chunk of chunks) builder.take(chunk)
    return builder.reply([])
  }
  const delta = (content: object, reason: string | null = null) => ({
    choices: [{ index: 0, delta: content, finish_reason: reason }],
  })

  test.each([
    ['DeepSeek, llama-server', { reasoning_content: 'hm', content: 'yes' }],
    ['OpenRouter, Ollama', { reasoning: 'hm', content: 'yes' }],
    ['both at once', { reasoning: 'hm', reasoning_content: 'hm', content: 'yes' }],
    [
      'Mistral',
      {
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
          { type: 'text', text: 'yes' },
        ],
      },
    ],
  ])('reasoning of %s', (_who, message) => {
    expect(replyTo(delta(message, 'stop'))).toMatchObject({ text: 'yes', reasoning: 'hm', warnings: [] })
  })

  test.each([
    ['stop', 'stop'],
    ['eos', 'stop'],
    ['length', 'length'],
    ['MAX_TOKENS', 'length'],
    ['content_filter', 'content-filter'],
    ['tool_calls', 'tool-calls'],
    ['something new', 'other'],
  ])('finish reason %s is %s', (theirs, ours) => {
    expect(replyTo(delta({ content: 'a' }, theirs)).finishReason).toBe(ours)
  })

  test('a refusal is a content filter’s, and in the warnings', () => {
    const reply = replyTo(delta({ refusal: 'I ' }), delta({ refusal: 'won’t' }, 'stop'))
    expect(reply).toMatchObject({ text: '', finishReason: 'content-filter', warnings: ['the model refused: I won’t'] })
  })

  test('another choice than the first is not mixed in; usage may come at any time', () => {
    const other = { choices: [{ index: 1, delta: { content: 'no' }, finish_reason: null }] }
    const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 0 } }
    expect(replyTo(delta({ content: 'yes' }), other, usage, delta({}, 'stop'))).toMatchObject({
      text: 'yes',
      usage: { inputTokens: 3, outputTokens: 0 },
    })
  })

  test.each([
    [{ prompt_tokens: 9 }, { inputTokens: 9 }],
    [{ prompt_tokens: 9, completion_tokens: null, prompt_tokens_details: null }, { inputTokens: 9 }],
    [
      { prompt_tokens: 9, prompt_cache_hit_tokens: 4 },
      { inputTokens: 9, cachedInputTokens: 4 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14, completion_tokens_details: { reasoning_tokens: 4 } },
      { inputTokens: 9, outputTokens: 5, reasoningTokens: 4 },
    ],
    // xAI: reasoning beside the completion.
    [
      { prompt_tokens: 9, completion_tokens: 5, total_tokens: 18, completion_tokens_details: { reasoning_tokens: 4 } },
      { inputTokens: 9, outputTokens: 9, reasoningTokens: 4 },
    ],
    [undefined, {}],
    ['many', {}],
  ])('usage %j', (theirs, ours) => expect(readUsage(theirs)).toEqual(ours))

  test('an error in the middle, with its status as its code or in words', () => {
    const failing = (error: object) => () => replyTo({ error, choices: [] })
    expect(failing({ code: 502, message: 'x' })).toThrow(expect.objectContaining({ kind: 'server', status: 502 }))
    expect(failing({ code: 429, message: 'x' })).toThrow(expect.objectContaining({ kind: 'rate-limit' }))
    expect(failing({ type: 'overloaded_error' })).toThrow(expect.objectContaining({ kind: 'overloaded' }))
    expect(failing({ type: 'BadRequestError' })).toThrow(expect.objectContaining({ kind: 'invalid-request' }))
    expect(() => replyTo(delta({ content: 'a' }, 'error'))).toThrow(expect.objectContaining({ kind: 'server' }))
  })
})

test('names of secrets', () => {
  const secret = ['Authorization', 'x-api-key', 'api-key', 'apiKey', 'api_key', 'X-Auth-Token', 'accessToken', 'Cookie']
  const more = ['secretAccessKey', 'accessKeyId', 'sessionToken', 'x-goog-api-key', 'Proxy-Authorization', 'password']
  expect([...secret, ...more].filter((name) => !isSecretName(name))).toEqual([])
  const plain = ['HTTP-Referer', 'X-Title', 'OpenAI-Organization', 'baseURL', 'region', 'maxTokens', 'keyboard', 'name']
  expect(plain.filter(isSecretName)).toEqual([])
  expect(secretField({ a: [{ headers: { 'X-Api-Key': 1 } }] })).toBe('a.0.headers.X-Api-Key')
})
