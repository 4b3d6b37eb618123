// Means, Student intervals and Welch comparisons over seeds. A handful of seeds is the rule here, so the quantiles are
// Student's and never the normal distribution's 1.96.
import { studentQuantile } from './student.ts'

export interface Estimate {
  readonly n: number
  readonly mean: number
  /** Sample standard deviation (n − 1); NaN for fewer than two values. */
  readonly deviation: number
  /** Half the width of the 95 % confidence interval of the mean; NaN for fewer than two values. */
  readonly halfWidth: number
}

/** Mean and 95 % interval of the finite ones among `values`; undefined when there are none. */
export function estimate(values: Iterable<number | undefined>): Estimate | undefined {
  const finite = [...values].filter((value): value is number => value !== undefined && Number.isFinite(value))
  const n = finite.length
  if (n === 0) return undefined
  const mean = finite.reduce((sum, value) => sum + value, 0) / n
  if (n === 1) return { n, mean, deviation: NaN, halfWidth: NaN }
  const deviation = Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  return { n, mean, deviation, halfWidth: (studentQuantile(0.975, n - 1) * deviation) / Math.sqrt(n) }
}

export interface Difference {
  /** mean(a) − mean(b). */
  readonly mean: number
  /** Half the width of its 95 % interval; NaN where either side has one value, so that the noise is unknown. */
  readonly halfWidth: number
  /** The interval excludes zero. */
  readonly clear: boolean
}

/** Welch's interval for the difference of two means with unequal variances (Welch 1947). */
export function difference(a: Estimate, b: Estimate): Difference {
  const mean = a.mean - b.mean
  if (a.n < 2 || b.n < 2) return { mean, halfWidth: NaN, clear: false }
  const va = a.deviation ** 2 / a.n
  const vb = b.deviation ** 2 / b.n
  if (va + vb === 0) return { mean, halfWidth: 0, clear: mean !== 0 }
  const df = (va + vb) ** 2 / (va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1))
  const halfWidth = studentQuantile(0.975, df) * Math.sqrt(va + vb)
  return { mean, halfWidth, clear: Math.abs(mean) > halfWidth }
}

export interface Ranking {
  /** Index of the best estimate. */
  readonly best: number
  /** Index of the second best, where there is one. */
  readonly next?: number
  /** Best minus next. */
  readonly lead?: Difference
  /** The best is separated from every other estimate, not only from the next. */
  readonly clear: boolean
}

/** Which of several estimates is lowest (or highest), and whether that is outside the noise. */
export function rank(estimates: readonly (Estimate | undefined)[], direction: 'lower' | 'higher'): Ranking | undefined {
  const sign = direction === 'lower' ? 1 : -1
  const order = estimates
    .flatMap((value, index) => (value === undefined ? [] : [{ value, index }]))
    .toSorted((a, b) => sign * (a.value.mean - b.value.mean))
  const [best, next] = order
  if (best === undefined) return undefined
  if (next === undefined) return { best: best.index, clear: false }
  const clear = order.slice(1).every((other) => difference(best.value, other.value).clear)
  return { best: best.index, next: next.index, lead: difference(best.value, next.value), clear }
}
