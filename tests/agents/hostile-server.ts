// A local server with OpenAI's chat completions that does to a client whatever servers do to clients: see `behaviours`. It
// keeps a log of every request (what it was, what was done to it, when it began and ended, whether the client went away),
// and counts the replies that it sent to their end: those would be billed.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Body,
  type Completion,
  completionFor,
  defaultAnswer,
  logProbability,
  requestKey,
} from './hostile-completion.ts'
import { always, type Behaviour, type Plan } from './hostile-plan.ts'

export interface HostileServerOptions {
  readonly plan?: Plan
  /** What it says, before limits and stops. Default: by the hash of the request. */
  readonly answer?: (body: Body, key: string) => string
  /** Milliseconds to the first token: a number, or by the request. Default 0. */
  readonly firstTokenMs?: number | ((key: string, body: Body) => number)
  /** Milliseconds between tokens. Default 0: as fast as it can. */
  readonly tokenMs?: number
  /** Of the slow behaviours. Default 300. */
  readonly slowMs?: number
  /** What rate limits ask to wait, in milliseconds. Default 50; in seconds and dates rounded up. */
  readonly retryAfterMs?: number
  /** Sends `x-ratelimit-*` headers: requests and tokens a minute. */
  readonly rateLimits?: { readonly requests: number; readonly tokens: number }
  /** Refuses with 429 (and how long to wait) what comes while that many requests are under way. */
  readonly maxConcurrent?: number
  /** The key that it asks for. Default: any, or none. */
  readonly key?: string
  /** Keeps the bodies in the log. Default true. */
  readonly keepBodies?: boolean
  readonly port?: number
}

export interface LogEntry {
  readonly index: number
  readonly key: string
  readonly attempt: number
  readonly behaviour: Behaviour
  readonly model: string
  readonly stream: boolean
  /** Empty unless bodies are kept. */
  readonly body: Body
  /** Milliseconds, as of `performance.now()`. */
  readonly startedAt: number
  endedAt?: number
  /** When the client closed the connection before the answer's end. */
  clientClosedAt?: number
  /** The whole reply was sent: it would be billed. */
  completed: boolean
  tokensSent: number
}

export interface HostileServer extends AsyncDisposable {
  /** The base: ends in `/v1`. */
  readonly url: string
  readonly port: number
  readonly log: readonly LogEntry[]
  /** Replies that were sent whole, by request. */
  readonly completed: ReadonlyMap<string, number>
  /** Requests under way. */
  readonly active: number
  /** The most that were under way at once. */
  readonly peak: number
  readonly connections: number
  plan: Plan
  /** Cuts every connection, as when the machine is switched off; the port stays closed. */
  kill(): Promise<void>
}

/** Ends a wait when the client has gone. */
class Gone extends Error {}

