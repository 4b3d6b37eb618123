// Which of several arms is better, and whether that can be said at all. Paired question by question, clustered where
// questions come in groups, corrected for the number of comparisons, with the difference that could have been seen. A winner
// is named only when Holm's adjusted p-value and the bootstrap interval both say so.
//
// The test is McNemar's exact one for right and wrong, and the sign-flip permutation test otherwise (of which McNemar's is
// the special case), by clusters where there are groups: neither asks for large numbers or normal scores.
import { MixlabError, type RandomStream } from '@mixlab/core'
import {
  bootstrapMean,
  clusteredMean,
  holm,
  type Interval,
  mcnemar,
  type McNemar,
  mcnemarMinimumDetectableEffect,
  minimumDetectableEffect,
  signFlipTest,
  wilsonInterval,
} from '@mixlab/statistics'
import { type Arm, pairedScores, type PairedScores } from './arms.ts'
import { pairText } from './comparison-text.ts'

export interface CompareOptions {
  readonly rng: RandomStream
  /** Default 0.05. */
  readonly alpha?: number
  /** Of the bootstrap. Default 2000. */
  readonly resamples?: number
  /** Compares every arm with this one only, instead of all pairs: fewer comparisons find more. */
  readonly baseline?: string
}

export interface ArmSummary {
  readonly name: string
  readonly questions: number
  readonly mean: number
  /** Wilson's for right and wrong, cluster-robust otherwise. NaN where one cluster tells no error. */
  readonly interval: Interval
  readonly unparseable: number
}

export interface PairComparison {
  readonly first: string
  readonly second: string
  /** Questions that both answered; and that only one did. */
  readonly questions: number
  readonly unpaired: number
  /** Clusters of questions; as many as questions where they have no groups. */
  readonly clusters: number
  /** Mean of first − second. */
  readonly difference: number
  /** By paired bootstrap (BCa), clusters drawn as a whole. */
  readonly interval: Interval
  /** Cluster-robust (CR2), with its interval. */
  readonly standardError: number
  readonly robustInterval: Interval
  /** Of questions that are right or wrong. */
  readonly mcnemar?: McNemar
  readonly test: 'mcnemar' | 'sign-flip'
  readonly p: number
  /** By Holm, over all comparisons made here. */
  readonly adjustedP: number
  /** The smallest difference that a test at this correction finds in four of five experiments of this size. */
  readonly minimumDetectable: number
  /** Absent inside noise. */
  readonly winner?: string
  /** What may be said, in one sentence. */
  readonly text: string
}

export interface Comparison {
  readonly alpha: number
  readonly arms: readonly ArmSummary[]
  readonly pairs: readonly PairComparison[]
  /** The arm that won against every other one; absent where there is none, and where not all pairs were compared. */
  readonly winner?: string
}

const isBinary = (values: readonly number[]): boolean => values.every((value) => value === 0 || value === 1)

function summaryOf({ name, scores, unparseable }: Arm, alpha: number): ArmSummary {
  const all = [...scores.values()]
  const values = all.map(({ score }) => score)
  const groups = all.some(({ group }) => group !== undefined)
    ? [...scores].map(([question, { group }]) => (group === undefined ? `question:${question}` : `group:${group}`))
    : undefined
  const { mean, halfWidth } = clusteredMean(values, groups, { confidence: 1 - alpha })
  const interval =
    groups === undefined && isBinary(values)
      ? wilsonInterval(Math.round(mean * values.length), values.length, 1 - alpha)
      : { low: mean - halfWidth, high: mean + halfWidth }
  return { name, questions: values.length, mean, interval, unparseable }
}

type Tested = Omit<PairComparison, 'adjustedP' | 'winner' | 'text' | 'first' | 'second'>

/** One pair, before the others are known; `share` of the level is what Holm's first step leaves it. */
function testPair(
  { first, second, groups, unpaired }: PairedScores,
  { rng, alpha = 0.05, resamples }: CompareOptions,
  share: number,
): Tested {
  const questions = first.length
  const differences = first.map((score, index) => score - second[index]!)
  const robust = clusteredMean(differences, groups, { confidence: 1 - alpha })
  const { bca } = bootstrapMean(differences, {
    rng: rng.stream('bootstrap'),
    confidence: 1 - alpha,
    ...(resamples !== undefined && { resamples }),
    ...(groups && { groups }),
  })
  const binary = isBinary(first) && isBinary(second)
  const counts = binary
    ? mcnemar(differences.filter((d) => d === 1).length, differences.filter((d) => d === -1).length)
    : undefined
  const exact = counts !== undefined && groups === undefined
  return {
    questions,
    unpaired,
    clusters: robust.clusters,
    difference: robust.mean,
    interval: bca,
    standardError: robust.standardError,
    robustInterval: { low: robust.mean - robust.halfWidth, high: robust.mean + robust.halfWidth },
    ...(counts && { mcnemar: counts }),
    test: exact ? 'mcnemar' : 'sign-flip',
    p: exact ? counts.exact : signFlipTest(differences, { rng: rng.stream('signs'), ...(groups && { groups }) }).p,
    minimumDetectable: exact
      ? mcnemarMinimumDetectableEffect(questions, (counts.onlyFirst + counts.onlySecond) / questions, {
          alpha: share,
          midP: false,
        })
      : minimumDetectableEffect(robust.standardError, { alpha: share }),
  }
}

/**
 * Compares arms over the questions that they share.
 * @throws MixlabError for fewer than two arms, two of one name, a baseline that is none of them, or a pair without a common
 * question
 */
export function compareArms(arms: readonly Arm[], options: CompareOptions): Comparison {
  const { alpha = 0.05, baseline, rng } = options
  const names = arms.map(({ name }) => name)
  if (arms.length < 2) throw new MixlabError(`a comparison needs at least two arms, and has ${arms.length}`)
  if (new Set(names).size < names.length)
    throw new MixlabError(`a comparison needs arms of different names, and has ${names.join(', ')}`)
  if (baseline !== undefined && !names.includes(baseline))
    throw new MixlabError(`the baseline ${baseline} is none of the arms ${names.join(', ')}`)
  const chosen = arms.flatMap((first, index) =>
    arms
      .slice(index + 1)
      // Differences are to the baseline.
      .map((second): [Arm, Arm] => (first.name === baseline ? [second, first] : [first, second]))
      .filter((pair) => baseline === undefined || pair.some(({ name }) => name === baseline)),
  )
  const tested = chosen.map(([first, second]) => {
    const scores = pairedScores(first, second)
    if (scores.first.length === 0)
      throw new MixlabError(
        `the arms ${first.name} and ${second.name} have no question in common: compare runs over one data set`,
      )
    const stream = rng.stream(first.name).stream(second.name)
    return testPair(scores, { ...options, rng: stream }, alpha / chosen.length)
  })
  const adjusted = holm(tested.map(({ p }) => p))
  const pairs = tested.map((result, index) => {
    const [first, second] = [chosen[index]![0].name, chosen[index]![1].name]
    const adjustedP = adjusted[index]!
    const { low, high } = result.interval
    const clear = adjustedP <= alpha && (low > 0 || high < 0)
    const pair = {
      first,
      second,
      ...result,
      adjustedP,
      ...(clear && { winner: result.difference > 0 ? first : second }),
    }
    return { ...pair, text: pairText(pair, alpha) }
  })
  const winner = names.find((name) => pairs.filter((pair) => pair.winner === name).length === arms.length - 1)
  return {
    alpha,
    arms: arms.map((arm) => summaryOf(arm, alpha)),
    pairs,
    ...(winner !== undefined && { winner }),
  }
}
