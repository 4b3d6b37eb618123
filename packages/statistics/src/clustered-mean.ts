// The mean of values that come in clusters: questions about one document are not independent, and an error that pretends
// they are is too small ("Adding error bars to evals", Miller 2024, section 2.2). Corrections for few clusters:
//
//   CR0  as in that paper, from the clusters' sums of residuals
//   CR1  × G / (G − 1), as statsmodels and Stata
//   CR2  of Bell & McCaffrey (2002), unbiased for independent values, with Satterthwaite's degrees of freedom
//
// With each value a cluster of its own CR1 and CR2 are the usual standard error, and CR2's interval is Student's.
import { clustersOf } from './bootstrap.ts'
import { studentCdf, studentQuantile } from './student.ts'

export interface ClusteredMean {
  readonly n: number
  readonly clusters: number
  readonly mean: number
  /** NaN for a single cluster. */
  readonly standardError: number
  readonly degreesOfFreedom: number
  /** Half the width of the interval. */
  readonly halfWidth: number
  /** Two-sided, of the mean being 0. */
  readonly p: number
}

export interface ClusteredMeanOptions {
  readonly correction?: 'CR0' | 'CR1' | 'CR2'
  readonly confidence?: number
}

/** Mean, error and interval; `groups` are the values' clusters, absent: each its own. At least one value. */
export function clusteredMean(
  values: readonly number[],
  groups?: readonly (string | number)[],
  { correction = 'CR2', confidence = 0.95 }: ClusteredMeanOptions = {},
): ClusteredMean {
  const n = values.length
  const clusters = clustersOf(n, groups)
  const count = clusters.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (count < 2) return { n, clusters: count, mean, standardError: NaN, degreesOfFreedom: 0, halfWidth: NaN, p: NaN }
  let variance = 0
  // Of the matrix whose eigenvalues give CR2's degrees of freedom (Imbens & Kolesár 2016, equation 10, for a mean):
  // its diagonal, and the sums that its off-diagonal entries factor into.
  let diagonalSquares = 0
  let sum = 0
  let squares = 0
  for (const cluster of clusters) {
    const share = cluster.length / n
    const residual = cluster.reduce((total, index) => total + values[index]! - mean, 0)
    variance += residual ** 2 / (correction === 'CR2' ? 1 - share : 1)
    const entry = (share * share) / (1 - share)
    diagonalSquares += (share / n) ** 2
    sum += entry
    squares += entry ** 2
  }
  variance /= n * n
  if (correction === 'CR1') variance *= count / (count - 1)
  const offDiagonalSquares = (sum ** 2 - squares) / (n * n)
  const degreesOfFreedom = correction === 'CR2' ? 1 / (n * n) / (diagonalSquares + offDiagonalSquares) : count - 1
  const standardError = Math.sqrt(variance)
  return {
    n,
    clusters: count,
    mean,
    standardError,
    degreesOfFreedom,
    halfWidth: studentQuantile((1 + confidence) / 2, degreesOfFreedom) * standardError,
    p: standardError === 0 ? Number(mean === 0) : 2 * studentCdf(-Math.abs(mean / standardError), degreesOfFreedom),
  }
}
