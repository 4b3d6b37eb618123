// The time that calls see. Everything that waits or measures takes a clock, so that tests run hours of limits and
// deadlines in milliseconds, the same each time.

export interface Clock {
  /** Milliseconds since 1970; never goes back. */
  now(): number
  /** Calls `action` once after `ms`; the result cancels it. */
  after(ms: number, action: () => void): () => void
}

/** A timer that is set for longer fires at once. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, action) {
    let timer: NodeJS.Timeout
    const arm = (left: number): void => {
      timer = setTimeout(
        () => (left > longestTimerMs ? arm(left - longestTimerMs) : action()),
        Math.min(left, longestTimerMs),
      )
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`. @throws the signal's reason when it is aborted before */
export const wait = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const onAbort = (): void => {
      cancel()
      reject(signal.reason as Error)
    }
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
