// How much better the strong agent must be predicted to be before it is asked: the quantile of the predicted gains that
// gives the share of strong answers that one wants to pay for, on questions that training never saw.
import { MixlabError } from '@mixlab/core'
import type { MessageRouter } from './message-router.ts'
import type { Outcomes } from './outcomes.ts'
import { identitiesOf, refuseSeen } from './splits.ts'

export interface Pair {
  readonly weak: string
  readonly strong: string
}

export interface Threshold extends Pair {
  /** The strong agent is asked where its score is higher than the weak one's by at least this. */
  readonly threshold: number
  /** Questions that it was fitted on or that the router learnt from: nothing may be judged by these. */
  readonly seen: ReadonlySet<string>
}

/**
 * Score of the strong agent less that of the weak one, by question.
 * @throws MixlabError when the router has no scores, or an agent is not one of its members
 */
export function gainsOf(router: MessageRouter, outcomes: Outcomes, { weak, strong }: Pair): number[] {
  const [from, to] = [weak, strong].map((name) => {
    const index = router.members.indexOf(name)
    if (index < 0)
      throw new MixlabError(`routing: the agent ${name} is none of the router's: ${router.members.join(', ')}`)
    return index
  }) as [number, number]
  return router.route(outcomes.questions).scores.map((scores) => {
    if (scores.length === 0)
      throw new MixlabError(
        `router ${router.name} gives no scores, so that no threshold can be put on them; use another`,
      )
    return scores[to]! - scores[from]!
  })
}

/**
 * Fits the threshold with which `share` of the questions go to the strong agent.
 * @throws MixlabError when the router has learnt from any of the questions, or the share is not in [0, 1]
 */
export function fitThreshold(
  router: MessageRouter,
  outcomes: Outcomes,
  { share, ...pair }: Pair & { share: number },
): Threshold {
  refuseSeen(outcomes, router.seen, 'fitting a threshold')
  if (!(share >= 0 && share <= 1))
    throw new MixlabError(`fitting a threshold: the share of strong answers is ${share}, expected 0 to 1`)
  if (outcomes.questions.length === 0) throw new MixlabError('fitting a threshold: there are no questions; give some')
  const gains = gainsOf(router, outcomes, pair).toSorted((a, b) => b - a)
  const strong = Math.round(share * gains.length)
  const [last, next] = [gains[strong - 1], gains[strong]]
  // Between the last gain that is taken and the first that is not.
  const threshold = last === undefined ? Infinity : next === undefined ? -Infinity : (last + next) / 2
  return { ...pair, threshold, seen: new Set([...router.seen, ...identitiesOf(outcomes)]) }
}
