// A run's limit of tokens and money. The worst that a try can cost is set aside before it is sent, and what it did cost is
// taken when it has ended, so that however many are under way the limit holds. What could pass it whatever the others
// leave is refused; what fits once some of them have ended waits for that, first come, first served.
//
// The worst case is exact where a provider keeps to `maxTokens` and its tokens are at least a byte each; one that counts
// more than it was allowed can pass the limit by that much, and the next try is then refused.
import { MixlabError } from '@mixlab/core'
import type { Price } from './agent.ts'
import type { Call } from './call.ts'
import type { Cost } from './cost.ts'
import { type CountTokens, mostPromptTokens } from './usage-cost.ts'

export interface Amount {
  readonly tokens: number
  readonly money: number
}

export interface Reservation {
  /** The try has ended. */
  settle(cost: Cost): void
}

/**
 * The most that one try of a call can use.
 * @param count the model's own tokenizer, where it is at hand
 * @throws MixlabError when the request does not limit its reply
 */
export function worstCase({ request, step, agent }: Call, price: Price | undefined, count?: CountTokens): Amount {
  const { maxTokens } = request
  if (maxTokens === undefined)
    throw new MixlabError(
      `step ${step} asks agent ${agent} without a limit, and a budget needs one: set agents.${agent}.maxTokens`,
    )
  const prompt = mostPromptTokens(request, count)
  const money = price ? (prompt * Math.max(price.input, price.cachedInput ?? 0) + maxTokens * price.output) / 1e6 : 0
  return { tokens: prompt + maxTokens, money }
}

interface Waiting {
  readonly worst: Amount
  readonly decide: (reservation: Reservation | undefined) => void
}

export class Budget {
  readonly #limit: Amount
  #spent: Amount
  #reserved: Amount = { tokens: 0, money: 0 }
  #waiting: Waiting[] = []

  /** @param spent by earlier parts of the run */
  constructor(limit: { readonly tokens?: number | undefined; readonly money?: number | undefined }, spent?: Amount) {
    this.#limit = { tokens: limit.tokens ?? Infinity, money: limit.money ?? Infinity }
    this.#spent = spent ?? { tokens: 0, money: 0 }
  }

  get spent(): Amount {
    return this.#spent
  }

  /**
   * Sets the worst case aside; undefined where it could pass the limit.
   * @throws the signal's reason when it is aborted while waiting
   */
  reserve(worst: Amount, signal: AbortSignal): Promise<Reservation | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(signal.reason as Error)
        this.#serve()
      }
      const waiting: Waiting = {
        worst,
        decide: (reservation) => {
          signal.removeEventListener('abort', onAbort)
          resolve(reservation)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiting)
      this.#serve()
    })
  }

  /** Why a call is refused. */
  explain(worst: Amount): string {
    const parts = (['tokens', 'money'] as const)
      .filter((unit) => this.#spent[unit] + worst[unit] > this.#limit[unit])
      .map(
        (unit) =>
          `${shown(this.#spent[unit])} of ${shown(this.#limit[unit])} ${unit} are spent and it could need ${shown(worst[unit])}`,
      )
    return `not made: ${parts.join('; ')}`
  }

  #fits(held: Amount, worst: Amount): boolean {
    return (['tokens', 'money'] as const).every(
      (unit) => this.#spent[unit] + held[unit] + worst[unit] <= this.#limit[unit],
    )
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const { worst, decide } = this.#waiting[0]!
      const possible = this.#fits({ tokens: 0, money: 0 }, worst)
      if (possible && !this.#fits(this.#reserved, worst)) return
      this.#waiting.shift()
      decide(possible ? this.#take(worst) : undefined)
    }
  }

  #take(worst: Amount): Reservation {
    this.#reserved = plus(this.#reserved, worst)
    return {
      settle: (cost) => {
        this.#reserved = plus(this.#reserved, { tokens: -worst.tokens, money: -worst.money })
        this.#spent = plus(this.#spent, { tokens: cost.inputTokens + cost.outputTokens, money: cost.billed ?? 0 })
        this.#serve()
      },
    }
  }
}

/** Money in sums of 1e-12, so that what is taken and given back leaves nothing behind. */
const plus = (a: Amount, b: Amount): Amount => ({
  tokens: a.tokens + b.tokens,
  money: Math.round((a.money + b.money) * 1e12) / 1e12,
})

const shown = (amount: number): string => String(Number(amount.toPrecision(4)))
