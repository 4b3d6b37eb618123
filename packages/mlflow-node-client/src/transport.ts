// One HTTP exchange over node:http(s). Not `fetch`: its TLS options need a package, its request streams need HTTP/2 or
// half-duplex tricks, and it hides whether a connection was refused (nothing was sent) or broke (something may have been).
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import type { Settings } from './settings.ts'

/** What is sent: text, bytes, or a stream that is opened anew for each attempt. */
export type Body = string | Uint8Array | Streamed

export interface Streamed {
  readonly open: () => Readable
  readonly length?: number | undefined
}

export interface Exchange {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | number>>
  readonly body?: Body | undefined
  readonly signal?: AbortSignal | undefined
  /** Take a connection of its own: one that lay idle may have been closed by the server a moment ago. */
  readonly fresh?: boolean | undefined
}

/** Why there is no whole answer. */
export class ConnectionError extends Error {
  readonly kind: 'refused' | 'broken' | 'silent'
  /** The connection was kept from before, so the server had probably closed it while it was idle. */
  readonly stale: boolean

  constructor(kind: ConnectionError['kind'], stale: boolean, cause: Error) {
    super(cause.message || (cause as NodeJS.ErrnoException).code || 'the connection failed', { cause })
    this.kind = kind
    this.stale = stale
  }
}

/** Errors after which nothing can have reached the server. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** Holds the connections; dispose of it to close them. */
export class Transport implements Disposable {
  readonly #settings: Settings
  readonly #agent: HttpAgent
  readonly #request: typeof httpRequest

  constructor(settings: Settings) {
    this.#settings = settings
    const secure = settings.baseUrl.protocol === 'https:'
    const pool = { keepAlive: true, maxSockets: settings.connections, timeout: settings.timeoutMs }
    this.#agent = secure ? new HttpsAgent({ ...pool, ...settings.tls }) : new HttpAgent(pool)
    this.#request = secure ? httpsRequest : httpRequest
  }

  /**
   * Sends once and resolves with the answer's head; its body is to be consumed by the caller.
   *
   * @throws ConnectionError where there is no answer; the signal's reason; what reading the body threw.
   */
  send(exchange: Exchange): Promise<IncomingMessage> {
    const { body, url, signal } = exchange
    const whole = typeof body === 'string' || body instanceof Uint8Array
    const length = whole ? Buffer.byteLength(body) : body?.length
    // A presigned address may have another scheme than the server's, and is none of the pool's concern.
    const foreign = url.host !== this.#settings.baseUrl.host || url.protocol !== this.#settings.baseUrl.protocol
    const request = foreign ? (url.protocol === 'https:' ? httpsRequest : httpRequest) : this.#request
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const outgoing = request(url, {
        method: exchange.method,
        headers: {
          ...exchange.headers,
          ...(length !== undefined && { 'content-length': length }),
        },
        agent: foreign || exchange.fresh === true ? false : this.#agent,
        timeout: this.#settings.timeoutMs,
        ...this.#settings.tls,
        ...(signal && { signal }),
      })
      let source: Readable | undefined
      let answered = false
      const fail = (error: Error): void => {
        source?.destroy()
        reject(signal?.aborted ? (signal.reason as Error) : error)
      }
      outgoing.on('timeout', () => {
        outgoing.destroy(
          new ConnectionError('silent', false, new Error(`nothing was received for ${this.#settings.timeoutMs} ms`)),
        )
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        if (answered) return
        if (error instanceof ConnectionError) return fail(error)
        const refused = neverSent.has(error.code ?? '') || isCertificateError(error)
        fail(new ConnectionError(refused ? 'refused' : 'broken', !refused && outgoing.reusedSocket, error))
      })
      outgoing.on('response', (answer) => {
        answered = true
        // An answer before the end of what is sent is a refusal; the rest need not be read.
        if (source !== undefined && !source.readableEnded) source.destroy()
        resolve(answer)
      })
      if (whole || body === undefined) outgoing.end(body)
      else {
        source = body.open()
        source.on('error', (error) => {
          answered = true
          outgoing.destroy()
          fail(error)
        })
        source.pipe(outgoing)
      }
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

/** No retry makes a certificate valid. */
export const isCertificateError = (error: NodeJS.ErrnoException): boolean =>
  /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL/.test(error.code ?? '')

/** An answer's whole body as text. @throws ConnectionError when it breaks off. */
export const text = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer)
  } catch (error) {
    throw brokenOff(error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What an answer's stream throws when it ends before its time. */
export const brokenOff = (error: unknown): ConnectionError =>
  error instanceof ConnectionError ? error : new ConnectionError('broken', false, error as Error)
