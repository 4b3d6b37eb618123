// A sink is a subscriber with a queue of its own, written to in batches, in order, one batch at a time: however slow it
// is, the run does not wait inside an emit. A sink that must keep everything has no limit but holds the run back, between
// steps, once it is far behind; any other loses its oldest events instead. One that throws is retried, then detached.
import { setTimeout as delay } from 'node:timers/promises'
import { MixlabError, type RunEvent } from '@mixlab/core'

export interface EventSink {
  /** What messages call it. */
  readonly name: string
  /** Nothing may be lost: the run waits for it between steps when it is far behind, and fails if it cannot be written. */
  readonly mustKeep?: boolean
  /** Also receives the events of child runs (told apart by `run`). */
  readonly children?: boolean
  /** Called with the events since the last call, in order; not called again before what it returned is settled. */
  write(events: readonly RunEvent[]): void | Promise<void>
  /** Called once, after the last write. */
  close?(): void | Promise<void>
}

export interface SinkLimits {
  /** Events in one write. */
  readonly batch: number
  /** A run waits while a sink that must keep everything is this far behind, … */
  readonly high: number
  /** … until it is only this far behind. Other sinks lose their oldest events beyond `high`. */
  readonly low: number
  /** Attempts at one batch, and the pause before the second; it doubles. */
  readonly attempts: number
  readonly pauseMs: number
  /** How long the end of a run waits for sinks that may lose events. */
  readonly drainMs: number
}

export const sinkLimits: SinkLimits = { batch: 1000, high: 4096, low: 1024, attempts: 3, pauseMs: 100, drainMs: 3000 }

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** One sink's queue and the loop that empties it. */
export class SinkQueue {
  readonly sink: EventSink
  readonly #limits: SinkLimits
  readonly #onFailure: (sink: EventSink, message: string) => void
  #queue: RunEvent[] = []
  #writing: Promise<void> | undefined
  #waiting: (() => void)[] = []
  #lost = 0
  #failure: MixlabError | undefined

  constructor(sink: EventSink, limits: SinkLimits, onFailure: (sink: EventSink, message: string) => void) {
    this.sink = sink
    this.#limits = limits
    this.#onFailure = onFailure
  }

  push(event: RunEvent): void {
    if (this.#failure) return
    this.#queue.push(event)
    if (this.sink.mustKeep !== true && this.#queue.length > this.#limits.high) {
      this.#queue.shift()
      this.#lost++
    }
    // In a later microtask: what is emitted together is written together, and never inside an emit.
    this.#writing ??= Promise.resolve().then(() => this.#write())
  }

  /** Resolves when the run may go on. @throws MixlabError when a sink that must keep everything has failed. */
  async ready(): Promise<void> {
    if (this.sink.mustKeep !== true) return
    if (this.#queue.length >= this.#limits.high) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#failure) throw this.#failure
  }

  /** Writes what is left and closes the sink. A sink that may lose events is given a few seconds. */
  async close(): Promise<void> {
    const end = async () => {
      while (this.#writing) await this.#writing
      if (!this.#failure) await this.sink.close?.()
    }
    try {
      if (this.sink.mustKeep === true) await end()
      else {
        const ended = end()
        const timeout = new AbortController()
        const late = delay(this.#limits.drainMs, 'late', { signal: timeout.signal }).catch(() => 'on time')
        const first = await Promise.race([ended.then(() => 'on time'), late])
        timeout.abort()
        if (first === 'late') {
          ended.catch(() => undefined)
          this.#fail(
            `did not finish within ${this.#limits.drainMs / 1000} s; ${this.#queue.length} events were not written`,
          )
        }
      }
    } catch (error) {
      this.#fail(messageOf(error))
    }
    if (this.#lost > 0) this.#onFailure(this.sink, `was too slow: ${this.#lost} events were skipped`)
    if (this.sink.mustKeep === true && this.#failure) throw this.#failure
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0 && !this.#failure) {
      const batch = this.#queue.slice(0, this.#limits.batch)
      this.#queue = this.#queue.slice(batch.length)
      await this.#attempt(batch)
      if (this.#queue.length <= this.#limits.low || this.#failure) this.#release()
    }
    this.#writing = undefined
  }

  async #attempt(batch: readonly RunEvent[]): Promise<void> {
    const attempts = this.sink.mustKeep === true ? this.#limits.attempts : 1
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.sink.write(batch)
      } catch (error) {
        if (attempt >= attempts) return this.#fail(messageOf(error))
        await delay(this.#limits.pauseMs * 2 ** (attempt - 1))
      }
    }
  }

  #fail(message: string): void {
    if (this.#failure) return
    this.#failure = new MixlabError(`${this.sink.name} cannot record the run: ${message}`, { code: 'sink' })
    this.#queue = []
    this.#release()
    this.#onFailure(this.sink, message)
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}
