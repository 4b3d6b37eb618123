// Intervals for questions: Wilson's for right or wrong, Student's for scores, cluster-robust where questions come in groups
// ("Adding error bars to evals", arXiv 2411.00640). Comparisons are paired by question: what two arms share is not noise.
import { RandomStream } from '@mixlab/core'
import { studentCdf, studentQuantile } from '@mixlab/statistics'

export interface Scored {
  /** The question's. */
  readonly id: string
  /** Mean over the arm's runs. */
  readonly score: number
  readonly group?: string
}

export interface Interval {
  readonly mean: number
  /** 95 %. */
  readonly low: number
  readonly high: number
  readonly n: number
  readonly method: 'Wilson' | 'Student' | 'clustered'
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Standard error of a mean and its degrees of freedom; by groups where all of at least two have one. */
function standardError(items: readonly Scored[]): { error: number; df: number; clustered: boolean } {
  const centre = mean(items.map(({ score }) => score))
  const groups = Map.groupBy(items, ({ group }) => group)
  const clustered = groups.size > 1 && groups.size < items.length && !groups.has(undefined)
  const clusters = clustered ? [...groups.values()] : items.map((item) => [item])
  const squares = clusters.map((cluster) => cluster.reduce((sum, { score }) => sum + score - centre, 0) ** 2)
  const g = clusters.length
  const error = Math.sqrt((squares.reduce((sum, value) => sum + value, 0) * g) / (g - 1)) / items.length
  return { error, df: g - 1, clustered }
}

/** Wilson 1927, for `right` of `n`. */
export function wilson(right: number, n: number): { low: number; high: number } {
  const z = 1.959963984540054
  const share = right / n
  const centre = (share + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  const half = (z * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2))) / (1 + z ** 2 / n)
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/** Undefined for no questions; no width is claimed for one. */
export function scoreInterval(items: readonly Scored[]): Interval | undefined {
  if (items.length === 0) return undefined
  const centre = mean(items.map(({ score }) => score))
  const n = items.length
  if (n === 1) return { mean: centre, low: NaN, high: NaN, n, method: 'Student' }
  const { error, df, clustered } = standardError(items)
  if (!clustered && items.every(({ score }) => score === 0 || score === 1))
    return { mean: centre, n, method: 'Wilson', ...wilson(Math.round(centre * n), n) }
  const half = studentQuantile(0.975, df) * error
  return { mean: centre, low: centre - half, high: centre + half, n, method: clustered ? 'clustered' : 'Student' }
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

/** P of a split at least as uneven as (a, b) of a fair coin, two-sided. */
export function mcnemarExact(a: number, b: number): number {
  const n = a + b
  let term = 0.5 ** Math.min(n, 1000)
  if (n > 1000) {
    const z = (Math.abs(a - b) - 1) / Math.sqrt(n)
    return 2 * (1 - studentCdf(z, 1e7))
  }
  let tail = 0
  for (let k = 0; k <= Math.min(a, b); k++) {
    tail += term
    term *= (n - k) / (k + 1)
  }
  return Math.min(1, 2 * tail)
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
      const { error, df, clustered } = standardError(gaps)
      const binary = !clustered && [first, second].every((arm) => arm.every(({ score }) => score === 0 || score === 1))
      const centre = mean(gaps.map(({ score }) => score))
      const half = studentQuantile(0.975, df) * error
      const p = binary
        ? mcnemarExact(...better)
        : error === 0
          ? Number(centre === 0)
          : 2 * (1 - studentCdf(Math.abs(centre / error), df))
      const method = clustered ? ('clustered' as const) : ('Student' as const)
      const n = both.length
      return [
        {
          a,
          b: a + 1 + i,
          n,
          difference: { mean: centre, low: centre - half, high: centre + half, n, method },
          better,
          p,
        },
      ]
    }),
  )
  const order = pairs.map(({ p }, i) => ({ p, i })).toSorted((x, y) => x.p - y.p)
  const adjusted = pairs.map(() => 1)
  let floor = 0
  for (const [rank, { p, i }] of order.entries()) {
    floor = Math.max(floor, Math.min(1, p * (order.length - rank)))
    adjusted[i] = floor
  }
  return pairs.map((pair, i) => ({ ...pair, adjusted: adjusted[i]!, clear: adjusted[i]! < 0.05 }))
}

/** How often each unit is drawn in each of `count` bootstrap samples; the same every time. */
export function bootstrapCounts(units: number, count: number): Uint16Array[] {
  const random = new RandomStream(20_261_130).stream('report/bootstrap')
  return Array.from({ length: count }, () => {
    const drawn = new Uint16Array(units)
    for (let i = 0; i < units; i++) drawn[random.integer(units)]!++
    return drawn
  })
}
