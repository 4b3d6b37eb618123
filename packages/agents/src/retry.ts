// When to try again: the provider's `retry-after`, capped; else exponential backoff of which half is drawn at random, so
// that calls that failed together do not come back together.
import type { RandomStream } from '@mixlab/core'
import type { Retries } from './calling-config.ts'
import type { ChatFailure } from './chat-failure.ts'

/**
 * Milliseconds to wait before the next try; undefined where there is none.
 * @param tries that have failed: 1, 2, …
 * @param rng of this call
 */
export function retryWaitMs(
  failure: ChatFailure,
  tries: number,
  retries: Retries,
  rng: RandomStream,
): number | undefined {
  if (!failure.retryable || tries > retries.max) return undefined
  const longest = retries.longestWaitSeconds * 1000
  const draw = rng.stream('retry').at(tries).uniform()
  // Never earlier than asked, and not all at that very moment.
  if (failure.retryAfterMs !== undefined) return Math.min(failure.retryAfterMs * (1 + draw / 10), longest)
  return Math.min(retries.firstWaitSeconds * 1000 * 2 ** (tries - 1), longest) * (0.5 + draw / 2)
}
