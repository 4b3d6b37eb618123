// A scheduler that does not answer for a while delays, no more: it is said once, and asked again. Jobs go on meanwhile.
import { setTimeout as pause } from 'node:timers/promises'

export interface Outage {
  /** One attempt. @returns undefined where the scheduler did not answer; other errors are thrown */
  attempt<T>(what: () => Promise<T>): Promise<T | undefined>
  /** Attempts until there is an answer, with growing pauses. @throws the signal's reason once it is aborted */
  retry<T>(what: () => Promise<T>): Promise<T>
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/** @param isOutage says of an error that the scheduler was not there, and nothing of the request */
export function createOutage(
  scheduler: string,
  isOutage: (error: unknown) => boolean,
  warn: (message: string) => void,
  signal: AbortSignal,
): Outage {
  let told = false
  async function attempt<T>(what: () => Promise<T>): Promise<{ readonly answer: T } | undefined> {
    try {
      const answer = await what()
      if (told) warn(`${scheduler} answers again`)
      told = false
      return { answer }
    } catch (error) {
      if (!isOutage(error)) throw error
      if (!told)
        warn(
          `${scheduler} does not answer (${error instanceof Error ? error.message : String(error)}); asking again until it does`,
        )
      told = true
      return undefined
    }
  }
  return {
    attempt: async (what) => (await attempt(what))?.answer,
    async retry(what) {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        signal.throwIfAborted()
        const done = await attempt(what)
        if (done) return done.answer
        await pause(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    },
  }
}
