// What a hostile server does to a request. A plan decides by the request's content and by how often that request has come,
// never by the order in which requests arrive: two runs of the same questions meet the same faults.
import { RandomStream } from '@mixlab/core'

export const behaviours = [
  /** The whole reply, as asked. */
  'reply',
  /** Nothing for `slowMs`, not even headers; then the reply. */
  'slow-first-token',
  /** The headers and the role, then nothing for `slowMs`, then the reply. */
  'slow-after-headers',
  /** Half of the reply, a pause of `slowMs`, the other half. */
  'stall',
  /** Half of the reply, then nothing ever, the connection left open. */
  'hang',
  /** The connection is closed before anything was sent. */
  'drop-before-headers',
  /** … and in the middle of the reply, with a reset. */
  'drop-mid-stream',
  /** The stream ends in good order, but in the middle of the reply and without a finish reason. */
  'truncated',
  /** … and in the middle of a chunk's JSON. */
  'truncated-chunk',
  /** Tokens without end, whatever was asked for. */
  'endless',
  /** 429 without a word on when to come back. */
  'rate-limit',
  /** 429 with `retry-after` in seconds, rounded up. */
  'rate-limit-seconds',
  /** 429 with `retry-after` as a date. */
  'rate-limit-date',
  /** 429 with `retry-after-ms`. */
  'rate-limit-ms',
  /** 429 because the account is empty: another try does not help. */
  'quota',
  'server-error',
  'overloaded',
  /** 502 from a proxy, in HTML. */
  'bad-gateway',
  /** 200, and a body that is no JSON (streams: in the middle). */
  'malformed-json',
  /** 200, and JSON that is no completion. */
  'malformed-shape',
  /** 200, and an error object in the middle of the stream. */
  'error-in-stream',
  'unauthorized',
  'unknown-model',
  'context-length',
  'content-filter',
] as const
export type Behaviour = (typeof behaviours)[number]

export interface PlannedRequest {
  /** A hash of the body: equal requests have equal ones. */
  readonly key: string
  /** How often this body has come before. */
  readonly attempt: number
  /** In the order of arrival; a plan that uses it is not repeatable under concurrency. */
  readonly index: number
  readonly body: Readonly<Record<string, unknown>>
}

export type Plan = (request: PlannedRequest) => Behaviour

export const always =
  (behaviour: Behaviour): Plan =>
  () =>
    behaviour

/** The first tries meet these, in order; later ones get the reply. */
export const firstTries =
  (...faults: readonly Behaviour[]): Plan =>
  ({ attempt }) =>
    faults[attempt] ?? 'reply'

export interface SeededPlanOptions {
  /** The same request meets at most that many faults. Default 3. */
  readonly maxFaults?: number
}

/**
 * Draws a behaviour for each request and try: `shares` are probabilities, what is left is `reply`.
 *
 *   seededPlan(1, { 'rate-limit': 0.05, 'drop-mid-stream': 0.02 })
 */
export function seededPlan(
  seed: number,
  shares: Partial<Record<Behaviour, number>>,
  { maxFaults = 3 }: SeededPlanOptions = {},
): Plan {
  return ({ key, attempt }) => {
    if (attempt >= maxFaults) return 'reply'
    let draw = new RandomStream(seed, `plan/${key}`).at(attempt).uniform()
    for (const [behaviour, share] of Object.entries(shares)) {
      if (draw < share) return behaviour as Behaviour
      draw -= share
    }
    return 'reply'
  }
}
