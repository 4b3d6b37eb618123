// Which failures are worth another attempt, and when. Only what says "not now" is retried (408, 429, 500, 502, 503, 504:
// those of the Python client) and connections that failed; every other answer is final.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from './settings.ts'
import { ConnectionError, isCertificateError } from './transport.ts'

const transient = new Set([408, 429, 500, 502, 503, 504])
/** Statuses that say that the request was turned away unread. */
const turnedAway = new Set([429, 503])
const longestWaitMs = 120_000

/** An answer with a status that another attempt may better. */
export class TransientAnswer extends Error {
  readonly status: number
  readonly body: string
  readonly retryAfter: string | undefined

  constructor(status: number, body: string, retryAfter: string | undefined) {
    super(`status ${status}`)
    this.status = status
    this.body = body
    this.retryAfter = retryAfter
  }
}

export const isTransient = (status: number): boolean => transient.has(status)

/**
 * `freely`: asking twice does no harm. `if-unseen`: each request makes something under a new id, so it is repeated only
 * where the server cannot have acted on it. `never`: what is sent cannot be read a second time.
 */
export type Repeat = 'freely' | 'if-unseen' | 'never'

export interface RetryOptions {
  readonly repeat?: Repeat | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the attempts are used up.
 * A kept connection that the server had closed while it was idle costs no attempt, unless a fresh one breaks as well.
 */
export const withRetries = async <T>(
  settings: Settings,
  options: RetryOptions,
  attempt: (number: number, fresh: boolean) => Promise<T>,
): Promise<T> => {
  const repeat = options.repeat ?? 'freely'
  for (let number = 1, fresh = repeat !== 'freely'; ;) {
    try {
      return await attempt(number, fresh)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (error instanceof ConnectionError && error.stale && !fresh) {
        fresh = true
        continue
      }
      if (number > settings.retries || !isWorthRetrying(error, repeat)) throw error
      await sleep(waitMs(settings, number, error), undefined, options.signal ? { signal: options.signal } : {}).catch(
        () => options.signal?.throwIfAborted(),
      )
      number++
    }
  }
}

const isWorthRetrying = (error: unknown, repeat: Repeat): boolean => {
  if (repeat === 'never') return false
  if (error instanceof TransientAnswer) return repeat === 'freely' || turnedAway.has(error.status)
  if (!(error instanceof ConnectionError) || isCertificateError(error.cause as NodeJS.ErrnoException)) return false
  return repeat === 'freely' || error.kind === 'refused'
}

const waitMs = ({ backoff }: Settings, attempt: number, error: unknown): number => {
  const asked = error instanceof TransientAnswer ? retryAfterMs(error.retryAfter) : undefined
  const own = Math.min(longestWaitMs, 1000 * (backoff.factor * 2 ** (attempt - 1) + backoff.jitter * Math.random()))
  return asked ?? own
}

/** `retry-after` is a number of seconds or a date (RFC 9110, 10.2.3). */
export const retryAfterMs = (header: string | undefined, now = Date.now()): number | undefined => {
  if (header === undefined) return undefined
  const wait = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
}
