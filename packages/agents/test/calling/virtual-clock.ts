// Time that passes only when nothing else can happen: hours of limits and deadlines in milliseconds, the same every time.
import type { Clock } from '@mixlab/agents'

interface Timer {
  readonly at: number
  readonly order: number
  readonly action: () => void
}

export class VirtualClock implements Clock {
  #now = 1_700_000_000_000
  #order = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#now
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, action }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Resolves after `ms` of this time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /** Lets time pass until the promise has settled; fails where it never can. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const done = (): void => {
      settled = true
    }
    promise.then(done, done)
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (settled) return promise
      let next: Timer | undefined
      for (const timer of this.#timers)
        if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer
      if (!next) throw new Error('nothing is left to wait for: it hangs')
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.action()
    }
  }
}
