// Intervals of scores over questions: Wilson's for right or wrong, cluster-robust where questions come in groups ("Adding
// error bars to evals", arXiv 2411.00640).
import { clusteredMean, wilsonInterval } from '@mixlab/statistics'

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

/** Undefined for no questions. */
export function scoreInterval(items: readonly Scored[]): Interval | undefined {
  const n = items.length
  if (n === 0) return undefined
  const groups = groupsOf(items)
  const scores = items.map(({ score }) => score)
  const { mean, halfWidth } = clusteredMean(scores, groups)
  // All right or all wrong tells no error between groups: each group then counts as one question.
  if (isBinary(items) && (!groups || mean === 0 || mean === 1)) {
    const units = groups ? new Set(groups).size : n
    return { mean, n, method: 'Wilson', ...wilsonInterval(Math.round(mean * units), units) }
  }
  return { mean, low: mean - halfWidth, high: mean + halfWidth, n, method: groups ? 'clustered' : 'Student' }
}
