// What a provider's headers say is left, of requests and of tokens. A reply tells what the server had left when it took that
// request up; others that are under way, or were sent since, may not be in that number, so they are taken off it. What is
// used up comes back when the server says that the limit is whole again: true of fixed windows, and cautious with buckets
// that fill all the time. For a limit of the day nobody waits in silence: after a minute the provider is asked, and its
// refusal is a failure that is seen.
import type { RateLimits } from './chat-model.ts'

const longestMs = 60_000

export interface Sent {
  readonly order: number
  readonly tokens: number
  /** All tokens so far, its own included. */
  readonly tokensSent: number
}

export class LearntLimits {
  readonly #requests = new Allowance()
  readonly #tokens = new Allowance()
  readonly #underWay = new Set<Sent>()
  #sent = 0
  #tokensSent = 0

  send(tokens: number): Sent {
    this.#requests.use(1)
    this.#tokens.use(tokens)
    this.#tokensSent += tokens
    const sent = { order: ++this.#sent, tokens, tokensSent: this.#tokensSent }
    this.#underWay.add(sent)
    return sent
  }

  end(sent: Sent): void {
    this.#underWay.delete(sent)
  }

  learn(limits: RateLimits, sent: Sent, now: number): void {
    const earlier = [...this.#underWay].filter(({ order }) => order < sent.order)
    const requests = this.#sent - sent.order + earlier.length
    const tokens = this.#tokensSent - sent.tokensSent + sumOfTokens(earlier)
    this.#requests.learn(limits.requestsLimit, limits.requestsLeft, limits.requestsResetMs, requests, now)
    this.#tokens.learn(limits.tokensLimit, limits.tokensLeft, limits.tokensResetMs, tokens, now)
  }

  /** When a request of so many tokens may be sent: `now` or later. */
  readyAt(tokens: number, now: number): number {
    return Math.max(
      this.#requests.readyAt(1, () => this.#underWay.size, now),
      this.#tokens.readyAt(tokens, () => sumOfTokens(this.#underWay), now),
    )
  }
}

const sumOfTokens = (sent: Iterable<Sent>): number => {
  let sum = 0
  for (const { tokens } of sent) sum += tokens
  return sum
}

class Allowance {
  /** Infinity where nothing is known. */
  #left = Infinity
  #until: number | undefined
  #limit: number | undefined
  #windowMs = 0

  use(amount: number): void {
    this.#left -= amount
  }

  /** @param uncounted what the server may not have counted yet */
  learn(
    limit: number | undefined,
    left: number | undefined,
    resetMs: number | undefined,
    uncounted: number,
    now: number,
  ): void {
    if (left === undefined || resetMs === undefined) return
    const until = now + Math.min(resetMs, longestMs)
    // Replies that are late or come in another order may tell of one window: the least that any of them says is true.
    this.#left = Math.min(this.#left, left - uncounted)
    this.#until = Math.max(this.#until ?? until, until)
    this.#limit = limit
    this.#windowMs = Math.max(this.#windowMs, until - now)
  }

  readyAt(amount: number, underWay: () => number, now: number): number {
    if (this.#until !== undefined && this.#until <= now) {
      // A new window, of which no reply has told yet.
      this.#left = this.#limit === undefined ? Infinity : this.#limit - underWay()
      this.#until = this.#limit === undefined ? undefined : now + this.#windowMs
    }
    return this.#left >= Math.min(amount, this.#limit ?? amount) ? now : (this.#until ?? now)
  }
}
