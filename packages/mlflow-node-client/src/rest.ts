// Calls of the REST API: addresses, retries, JSON, and every failure as one MlflowError.
import type { IncomingMessage } from 'node:http'
import { MlflowError, remedy, shownUrl } from './errors.ts'
import { isTransient, type Repeat, retryAfterMs, TransientAnswer, withRetries } from './retry.ts'
import type { Settings } from './settings.ts'
import { type Body, ConnectionError, isCertificateError, text, Transport } from './transport.ts'

export interface CallOptions {
  /** Cancels this call; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface Call extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the tracking URI (`/api/…`), or a whole presigned address, to which no credentials are sent. */
  readonly path: string | URL
  readonly query?: Query | undefined
  /** Sent as JSON. */
  readonly json?: unknown
  readonly body?: Body | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly repeat?: Repeat | undefined
}

export const api = '/api/2.0/mlflow'
export const api3 = '/api/3.0/mlflow'

export class Rest implements Disposable {
  readonly settings: Settings
  readonly #transport: Transport

  constructor(settings: Settings) {
    this.settings = settings
    this.#transport = new Transport(settings)
  }

  /**
   * Sends a call and lets `consume` read a successful answer. It is part of the attempt: an answer that breaks off is
   * asked for again.
   */
  async send<T>(call: Call, consume: (answer: IncomingMessage) => Promise<T>): Promise<T> {
    const url = this.#address(call)
    const signal = combined(this.settings.signal, call.signal)
    const headers: Record<string, string> = { 'user-agent': 'mlflow-node-client', accept: '*/*', ...call.headers }
    if (typeof call.path === 'string' && this.settings.authorization !== undefined)
      headers['authorization'] = this.settings.authorization
    if (call.json !== undefined) headers['content-type'] = 'application/json'
    const body = call.json === undefined ? call.body : JSON.stringify(call.json)
    let attempts = 0
    try {
      return await withRetries(this.settings, { repeat: call.repeat, signal }, async (number, fresh) => {
        attempts = number
        const answer = await this.#transport.send({ method: call.method, url, headers, body, signal, fresh })
        const status = answer.statusCode ?? 0
        try {
          if (status >= 200 && status < 300) return await consume(answer)
          const message = await text(answer)
          throw isTransient(status)
            ? new TransientAnswer(status, message, answer.headers['retry-after'])
            : refusal(call, url, status, message, attempts)
        } catch (error) {
          answer.destroy()
          throw error
        }
      })
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof TransientAnswer)
        throw refusal(call, url, error.status, error.body, attempts, retryAfterMs(error.retryAfter))
      if (error instanceof ConnectionError) throw unreachable(call, url, error, attempts)
      throw error
    }
  }

  /** A call whose answer is a JSON object. */
  json<T>(call: Call): Promise<T> {
    return this.send(call, async (answer) => {
      const body = await text(answer)
      if (body.trim() === '') return {} as T
      const value = parsed(body)
      if (value !== undefined) return value as T
      const type = answer.headers['content-type'] ?? 'no content type'
      throw new MlflowError(
        'INVALID_RESPONSE',
        `${call.method} ${shownUrl(this.#address(call))} was answered with something that is not a JSON object (${type}). Something else than an MLflow server answers there: check the tracking URI.`,
        { status: answer.statusCode, url: shownUrl(this.#address(call)) },
      )
    })
  }

  #address(call: Call): URL {
    if (call.path instanceof URL) return call.path
    const url = new URL(this.settings.baseUrl.href.replace(/\/$/, '') + call.path)
    for (const [key, value] of Object.entries(call.query ?? {}))
      if (Array.isArray(value)) for (const item of value) url.searchParams.append(key, item as string)
      else if (value !== undefined) url.searchParams.set(key, String(value as string | number | boolean))
    return url
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]()
  }
}

const combined = (...signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined => {
  const given = signals.filter((signal) => signal !== undefined)
  return given.length > 1 ? AbortSignal.any(given) : given[0]
}

const parsed = (body: string): object | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const refusal = (
  call: Call,
  url: URL,
  status: number,
  body: string,
  attempts: number,
  retryAfterMs?: number,
): MlflowError => {
  const answer = parsed(body) as { error_code?: string; message?: string; detail?: unknown } | undefined
  const code = answer?.error_code ?? (status === 401 ? 'UNAUTHENTICATED' : `HTTP_${status}`)
  const said =
    answer?.message ??
    (answer === undefined && /<\w/.test(body) ? 'an HTML page' : JSON.stringify(answer?.detail) || body || 'nothing')
  const again = attempts > 1 ? ` after ${attempts} attempts` : ''
  return new MlflowError(
    code,
    `${call.method} ${shownUrl(url)} was refused${again} with ${code} (status ${status}): ${said.replace(/\.$/, '')}.${remedy(status)}`,
    { status, url: shownUrl(url), attempts, retryAfterMs },
  )
}

const unreachable = (call: Call, url: URL, error: ConnectionError, attempts: number): MlflowError => {
  const advice = isCertificateError(error.cause as NodeJS.ErrnoException)
    ? 'The certificate is not trusted: give its authority as `ca` (MLFLOW_TRACKING_SERVER_CERT_PATH).'
    : {
        refused: 'No server answers there: is it running, and is the tracking URI right?',
        broken: 'The server or something between closed the connection.',
        silent: 'Raise `timeoutMs` (MLFLOW_HTTP_REQUEST_TIMEOUT) if the server is only slow.',
      }[error.kind]
  return new MlflowError(
    error.kind === 'silent' ? 'TIMEOUT' : 'CONNECTION_FAILED',
    `${call.method} ${shownUrl(url)} failed after ${attempts} attempt${attempts === 1 ? '' : 's'}: ${error.message}. ${advice}`,
    { url: shownUrl(url), attempts, cause: error },
  )
}

/** Goes through a paged listing, one request a page, asking for the next only when it is wanted. */
export async function* pages<T>(
  fetchPage: (
    pageToken: string | undefined,
  ) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): AsyncGenerator<T, void, undefined> {
  let token: string | undefined
  do {
    const { items, next } = await fetchPage(token)
    yield* items
    token = next || undefined
  } while (token !== undefined)
}
