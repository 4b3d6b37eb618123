// What a provider's headers say is left. A reply tells what the server had left when it answered; requests that were sent
// since then may not be in that number, so they are taken off it. What is used up comes back when the server says that
// the limit is whole again: true of fixed windows, and cautious with buckets that fill all the time. For a limit of the
// day nobody waits in silence: after a minute the provider is asked, and its refusal is a failure that is seen.
import type { RateLimits } from './chat-model.ts'

const longestMs = 60_000

interface Left {
  amount: number
  readonly until: number
}

export class LearntLimits {
  #sent = 0
  #tokensSent = 0
  /** The latest request whose answer is known. */
  #seen = 0
  #requests: Left | undefined
  #tokens: Left | undefined

  /** @returns what to give back with the answer's headers */
  send(tokens: number): { readonly order: number; readonly tokens: number } {
    if (this.#requests) this.#requests.amount--
    if (this.#tokens) this.#tokens.amount -= tokens
    this.#tokensSent += tokens
    return { order: ++this.#sent, tokens: this.#tokensSent }
  }

  learn(limits: RateLimits, sent: { readonly order: number; readonly tokens: number }, now: number): void {
    if (sent.order < this.#seen) return
    this.#seen = sent.order
    const { requestsLeft, requestsResetMs, tokensLeft, tokensResetMs } = limits
    if (requestsLeft !== undefined && requestsResetMs !== undefined)
      this.#requests = {
        amount: requestsLeft - (this.#sent - sent.order),
        until: now + Math.min(requestsResetMs, longestMs),
      }
    if (tokensLeft !== undefined && tokensResetMs !== undefined)
      this.#tokens = {
        amount: tokensLeft - (this.#tokensSent - sent.tokens),
        until: now + Math.min(tokensResetMs, longestMs),
      }
  }

  /** When a request of so many tokens may be sent: `now` or later. */
  readyAt(tokens: number, now: number): number {
    if (this.#requests && this.#requests.until <= now) this.#requests = undefined
    if (this.#tokens && this.#tokens.until <= now) this.#tokens = undefined
    let at = now
    if (this.#requests && this.#requests.amount < 1) at = Math.max(at, this.#requests.until)
    if (this.#tokens && this.#tokens.amount < tokens) at = Math.max(at, this.#tokens.until)
    return at
  }
}