export async function startHostileServer(options: HostileServerOptions = {}): Promise<HostileServer> {
  const { slowMs = 300, retryAfterMs = 50, tokenMs = 0, keepBodies = true } = options
  const log: LogEntry[] = []
  const attempts = new Map<string, number>()
  const completed = new Map<string, number>()
  let plan = options.plan ?? always('reply')
  let active = 0
  let peak = 0
  let connections = 0
  let left = options.rateLimits?.requests ?? 0

  const fail = (response: ServerResponse, status: number, error: Body, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }))
  }

  const refuse = (response: ServerResponse, headers: Record<string, string>): void =>
    fail(response, 429, { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' }, headers)

  /** Answers that are no completion; false where the behaviour is one. */
  const answeredOtherwise = (behaviour: Behaviour, entry: LogEntry, response: ServerResponse): boolean => {
    const seconds = Math.ceil(retryAfterMs / 1000)
    const invalid = { type: 'invalid_request_error', param: null }
    if (behaviour === 'drop-before-headers') response.socket?.resetAndDestroy()
    else if (behaviour === 'rate-limit') refuse(response, {})
    else if (behaviour === 'rate-limit-seconds') refuse(response, { 'retry-after': String(seconds) })
    else if (behaviour === 'rate-limit-ms') refuse(response, { 'retry-after-ms': String(retryAfterMs) })
    else if (behaviour === 'rate-limit-date') {
      const date = new Date(Date.now() + seconds * 1000 + 999)
      refuse(response, { 'retry-after': date.toUTCString() })
    } else if (behaviour === 'quota')
      fail(response, 429, {
        message: 'You exceeded your current quota',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      })
    else if (behaviour === 'server-error')
      fail(response, 500, { message: 'The server had an error', type: 'server_error' })
    else if (behaviour === 'overloaded') fail(response, 503, { message: 'Overloaded', type: 'overloaded_error' })
    else if (behaviour === 'bad-gateway')
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html><h1>502 Bad Gateway</h1></html>')
    else if (behaviour === 'unauthorized')
      fail(response, 401, {
        ...invalid,
        // Some servers do repeat it.
        message: `Incorrect API key provided: ${response.req.headers.authorization?.replace('Bearer ', '') ?? 'none'}`,
        code: 'invalid_api_key',
      })
    else if (behaviour === 'unknown-model')
      fail(response, 404, { ...invalid, message: `The model ${entry.model} does not exist`, code: 'model_not_found' })
    else if (behaviour === 'context-length') {
      const message = 'This model’s maximum context length is 128 tokens'
      fail(response, 400, { ...invalid, message, code: 'context_length_exceeded' })
    } else if (behaviour === 'content-filter')
      fail(response, 400, { ...invalid, message: 'The prompt was filtered', code: 'content_filter' })
    else return false
    return true
  }

  /** One completion, as it should be or as the behaviour has it. */
  const complete = async (entry: LogEntry, body: Body, response: ServerResponse, gone: AbortSignal): Promise<void> => {
    const { behaviour, key } = entry
    const wait = async (ms: number): Promise<void> => {
      if (ms > 0) await sleep(ms, undefined, { signal: gone }).catch(() => undefined)
      if (gone.aborted) throw new Gone()
    }
    const completion = completionFor(body, (options.answer ?? defaultAnswer)(body, key))
    const { firstTokenMs = 0 } = options
    await wait(typeof firstTokenMs === 'function' ? firstTokenMs(key, body) : firstTokenMs)
    if (behaviour === 'slow-first-token') await wait(slowMs)
    if (entry.stream) await stream(entry, body, completion, response, wait)
    else await whole(entry, body, completion, response, wait)
  }

  const headOf = (entry: LogEntry, object: string): Body => ({
    id: `chatcmpl-${entry.key}`,
    object,
    created: 1_700_000_000,
    model: `${entry.model}-2026-01-01`,
    system_fingerprint: 'fp_hostile',
  })

  const whole = async (
    entry: LogEntry,
    body: Body,
    completion: Completion,
    response: ServerResponse,
    wait: (ms: number) => Promise<void>,
  ): Promise<void> => {
    const { behaviour } = entry
    const { reasoning, tokens, finishReason, usage } = completion
    await wait(tokenMs * tokens.length)
    const message = {
      role: 'assistant',
      content: tokens.join(''),
      ...(reasoning.length > 0 && { reasoning_content: reasoning.join('') }),
      refusal: null,
    }
    const alternatives = Number(body['top_logprobs'] ?? 0)
    const logprobs = body['logprobs'] === true && {
      content: tokens.map((token) => logProbability(token, alternatives)),
    }
    const choice = { index: 0, message, ...(logprobs && { logprobs }), finish_reason: finishReason }
    const json = JSON.stringify({ ...headOf(entry, 'chat.completion'), choices: [choice], usage })
    const half = json.slice(0, json.length / 2)
    response.writeHead(200, { 'content-type': 'application/json' })
    if (behaviour === 'malformed-json' || behaviour === 'truncated' || behaviour === 'truncated-chunk')
      return void response.end(half)
    if (behaviour === 'malformed-shape') return void response.end('{"hello": "world"}')
    if (behaviour === 'error-in-stream')
      return void response.end(JSON.stringify({ error: { message: 'Upstream failed', code: 502 } }))
    if (behaviour === 'endless') {
      response.write(half.slice(0, half.indexOf('"content"')) + '"content":"')
      for (;;) {
        await flush(response, 'more and '.repeat(1000))
        entry.tokensSent += 2000
        await wait(1)
      }
    }
    if (behaviour !== 'reply' && behaviour !== 'slow-first-token') {
      response.write(half)
      if (behaviour === 'drop-mid-stream') {
        await wait(5)
        return void response.socket?.resetAndDestroy()
      }
      await wait(behaviour === 'hang' ? 2 ** 31 - 1 : slowMs)
      response.write(json.slice(half.length))
    } else response.write(json)
    entry.tokensSent = tokens.length
    finish(entry, response)
  }

  const stream = async (
    entry: LogEntry,
    body: Body,
    { reasoning, tokens, finishReason, usage }: Completion,
    response: ServerResponse,
    wait: (ms: number) => Promise<void>,
  ): Promise<void> => {
    const { behaviour } = entry
    const head = headOf(entry, 'chat.completion.chunk')
    const event = (data: Body): string => `data: ${JSON.stringify(data)}\n\n`
    const chunk = (delta: Body, more: Body = {}): Body => ({
      ...head,
      choices: [{ index: 0, delta, finish_reason: null, ...more }],
    })
    const alternatives = Number(body['top_logprobs'] ?? 0)
    const tokenChunk = (token: string): Body =>
      chunk(
        { content: token },
        body['logprobs'] === true ? { logprobs: { content: [logProbability(token, alternatives)] } } : {},
      )
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(event(chunk({ role: 'assistant', content: '' })))
    if (behaviour === 'slow-after-headers') await wait(slowMs)
    if (behaviour === 'malformed-shape') return void response.end('data: {"hello": "world"}\n\ndata: [DONE]\n\n')
    for (const token of reasoning) response.write(event(chunk({ reasoning_content: token })))
    const middle = Math.floor(tokens.length / 2)
    for (const [n, token] of tokens.entries()) {
      if (n === middle) {
        if (behaviour === 'truncated') return void response.end()
        if (behaviour === 'truncated-chunk') return void response.end(event(tokenChunk(token)).slice(0, -20))
        if (behaviour === 'malformed-json') return void response.end('data: {"choices": [{"delta": nonsense}]}\n\n')
        if (behaviour === 'error-in-stream') {
          response.end(event({ error: { message: 'Upstream failed', type: 'server_error', code: 502 } }))
          return
        }
        if (behaviour === 'drop-mid-stream') {
          // What was written goes out before the reset.
          await wait(5)
          return void response.socket?.resetAndDestroy()
        }
        if (behaviour === 'stall') await wait(slowMs)
        if (behaviour === 'hang') await wait(2 ** 31 - 1)
        while (behaviour === 'endless') {
          await flush(response, event(chunk({ content: ' and more' })).repeat(100))
          entry.tokensSent += 200
          await wait(1)
        }
      }
      if (tokenMs > 0 && n > 0) await wait(tokenMs)
      response.write(event(tokenChunk(token)))
      entry.tokensSent++
    }
    response.write(event(chunk({}, { finish_reason: finishReason })))
    const options_ = body['stream_options'] as Body | undefined
    if (options_?.['include_usage'] === true) response.write(event({ ...head, choices: [], usage }))
    response.write('data: [DONE]\n\n')
    finish(entry, response)
  }

  const flush = async (response: ServerResponse, text: string): Promise<void> => {
    if (response.write(text) || response.destroyed) return
    await new Promise<void>((resolve) => {
      response.once('drain', resolve).once('close', resolve)
    })
  }

  const finish = (entry: LogEntry, response: ServerResponse): void => {
    if (response.destroyed) throw new Gone()
    response.end()
    entry.completed = true
    completed.set(entry.key, (completed.get(entry.key) ?? 0) + 1)
  }

  const limitHeaders = (response: ServerResponse): void => {
    if (options.rateLimits === undefined) return
    const { requests, tokens } = options.rateLimits
    left = left <= 0 ? requests : left - 1
    response.setHeader('x-ratelimit-limit-requests', requests)
    response.setHeader('x-ratelimit-remaining-requests', left)
    response.setHeader('x-ratelimit-reset-requests', `${((requests - left) * 60_000) / requests}ms`)
    response.setHeader('x-ratelimit-limit-tokens', tokens)
    response.setHeader('x-ratelimit-remaining-tokens', tokens)
    response.setHeader('x-ratelimit-reset-tokens', '6m0s')
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (request.method === 'GET' && request.url === '/v1/models')
      return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","data":[]}')
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
      return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"detail":"Not Found"}')
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Body
    const key = requestKey(body)
    const attempt = attempts.get(key) ?? 0
    attempts.set(key, attempt + 1)
    const index = log.length
    const entry: LogEntry = {
      index,
      key,
      attempt,
      behaviour: plan({ key, attempt, index, body }),
      model: String(body['model']),
      stream: body['stream'] === true,
      body: keepBodies ? body : {},
      startedAt: performance.now(),
      completed: false,
      tokensSent: 0,
    }
    log.push(entry)
    const gone = new AbortController()
    active++
    peak = Math.max(peak, active)
    response.once('close', () => {
      active--
      entry.endedAt = performance.now()
      if (!response.writableEnded && !entry.behaviour.startsWith('drop')) entry.clientClosedAt = entry.endedAt
      gone.abort()
    })
    limitHeaders(response)
    if (options.key !== undefined && request.headers.authorization !== `Bearer ${options.key}`)
      return void answeredOtherwise('unauthorized', entry, response)
    if (active > (options.maxConcurrent ?? Infinity))
      return refuse(response, { 'retry-after-ms': String(retryAfterMs) })
    if (!answeredOtherwise(entry.behaviour, entry, response)) await complete(entry, body, response, gone.signal)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!(error instanceof Gone)) response.destroy(error as Error)
    })
  })
  server.on('connection', () => connections++)
  // Node's own limits on how long a request may take are not part of any behaviour.
  server.requestTimeout = 0
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const kill = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    log,
    completed,
    get active() {
      return active
    },
    get peak() {
      return peak
    },
    get connections() {
      return connections
    },
    get plan() {
      return plan
    },
    set plan(next) {
      plan = next
    },
    kill,
    [Symbol.asyncDispose]: kill,
  }
}
