// The server is right where a client that others wrote says so: OpenAI's own.
import OpenAI, { APIConnectionError, APIError, AuthenticationError, InternalServerError, RateLimitError } from 'openai'
import { describe, expect, test } from 'vitest'
import { always, firstTries, seededPlan } from './hostile-plan.ts'
import { type HostileServerOptions, startHostileServer } from './hostile-server.ts'

const messages = [
  { role: 'system' as const, content: 'You answer questions.' },
  { role: 'user' as const, content: 'How many eggs are left? — «œufs» 🥚' },
]

async function serve(options: HostileServerOptions = {}) {
  const server = await startHostileServer(options)
  const client = new OpenAI({ baseURL: server.url, apiKey: options.key ?? 'none', maxRetries: 0 })
  return { server, client, [Symbol.asyncDispose]: () => server.kill() }
}

const errorOf = async (promise: PromiseLike<unknown>): Promise<APIError> => {
  try {
    await promise
  } catch (error) {
    return error as APIError
  }
  throw new Error('it did not fail')
}

describe('OpenAI’s client with the hostile server', () => {
  test('reads a completion with usage and log-probabilities', async () => {
    await using it = await serve()
    const reply = await it.client.chat.completions.create({ model: 'tiny', messages, logprobs: true, top_logprobs: 2 })
    expect(reply.choices[0]?.message.content).toMatch(/^Thinking: .*\n#### \d+$/s)
    expect(reply.choices[0]?.finish_reason).toBe('stop')
    const tokens = reply.choices[0]?.logprobs?.content ?? []
    expect(tokens.map(({ token }) => token).join('')).toBe(reply.choices[0]?.message.content)
    expect(tokens[0]?.top_logprobs).toHaveLength(2)
    expect(reply.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: tokens.length })
    expect(reply.usage?.prompt_tokens_details?.cached_tokens).toBe(3)
    expect(it.server.log[0]).toMatchObject({ completed: true, stream: false, attempt: 0 })
  })

  test('reads the same as a stream, and the usage in its last chunk', async () => {
    await using it = await serve({ tokenMs: 1 })
    const whole = await it.client.chat.completions.create({ model: 'tiny', messages })
    const stream = it.client.chat.completions.stream({
      model: 'tiny',
      messages,
      stream_options: { include_usage: true },
    })
    const last = await stream.finalChatCompletion()
    expect(last.choices[0]?.message.content).toBe(whole.choices[0]?.message.content)
    expect(last.choices[0]?.finish_reason).toBe('stop')
    expect(last.usage).toEqual(whole.usage)
    expect([...it.server.completed.values()]).toEqual([2])
  })

  test('sees limits on tokens, stops and schemas at work', async () => {
    await using it = await serve()
    const short = await it.client.chat.completions.create({ model: 'tiny', messages, max_tokens: 4 })
    expect(short.choices[0]?.finish_reason).toBe('length')
    expect(short.usage?.completion_tokens).toBe(4)
    const stopped = await it.client.chat.completions.create({ model: 'tiny', messages, stop: ['####'] })
    expect(stopped.choices[0]?.message.content).not.toContain('####')
    const json = await it.client.chat.completions.create({
      model: 'tiny',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } },
    })
    expect(JSON.parse(json.choices[0]?.message.content ?? '')).toHaveProperty('answer')
  })

  test('raises the errors that it has names for', async () => {
    await using it = await serve({ key: 'right', retryAfterMs: 1500 })
    const ask = () => it.client.chat.completions.create({ model: 'tiny', messages })
    const met = async (behaviour: Parameters<typeof always>[0]): Promise<APIError> => {
      it.server.plan = always(behaviour)
      return errorOf(ask())
    }
    expect(await met('rate-limit')).toBeInstanceOf(RateLimitError)
    expect((await met('rate-limit')).headers?.get('retry-after')).toBeNull()
    expect((await met('rate-limit-seconds')).headers?.get('retry-after')).toBe('2')
    expect((await met('rate-limit-ms')).headers?.get('retry-after-ms')).toBe('1500')
    const date = Date.parse((await met('rate-limit-date')).headers?.get('retry-after') ?? '')
    expect(date - Date.now()).toBeGreaterThan(1000)
    expect(await met('server-error')).toBeInstanceOf(InternalServerError)
    expect(await met('overloaded')).toMatchObject({ status: 503 })
    expect(await met('bad-gateway')).toMatchObject({ status: 502 })
    expect(await met('context-length')).toMatchObject({ status: 400, code: 'context_length_exceeded' })
    expect(await met('unknown-model')).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(await met('drop-before-headers')).toBeInstanceOf(APIConnectionError)
    const stranger = new OpenAI({ baseURL: it.server.url, apiKey: 'wrong', maxRetries: 0 })
    expect(await errorOf(stranger.chat.completions.create({ model: 'tiny', messages }))).toBeInstanceOf(
      AuthenticationError,
    )
  })

  test.each(['drop-mid-stream', 'malformed-json', 'error-in-stream'] as const)(
    'sees a stream fail in its middle: %s',
    async (behaviour) => {
      await using it = await serve({ plan: always(behaviour), tokenMs: 1 })
      const stream = await it.client.chat.completions.create({ model: 'tiny', messages, stream: true })
      let text = ''
      const read = async (): Promise<void> => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
      }
      await expect(read()).rejects.toThrow()
      expect(text).toMatch(/^Thinking/)
      expect(it.server.completed.size).toBe(0)
    },
  )

  test('tries again by itself, as long as the server asks, until it is served', async () => {
    await using it = await serve({ plan: firstTries('rate-limit-ms', 'server-error'), retryAfterMs: 120 })
    const patient = new OpenAI({ baseURL: it.server.url, apiKey: 'none', maxRetries: 2 })
    await patient.chat.completions.create({ model: 'tiny', messages })
    expect(it.server.log.map(({ behaviour }) => behaviour)).toEqual(['rate-limit-ms', 'server-error', 'reply'])
    expect(it.server.log[1]!.startedAt - it.server.log[0]!.endedAt!).toBeGreaterThan(110)
  })

  test('goes away, and the server notices within milliseconds', async () => {
    await using it = await serve({ tokenMs: 20 })
    const abort = new AbortController()
    const stream = await it.client.chat.completions.create(
      { model: 'tiny', messages, stream: true },
      { signal: abort.signal },
    )
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    abort.abort()
    const at = performance.now()
    await expect.poll(() => it.server.log[0]?.clientClosedAt).toBeDefined()
    expect(it.server.log[0]!.clientClosedAt! - at).toBeLessThan(200)
    expect(it.server.log[0]!.completed).toBe(false)
    expect(it.server.active).toBe(0)
  })
})

test('a seeded plan depends on the request and the try alone, and keeps to its shares', () => {
  const plan = seededPlan(7, { 'rate-limit': 0.2, overloaded: 0.1 }, { maxFaults: 1 })
  const request = (key: string, attempt = 0) => ({ key, attempt, index: Math.random(), body: {} })
  const drawn = Array.from({ length: 4000 }, (_, n) => plan(request(String(n))))
  const share = (behaviour: string): number => drawn.filter((one) => one === behaviour).length / drawn.length
  // Four standard errors of a proportion.
  expect(Math.abs(share('rate-limit') - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 4000))
  expect(Math.abs(share('overloaded') - 0.1)).toBeLessThan(4 * Math.sqrt((0.1 * 0.9) / 4000))
  expect(drawn.map((_, n) => plan(request(String(n))))).toEqual(drawn)
  expect(drawn.map((_, n) => plan(request(String(n), 1))).every((one) => one === 'reply')).toBe(true)
})
