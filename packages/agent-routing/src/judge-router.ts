// A router on questions that it has never seen: its predicted gains beside what came of either agent.
import { MixlabError } from '@mixlab/core'
import type { MessageRouter } from './message-router.ts'
import type { Outcomes } from './outcomes.ts'
import type { PairOutcomes } from './pair-curve.ts'
import { refuseSeen } from './splits.ts'
import { gainsOf, type Pair, type Threshold } from './threshold.ts'

/**
 * Quality of both agents, by question.
 * @throws MixlabError when an agent has no outcomes, or one is not known
 */
export function pairOutcomes(
  { members, questions, quality }: Outcomes,
  { weak, strong }: Pair,
): Omit<PairOutcomes, 'gains'> {
  const column = (name: string): number[] => {
    const member = members.indexOf(name)
    if (member < 0) throw new MixlabError(`outcomes: the agent ${name} is none of ${members.join(', ')}`)
    return quality.map((row, n) => {
      const value = row[member]
      if (value === null || value === undefined)
        throw new MixlabError(
          `outcomes: ${name}'s answer to question ${questions[n]!.id} is not known; routers are judged by questions that both agents answered`,
        )
      return value
    })
  }
  return { weak: column(weak), strong: column(strong) }
}

/**
 * What a pair's curve is made of, from held-out questions.
 * @throws MixlabError when the router has learnt from any of them, or an outcome is not known
 */
export function judgePair(router: MessageRouter, outcomes: Outcomes, pair: Pair): PairOutcomes {
  refuseSeen(outcomes, router.seen, 'judging a router')
  return { ...pairOutcomes(outcomes, pair), gains: gainsOf(router, outcomes, pair) }
}

export interface ThresholdResult {
  readonly questions: number
  /** Of the questions, answered by the strong agent. */
  readonly share: number
  readonly quality: number
}

/**
 * What a fitted threshold does on questions that neither it nor the router has seen.
 * @throws MixlabError when any of them was seen
 */
export function judgeThreshold(router: MessageRouter, outcomes: Outcomes, threshold: Threshold): ThresholdResult {
  refuseSeen(outcomes, new Set([...router.seen, ...threshold.seen]), 'judging a threshold')
  const { gains, weak, strong } = judgePair(router, outcomes, threshold)
  const asked = Array.from(gains, (gain) => gain >= threshold.threshold)
  const right = asked.reduce((sum, ask, n) => sum + (ask ? strong[n]! : weak[n]!), 0)
  return {
    questions: asked.length,
    share: asked.filter(Boolean).length / asked.length,
    quality: right / asked.length,
  }
}
