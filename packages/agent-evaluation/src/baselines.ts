// Baselines that cost as much as a mixture: a topology that makes thirteen calls has to beat thirteen samples of its best
// member before its structure can be said to help. For each kind of baseline the size is found at which its plan comes
// nearest to the mixture's in calls, tokens or money, and how near that is, is part of the result.
import { MixlabError, type PluginReference } from '@mixlab/core'
import type { TopologyPlan } from '@mixlab/agents'

export type Budget = 'calls' | 'tokens' | 'price'

/** A family of topologies of growing size. */
export interface BaselineFamily {
  readonly name: string
  /** The smallest size that makes sense. */
  readonly least: number
  readonly reference: (size: number) => PluginReference
}

export interface Baseline {
  readonly family: string
  readonly size: number
  readonly reference: PluginReference
  readonly budget: Budget
  /** What the baseline needs, at most, and what the mixture does. */
  readonly spends: number
  readonly matches: number
  /** `spends` / `matches`: 1 is a fair comparison, below 1 the baseline has less. */
  readonly ratio: number
  /** One line for tables. */
  readonly text: string
}

/** The usual ones, from one agent: itself once, the best of n, a vote among n, and n samples that it aggregates itself. */
export const usualFamilies = (agent: string): readonly BaselineFamily[] => [
  { name: 'single', least: 1, reference: () => ({ name: 'single', agent }) },
  { name: 'best-of-n', least: 2, reference: (samples) => ({ name: 'best-of-n', agent, samples }) },
  { name: 'self-consistency', least: 2, reference: (samples) => ({ name: 'self-consistency', agent, samples }) },
  { name: 'self-moa', least: 2, reference: (samples) => ({ name: 'self-moa', agent, samples }) },
]

export interface BaselineOptions {
  readonly families: readonly BaselineFamily[]
  readonly budget: Budget
  /** Plans a topology for the same agents, prices and question as the mixture was planned for. */
  readonly planOf: (reference: PluginReference) => TopologyPlan
  /** Default 256. */
  readonly largest?: number
}

/** What a plan needs of a budget, at most. @throws MixlabError on money where a price is not known */
export function spent(plan: TopologyPlan, budget: Budget, name: string): number {
  switch (budget) {
    case 'calls':
      return plan.calls.max
    case 'tokens':
      return plan.inputTokens + plan.outputTokens
    case 'price':
      if (plan.price === undefined)
        throw new MixlabError(
          `${name} cannot be matched by price: the price of ${plan.unpriced.join(', ') || 'its agents in one currency'} is not known; give prices, or match calls or tokens`,
        )
      return plan.price.amount
    default:
      return budget satisfies never
  }
}

/** One baseline of each family: the size whose plan is nearest to the mixture's budget; of two equally near, the larger. */
export function matchedBaselines(mixture: TopologyPlan, options: BaselineOptions): readonly Baseline[] {
  const { families, budget, planOf, largest = 256 } = options
  const matches = spent(mixture, budget, 'the mixture')
  return families.map(({ name, least, reference }) => {
    const spends = (size: number) => spent(planOf(reference(size)), budget, name)
    const size = nearestSize(spends, matches, least, largest)
    const ratio = spends(size) / matches
    return {
      family: name,
      size,
      reference: reference(size),
      budget,
      spends: spends(size),
      matches,
      ratio,
      text: `${name}${size > 1 ? ` of ${size}` : ''}: ${(100 * ratio).toFixed(0)} % of the mixture's ${budget === 'price' ? 'money' : budget}${budget === 'calls' ? '' : ' (bounds)'}`,
    }
  })
}

/** By bisection: spending grows with size, or does not change (a single call). */
function nearestSize(spends: (size: number) => number, budget: number, least: number, largest: number): number {
  let [low, high] = [least, largest]
  if (spends(low) >= budget || spends(high) === spends(low)) return low
  if (spends(high) <= budget) return high
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (spends(middle) <= budget) low = middle
    else high = middle
  }
  return budget - spends(low) < spends(high) - budget ? low : high
}
