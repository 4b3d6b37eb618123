// One POST and the body that comes back, piece by piece. A failure on any part of the way is a ChatFailure; what happens to
// the connection afterwards is decided here too: read to its end it is used again, given up it is closed.
import { ChatFailure, type RateLimits } from '@mixlab/agents'
import { failureOfFetch, patientFetch } from './patient-fetch.ts'
import { failureOfResponse } from './provider-errors.ts'
import { rateLimitsOf } from './rate-limit-headers.ts'

/** How long a connection may take to end after the reply was whole. */
const drainMs = 500
const errorBodyLimit = 64 * 1024

export interface Exchange {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** Ends the exchange at once, connection included. */
  readonly connection: AbortController
  readonly onRateLimits?: ((limits: RateLimits) => void) | undefined
  /** Who is asked, for messages. */
  readonly provider: string
  /** What must not be in a message. */
  readonly secrets: readonly string[]
}

export interface ExchangeResponse {
  /** It says that it is JSON, not an event stream. */
  readonly json: boolean
  /** To be read by `for await`; leaving the loop early gives the rest up. */
  readonly pieces: AsyncIterable<Uint8Array>
}

/**
 * Sends the request and waits for the answer's head.
 * @throws ChatFailure, also while `pieces` are read; the connection's reason once it is ended
 */
export async function exchange(request: Exchange): Promise<ExchangeResponse> {
  const { provider, secrets, connection } = request
  const failure = (error: unknown): unknown => {
    if (connection.signal.aborted) return connection.signal.reason
    return ChatFailure.is(error) ? error : failureOfFetch(provider, error, secrets)
  }

  const drain = async (reader: ReadableStreamDefaultReader): Promise<void> => {
    const timer = setTimeout(() => connection.abort(), drainMs)
    try {
      while (!(await reader.read()).done);
    } catch {
      // Closed: its connection is not used again.
    } finally {
      clearTimeout(timer)
    }
  }

  async function* read(response: Response): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader()
    if (reader === undefined) return
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value
    } catch (error) {
      throw failure(error)
    } finally {
      void drain(reader)
    }
  }

  try {
    const response = await patientFetch(request.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...request.headers },
      body: JSON.stringify(request.body),
      signal: connection.signal,
      // A redirected POST arrives as a GET, and its headers with a stranger.
      redirect: 'manual',
    })
    const limits = rateLimitsOf(response.headers)
    if (limits !== undefined) request.onRateLimits?.(limits)
    const pieces = read(response)
    const { ok, status, headers } = response
    if (ok) return { json: headers.get('content-type')?.includes('json') === true, pieces }
    throw failureOfResponse({ provider, status, headers, body: await readText(pieces, errorBodyLimit), secrets })
  } catch (error) {
    throw failure(error)
  }
}

/** Up to a little more than `limit` characters. */
export async function readText(pieces: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of pieces) {
    text += decoder.decode(piece, { stream: true })
    if (text.length > limit) break
  }
  return text + decoder.decode()
}
