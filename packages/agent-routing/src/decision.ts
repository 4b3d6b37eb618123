// From scores to a choice: as the router chose, the best score less its cost, or, between two agents, the strong one where
// it is better by more than a threshold.
import { MixlabError } from '@mixlab/core'
import type { RouteChoice } from '@mixlab/agents'
import type { Threshold } from './threshold.ts'

export type Decision =
  /** The members and weights that the router gave. */
  | { readonly by: 'router' }
  /** The members with the highest score − tradeoff · cost; costs by agent, of one answer. */
  | { readonly by: 'cost'; readonly costs: Readonly<Record<string, number>>; readonly tradeoff: number }
  /** One of two agents. */
  | ({ readonly by: 'threshold' } & Pick<Threshold, 'weak' | 'strong' | 'threshold'>)

const indexOf = (members: readonly string[], name: string): number => {
  const index = members.indexOf(name)
  if (index < 0) throw new MixlabError(`routing: the agent ${name} is none of ${members.join(', ')}`)
  return index
}

/**
 * @param own what the router chose
 * @param members names, in the order of `own.scores`
 * @throws MixlabError when a rule names an agent that is not there, or lacks one's cost
 */
export function decide(own: RouteChoice, members: readonly string[], decision: Decision): RouteChoice {
  if (decision.by !== 'router' && own.scores.length === 0)
    throw new MixlabError(
      `routing: a decision by ${decision.by} needs scores, which this router does not give; use another`,
    )
  switch (decision.by) {
    case 'router':
      return own
    case 'cost': {
      const utilities = own.scores.map((score, i) => {
        const cost = decision.costs[members[i]!]
        if (cost === undefined) throw new MixlabError(`routing: the cost of the agent ${members[i]} is missing; add it`)
        return score - decision.tradeoff * cost
      })
      const best = utilities.map((_, i) => i).toSorted((a, b) => utilities[b]! - utilities[a]! || a - b)
      const chosen = best.slice(0, own.members.length)
      return { ...own, members: chosen, weights: chosen.map(() => 1 / chosen.length) }
    }
    case 'threshold': {
      const [weak, strong] = [indexOf(members, decision.weak), indexOf(members, decision.strong)]
      const gain = own.scores[strong]! - own.scores[weak]!
      return { ...own, members: [gain >= decision.threshold ? strong : weak], weights: [1] }
    }
    default:
      return decision satisfies never
  }
}
