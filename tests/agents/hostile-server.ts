// A local server with OpenAI's chat completions that does to a client whatever servers do to clients: see `behaviours`. It
// keeps a log of every request (what it was, what was done to it, when it began and ended, whether the client went away),
// and counts the replies that it sent to their end: those would be billed.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Body, completionFor, defaultAnswer, requestKey } from './hostile-completion.ts'
import { answeredOtherwise, refuse } from './hostile-errors.ts'
import { always, type Behaviour, type Plan } from './hostile-plan.ts'
import { Gone, sendStream, sendWhole } from './hostile-replies.ts'

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
  /**
   * So many requests in each window of `windowMs` (default: a minute), told in `x-ratelimit-*` headers; what comes beyond
   * is refused until the next. Tokens are told and not counted.
   */
  readonly rateLimits?: { readonly requests: number; readonly tokens: number; readonly windowMs?: number }
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

export async function startHostileServer(options: HostileServerOptions = {}): Promise<HostileServer> {
  const { slowMs = 300, retryAfterMs = 50, tokenMs = 0, keepBodies = true } = options
  const log: LogEntry[] = []
  const attempts = new Map<string, number>()
  const completed = new Map<string, number>()
  let plan = options.plan ?? always('reply')
  let active = 0
  let peak = 0
  let connections = 0
  let window = { ends: 0, left: 0 }

  /** False once the window is used up; `retry-after-ms` is when the next begins. */
  const withinLimits = (response: ServerResponse): boolean => {
    if (options.rateLimits === undefined) return true
    const { requests, tokens, windowMs = 60_000 } = options.rateLimits
    const now = performance.now()
    if (now >= window.ends) window = { ends: now + windowMs, left: requests }
    const within = window.left > 0
    if (within) window.left--
    const resetMs = Math.ceil(window.ends - now)
    response.setHeader('x-ratelimit-limit-requests', requests)
    response.setHeader('x-ratelimit-remaining-requests', window.left)
    response.setHeader('x-ratelimit-reset-requests', `${resetMs}ms`)
    response.setHeader('x-ratelimit-limit-tokens', tokens)
    response.setHeader('x-ratelimit-remaining-tokens', tokens)
    response.setHeader('x-ratelimit-reset-tokens', '6m0s')
    if (!within) refuse(response, { 'retry-after-ms': String(resetMs) })
    return within
  }

  const complete = async (entry: LogEntry, body: Body, response: ServerResponse): Promise<void> => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const wait = async (ms: number): Promise<void> => {
      if (ms > 0) await sleep(ms, undefined, { signal: gone.signal }).catch(() => undefined)
      if (gone.signal.aborted) throw new Gone()
    }
    const { behaviour, key } = entry
    const { firstTokenMs = 0 } = options
    await wait(typeof firstTokenMs === 'function' ? firstTokenMs(key, body) : firstTokenMs)
    if (behaviour === 'slow-first-token') await wait(slowMs)
    const completion = completionFor(body, (options.answer ?? defaultAnswer)(body, key))
    const send = entry.stream ? sendStream : sendWhole
    if (!(await send({ entry, body, completion, response, tokenMs, slowMs, wait }))) return
    if (response.destroyed) throw new Gone()
    response.end()
    entry.completed = true
    completed.set(key, (completed.get(key) ?? 0) + 1)
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
    active++
    peak = Math.max(peak, active)
    response.once('close', () => {
      active--
      entry.endedAt = performance.now()
      if (!response.writableEnded && !entry.behaviour.startsWith('drop')) entry.clientClosedAt = entry.endedAt
    })
    const { key: secret, maxConcurrent = Infinity } = options
    const known = secret === undefined || request.headers.authorization === `Bearer ${secret}`
    if (!known) answeredOtherwise('unauthorized', entry.model, retryAfterMs, response)
    else if (active > maxConcurrent) refuse(response, { 'retry-after-ms': String(retryAfterMs) })
    else if (withinLimits(response) && !answeredOtherwise(entry.behaviour, entry.model, retryAfterMs, response))
      await complete(entry, body, response)
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
