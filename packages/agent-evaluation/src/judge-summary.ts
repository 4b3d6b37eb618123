// What judges say of two arms together, and how far they can be trusted: consistency between the two orders, preference for
// a place, agreement of a panel, preference for their own answers.
import { MixlabError } from '@mixlab/core'
import { binomialTails, clusteredMean, type Interval, krippendorffAlpha, wilsonInterval } from '@mixlab/statistics'
import { lengthControlled, type LengthControlled } from './length-control.ts'
import type { PairJudgement, Verdict } from './pairwise-judge.ts'

export interface PairwiseSummary {
  readonly first: string
  readonly second: string
  readonly questions: number
  /** Of the first arm, in both orders. */
  readonly wins: number
  readonly losses: number
  readonly ties: number
  /** Mean preference for the first, with a cluster-robust interval. */
  readonly winRate: number
  readonly interval: Interval
  /** Of the pairs with two verdicts: the share with the same one in both orders. */
  readonly consistency: { readonly rate: number; readonly interval: Interval; readonly pairs: number }
  /** Share of verdicts for the answer shown first, ties left out; and how likely that is from a judge without favour. */
  readonly firstPlace: { readonly share: number; readonly p: number; readonly verdicts: number }
  /** Judgements, of two a pair. */
  readonly unparseable: number
  readonly failed: number
  /** Absent for fewer than five pairs. */
  readonly lengthControlled?: LengthControlled
}

const clusters = (judgements: readonly PairJudgement[]): string[] =>
  judgements.map(({ question, group }) => (group === undefined ? `question:${question}` : `group:${group}`))

/** @throws MixlabError without judgements, or when they are of different arms */
export function summarisePairs(judgements: readonly PairJudgement[]): PairwiseSummary {
  const [one] = judgements
  if (one === undefined) throw new MixlabError('there are no judgements to summarise')
  const { first, second } = one
  if (judgements.some((each) => each.first !== first || each.second !== second))
    throw new MixlabError(`expected judgements of ${first} and ${second} only: summarise each pair of arms by itself`)
  const verdicts = judgements.flatMap((each) => each.verdicts)
  const count = (verdict: Verdict) => verdicts.filter((each) => each === verdict).length
  const won = (winner: PairJudgement['winner']) => judgements.filter((each) => each.winner === winner).length
  const preferences = judgements.map(({ preference }) => preference)
  const { mean, halfWidth } = clusteredMean(preferences, clusters(judgements))
  const decided = judgements.filter(({ consistent }) => consistent !== undefined)
  const same = decided.filter(({ consistent }) => consistent).length
  const [a, b] = [count('A'), count('B')]
  return {
    first,
    second,
    questions: judgements.length,
    wins: won('first'),
    losses: won('second'),
    ties: won('tie'),
    winRate: mean,
    interval: { low: Math.max(0, mean - halfWidth), high: Math.min(1, mean + halfWidth) },
    consistency: { rate: same / decided.length, interval: wilsonInterval(same, decided.length), pairs: decided.length },
    firstPlace: {
      share: a / (a + b),
      p: a + b === 0 ? 1 : Math.min(1, 2 * binomialTails(Math.min(a, b), a + b, 0.5).below),
      verdicts: a + b,
    },
    unparseable: count('unparseable'),
    failed: count('failed'),
    ...(judgements.length >= 5 && {
      lengthControlled: lengthControlled(
        preferences,
        judgements.map(({ lengths }) => lengths[0]),
        judgements.map(({ lengths }) => lengths[1]),
      ),
    }),
  }
}

const pairKey = ({ question, first, second }: PairJudgement): string => JSON.stringify([question, first, second])

/** Krippendorff's alpha of several judges over the same pairs: of their winners, tie being one of three values. */
export function panelAgreement(judgements: readonly PairJudgement[]): number {
  const judges = [...new Set(judgements.map(({ judge }) => judge))]
  const ratings = [...Map.groupBy(judgements, pairKey).values()].map((pair) =>
    judges.map((judge) => {
      const own = pair.find((each) => each.judge === judge)
      return own?.consistent === undefined ? undefined : own.winner
    }),
  )
  return krippendorffAlpha(ratings, 'nominal')
}

export interface SelfPreference {
  readonly judge: string
  /** The arm of the judge's own answers. */
  readonly arm: string
  /** Pairs with that arm which judges without a stake judged, too. */
  readonly pairs: number
  /** Mean preference for the arm: the judge's, those judges', and the difference with its interval. */
  readonly own: number
  readonly others: number
  readonly difference: number
  readonly halfWidth: number
  /** The interval excludes 0. */
  readonly clear: boolean
}

/**
 * Whether judges prefer answers of their own more than judges without a stake in the pair do (Panickssery et al. 2024 call it
 * self-preference). Judges that wrote no arm, and pairs that no such judge judged, say nothing.
 * @param arms judge → the arm whose answers its model wrote
 */
export function selfPreference(
  judgements: readonly PairJudgement[],
  arms: Readonly<Record<string, string>>,
): readonly SelfPreference[] {
  const pairs = [...Map.groupBy(judgements, pairKey).values()]
  return Object.entries(arms).flatMap(([judge, arm]) => {
    const compared = pairs.flatMap((pair) => {
      const own = pair.find((each) => each.judge === judge && (each.first === arm) !== (each.second === arm))
      // A judge with an arm of its own in the pair is no measure of another one's preference.
      const others = pair.filter((each) => ![each.first, each.second].includes(arms[each.judge] ?? ''))
      if (!own || others.length === 0) return []
      const forArm = ({ first, preference }: PairJudgement) => (first === arm ? preference : 1 - preference)
      const theirs = others.reduce((sum, each) => sum + forArm(each), 0) / others.length
      return [{ own, mine: forArm(own), theirs }]
    })
    if (compared.length === 0) return []
    const { mean, halfWidth } = clusteredMean(
      compared.map(({ mine, theirs }) => mine - theirs),
      clusters(compared.map(({ own }) => own)),
    )
    const meanOf = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
    return [
      {
        judge,
        arm,
        pairs: compared.length,
        own: meanOf(compared.map(({ mine }) => mine)),
        others: meanOf(compared.map(({ theirs }) => theirs)),
        difference: mean,
        halfWidth,
        clear: Math.abs(mean) > halfWidth,
      },
    ]
  })
}
