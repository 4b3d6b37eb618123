// What an executor knows of its jobs, and waiting for it to change. States come from events (`set`) or from looking
// (`look`, at most every `everyMs`, never twice at once, and only while somebody waits).
import { setTimeout as pause } from 'node:timers/promises'
import type { JobState } from '@mixlab/studies'

const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface StateTable {
  get(name: string): JobState | undefined
  set(name: string, state: JobState): void
  /** As `Executor.poll`; what `look` throws is thrown. */
  poll(waitMs: number, signal?: AbortSignal): Promise<ReadonlyMap<string, JobState>>
  /** Waits until these have ended, looking at least every `everyMs`. @returns those that have not after `waitMs` */
  ended(names: readonly string[], waitMs: number, everyMs?: number): Promise<readonly string[]>
}

export function createStateTable(everyMs = Infinity, look = async (): Promise<void> => undefined): StateTable {
  const states = new Map<string, JobState>()
  let changed = false
  let wake = Promise.withResolvers<void>()
  let looking: Promise<void> | undefined
  // Not −Infinity: without an interval the next look is then never, and not at no number.
  let looked = Number.MIN_SAFE_INTEGER

  const refresh = (): Promise<void> =>
    (looking ??= look().finally(() => {
      looking = undefined
      looked = performance.now()
    }))

  async function wait(waitMs: number, signal: AbortSignal | undefined, intervalMs: number, done: () => boolean) {
    const until = performance.now() + Math.min(waitMs, LONGEST_TIMER_MS)
    while (!done() && signal?.aborted !== true) {
      const now = performance.now()
      const due = looked + intervalMs <= now
      const next = due ? [refresh()] : []
      if (until <= now) {
        // The look goes on; who waits next hears of what it finds.
        for (const look of next) look.catch(() => undefined)
        return
      }
      const timer = new AbortController()
      const pauseMs = Math.min(until - now, due ? Infinity : looked + intervalMs - now)
      const stop = signal ? AbortSignal.any([signal, timer.signal]) : timer.signal
      try {
        await Promise.race([wake.promise, pause(pauseMs, undefined, { signal: stop }).catch(() => undefined), ...next])
      } finally {
        timer.abort()
      }
    }
  }

  return {
    get: (name) => states.get(name),
    set(name, state) {
      const old = states.get(name)
      if (old?.state === state.state && state.state !== 'ended') return
      states.set(name, state)
      changed = true
      wake.resolve()
      wake = Promise.withResolvers()
    },
    async poll(waitMs, signal) {
      await wait(waitMs, signal, everyMs, () => changed)
      changed = false
      return new Map(states)
    },
    async ended(names, waitMs, intervalMs = everyMs) {
      const left = () => names.filter((name) => states.get(name) !== undefined && states.get(name)?.state !== 'ended')
      await wait(waitMs, undefined, intervalMs, () => left().length === 0)
      return left()
    },
  }
}
