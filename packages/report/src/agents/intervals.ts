// Intervals for questions: Wilson's for right or wrong, cluster-robust where questions come in groups ("Adding error bars
// to evals", arXiv 2411.00640). Comparisons are paired by question: what two arms share is not noise.
import { clusteredMean, holm, mcnemar, wilsonInterval } from '@mixlab/statistics'

export interface Scored {
  /** The question's. */
  readonly id: string
  /** Mean over the arm's runs. */
  readonly score: number
  readonly group?: string
}

export interface Interval {
  readonly mean: number
  /** 95 %; NaN where the noise is not known. */
  readonly low: number
  readonly high: number
  readonly n: number
  readonly method: 'Wilson' | 'Student' | 'clustered'
}

/** A question without a group is a cluster of its own; undefined where none has one. */
const groupsOf = (items: readonly Scored[]): string[] | undefined =>
  items.some(({ group }) => group !== undefined)
    ? items.map(({ id, group }) => (group === undefined ? `question:${id}` : `group:${group}`))
    : undefined

const isBinary = (items: readonly Scored[]): boolean => items.every(({ score }) => score === 0 || score === 1)

function around(items: readonly Scored[]): Interval & { readonly p: number } {
  const groups = groupsOf(items)
  const { mean, halfWidth, p } = clusteredMean(
    items.map(({ score }) => score),
    groups,
  )
  const method = groups ? 'clustered' : 'Student'
  return { mean, low: mean - halfWidth, high: mean + halfWidth, n: items.length, method, p }
}

/** Undefined for no questions. */
export function scoreInterval(items: readonly Scored[]): Interval | undefined {
  if (items.length === 0) return undefined
  const { p: _, ...interval } = around(items)
  if (!isBinary(items)) return interval
  // All right or all wrong tells no error between groups: each group then counts as one question.
  const constant = interval.mean === 0 || interval.mean === 1
  if (interval.method === 'clustered' && !constant) return interval
  const n = new Set(groupsOf(items) ?? items.map(({ id }) => id)).size
  return { ...interval, method: 'Wilson', ...wilsonInterval(Math.round(interval.mean * n), n) }
}

export interface Comparison {
  /** Places among the arms compared. */
  readonly a: number
  readonly b: number
  /** Questions that both have. */
  readonly n: number
  /** a − b. */
  readonly difference: Interval
  /** Questions that a has a higher score on, and b. */
  readonly better: readonly [a: number, b: number]
  /** Two-sided: McNemar's exact test for right or wrong without groups, else a t-test of the paired differences. */
  readonly p: number
  /** After Holm's correction over all the comparisons. */
  readonly adjusted: number
  readonly clear: boolean
}

/** All pairs of arms, with Holm's correction over them; pairs with fewer than two questions in common are left out. */
export function compareArms(arms: readonly (readonly Scored[])[]): Comparison[] {
  const pairs = arms.flatMap((first, a) =>
    arms.slice(a + 1).flatMap((second, i) => {
      const other = new Map(second.map((one) => [one.id, one.score]))
      const both = first.filter(({ id }) => other.has(id))
      if (both.length < 2) return []
      const gaps = both.map((one) => ({ ...one, score: one.score - other.get(one.id)! }))
      const better = [
        gaps.filter(({ score }) => score > 0).length,
        gaps.filter(({ score }) => score < 0).length,
      ] as const
      const { p: t, ...difference } = around(gaps)
      const exact = difference.method === 'Student' && isBinary(first) && isBinary(second)
      return [{ a, b: a + 1 + i, n: both.length, difference, better, p: exact ? mcnemar(...better).exact : t }]
    }),
  )
  const adjusted = holm(pairs.map(({ p }) => p))
  return pairs.map((pair, i) => ({ ...pair, adjusted: adjusted[i]!, clear: adjusted[i]! < 0.05 }))
}
