// A request that is under way, and the calls that wait for its reply: equal calls at once are one request. It belongs to
// the first that still waits; when none does any more, it is ended.
import type { Call } from './call.ts'
import type { Settled } from './tries.ts'

export interface FlightSignals {
  /** Ends waiting: for a place, for the budget, for the next try. */
  readonly waiting: AbortSignal
  /** Ends a request that was sent. */
  readonly sending: AbortSignal
}

export class Flight {
  readonly settled: Promise<Settled>
  /** Its reply is in the recording. */
  recorded = false
  readonly #calls = new Set<Call>()
  readonly #waiting = new AbortController()
  readonly #sending = new AbortController()

  /** @param run makes the request */
  constructor(run: (signals: FlightSignals, flight: Flight) => Promise<Settled>) {
    const signals = { waiting: this.#waiting.signal, sending: this.#sending.signal }
    this.settled = Promise.resolve().then(() => run(signals, this))
    // Whoever waits hears of it; where nobody does any more, nobody needs to.
    this.settled.catch(() => undefined)
  }

  /** Whose it is: undefined when nobody waits. */
  get owner(): Call | undefined {
    return this.#calls.values().next().value
  }

  join(call: Call): void {
    this.#calls.add(call)
  }

  /** @returns whether it was the last that waited, and the request ends */
  leave(call: Call): boolean {
    this.#calls.delete(call)
    if (this.#calls.size > 0) return false
    this.cut()
    return true
  }

  /** Sends nothing more; what has been sent goes on. */
  stop(): void {
    this.#waiting.abort()
  }

  cut(): void {
    this.#waiting.abort()
    this.#sending.abort()
  }
}
