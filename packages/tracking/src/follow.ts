// Keeps one delivery up to date with a run that goes on: about once a second, later after a failure, at once at the end.
import { MixlabError } from '@mixlab/core'
import type { Delivery } from './delivery.ts'

export interface FollowLimits {
  /** Between two looks at the logs. */
  readonly everyMs: number
  /** The longest pause after failures; they double up to it. */
  readonly longestMs: number
  /** The longest pause once the run has ended. */
  readonly hurriedMs: number
}

export const followLimits: FollowLimits = { everyMs: 1000, longestMs: 60_000, hurriedMs: 500 }

export interface FollowOptions {
  /** Aborted when the run has ended: what is left is delivered. */
  readonly ended: AbortSignal
  /** Aborted when there is no time left. */
  readonly stopped: AbortSignal
  /** The first failure after a success. */
  readonly onProblem: (message: string) => void
  /** The first success after a failure. */
  readonly onRecovered: () => void
  /** After each pass that succeeded. */
  readonly onPass?: () => void
  readonly limits?: FollowLimits
}

export interface FollowOutcome {
  readonly tracker: string
  /** Bytes of the logs that did not arrive, and runs that are not complete; both 0 when all is well. */
  readonly bytes: number
  readonly runs: number
  readonly problem?: string
}

export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!

/** What a server asked for before the next attempt, in milliseconds. */
const askedPause = (error: unknown): number =>
  error instanceof Error && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : 0

/** Resolves after that time, or as soon as one of the signals is aborted. */
export function pause(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  const signal = AbortSignal.any([...signals])
  if (signal.aborted || ms <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** The promise, or nothing more once the signal is aborted: a tracker that does not listen to its signal is left alone. */
const unless = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const stop = () => reject(new MixlabError('there was no time left', { code: 'interrupted' }))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })

/** Delivers until the run has ended and all has arrived, or there is no time left. */
export async function follow(
  delivery: Delivery,
  { ended, stopped, onProblem, onRecovered, onPass, limits = followLimits }: FollowOptions,
): Promise<FollowOutcome> {
  let failures = 0
  let problem: string | undefined
  while (!stopped.aborted) {
    // Before the pass: what is added to a log until then is in it.
    const final = ended.aborted
    try {
      await unless(stopped, delivery.pass({ final, signal: stopped }))
      if (failures > 0) onRecovered()
      failures = 0
      problem = undefined
      onPass?.()
      if (final) break
      await pause(limits.everyMs, ended, stopped)
    } catch (error) {
      if (!stopped.aborted || problem === undefined) problem = messageOf(error)
      if (failures++ === 0 && !stopped.aborted) onProblem(problem)
      const growing = Math.max(
        limits.everyMs * 2 ** Math.min(failures - 1, 20) * (0.75 + Math.random() / 2),
        askedPause(error),
      )
      await (ended.aborted
        ? pause(Math.min(growing, limits.hurriedMs), stopped)
        : pause(Math.min(growing, Math.max(limits.longestMs, askedPause(error))), ended, stopped))
    }
  }
  const { bytes, runs } = await delivery.left()
  return { tracker: delivery.name, bytes, runs, ...(problem !== undefined && { problem }) }
}
