// Sums of tokens and money. A call without a known price makes a sum a lower bound, and all calls without one make it
// unknown: never zero. Currencies are not mixed.
import type { Cost } from '@mixlab/agents'
import { number } from '../format.ts'

export interface Money {
  /** By currency. */
  readonly known: Map<string, number>
  /** Calls that used tokens and whose price is not known. */
  unpriced: number
}

export interface Spent {
  calls: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  reasoningTokens: number
  /** Calls whose tokens are estimates. */
  estimated: number
  readonly billed: Money
  readonly logical: Money
}

const nothing = (): Money => ({ known: new Map(), unpriced: 0 })

export const noSpending = (): Spent => ({
  calls: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  estimated: 0,
  billed: nothing(),
  logical: nothing(),
})

function addMoney(
  into: Money,
  amount: number | undefined,
  { currency = 'USD', inputTokens, outputTokens }: Cost,
): void {
  if (amount !== undefined) into.known.set(currency, (into.known.get(currency) ?? 0) + amount)
  else if (inputTokens > 0 || outputTokens > 0) into.unpriced++
}

/** Adds one call's cost. */
export function spend(into: Spent, cost: Cost): void {
  into.calls++
  into.inputTokens += cost.inputTokens
  into.cachedInputTokens += cost.cachedInputTokens
  into.outputTokens += cost.outputTokens
  into.reasoningTokens += cost.reasoningTokens
  if (cost.estimated) into.estimated++
  addMoney(into.billed, cost.billed, cost)
  addMoney(into.logical, cost.logical, cost)
}

export function addSpending(into: Spent, other: Spent): void {
  into.calls += other.calls
  into.inputTokens += other.inputTokens
  into.cachedInputTokens += other.cachedInputTokens
  into.outputTokens += other.outputTokens
  into.reasoningTokens += other.reasoningTokens
  into.estimated += other.estimated
  for (const money of ['billed', 'logical'] as const) {
    into[money].unpriced += other[money].unpriced
    for (const [currency, amount] of other[money].known)
      into[money].known.set(currency, (into[money].known.get(currency) ?? 0) + amount)
  }
}

export const tokensOf = ({ inputTokens, outputTokens }: Spent): number => inputTokens + outputTokens

/** The amount where all of it is known and in one currency; 0 where nothing was used. */
export function amountOf({ known, unpriced }: Money): { amount: number; currency: string } | undefined {
  if (unpriced > 0 || known.size > 1) return undefined
  const [[currency, amount] = ['USD', 0]] = known
  return { amount, currency }
}

const positive = (known: ReadonlyMap<string, number>): [string, number][] => [...known].filter(([, sum]) => sum > 0)

const rounded = (value: number): string => number(Number(value.toPrecision(3)))

/**
 * 12.3 USD; `≥ 12.3 USD` where some calls have no known price; `unknown` where none has.
 * @param times what the sum is multiplied by, e.g. a thousand questions over those that were asked
 * @param without the currency that need not be said
 */
export function moneyText({ known, unpriced }: Money, times = 1, without?: string): string {
  const parts = positive(known)
  if (unpriced > 0 && parts.length === 0) return 'unknown'
  if (parts.length === 0) return '0'
  const text = parts
    .map(([currency, sum]) => `${rounded(sum * times)}${currency === without ? '' : `\u202f${currency}`}`)
    .join(' + ')
  return unpriced > 0 ? `≥\u202f${text}` : text
}

/** The only one, if there is only one. */
export function commonCurrency(all: readonly Money[]): string | undefined {
  const currencies = new Set(all.flatMap(({ known }) => [...known.keys()]))
  return currencies.size === 1 ? [...currencies][0] : undefined
}
