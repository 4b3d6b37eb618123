// "So many a minute", held exactly: in no window of that length, wherever it begins, is more taken than the limit. (A token
// bucket of the same rate lets nearly twice as much through in its worst minute.)

export interface Taken {
  readonly at: number
  amount: number
}

export class RateWindow {
  readonly #limit: number
  readonly #lengthMs: number
  /** Oldest first, from `#first` on. */
  #taken: Taken[] = []
  #first = 0
  #sum = 0

  constructor(limit: number, lengthMs = 60_000) {
    this.#limit = limit
    this.#lengthMs = lengthMs
  }

  /** When that much may be taken: `now` or later. More than the limit is let through alone, when the window is empty. */
  readyAt(amount: number, now: number): number {
    this.#expire(now)
    let left = this.#sum
    let at = now
    for (let i = this.#first; left > 0 && left + amount > this.#limit && i < this.#taken.length; i++) {
      left -= this.#taken[i]!.amount
      at = this.#taken[i]!.at + this.#lengthMs
    }
    return at
  }

  take(amount: number, now: number): Taken {
    const taken = { at: now, amount }
    this.#taken.push(taken)
    this.#sum += amount
    return taken
  }

  /** What turned out to have been taken. */
  correct(taken: Taken, amount: number, now: number): void {
    this.#expire(now)
    // What has left the window is in the sum no longer.
    if (taken.at + this.#lengthMs > now) this.#sum += amount - taken.amount
    taken.amount = amount
  }

  #expire(now: number): void {
    while (this.#first < this.#taken.length && this.#taken[this.#first]!.at + this.#lengthMs <= now)
      this.#sum -= this.#taken[this.#first++]!.amount
    if (this.#first > 1000 && this.#first * 2 > this.#taken.length) {
      this.#taken = this.#taken.slice(this.#first)
      this.#first = 0
    }
  }
}
