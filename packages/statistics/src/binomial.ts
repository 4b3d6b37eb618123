// Proportions: exact binomial tails, and the interval that stays inside 0 … 1.
import { incompleteBeta, logGamma } from './special-functions.ts'
import { normalQuantile } from './normal.ts'

/** P(X = k) of n trials. */
export function binomialProbability(k: number, n: number, p: number): number {
  if (p === 0 || p === 1) return k === n * p ? 1 : 0
  const choose = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
  return Math.exp(choose + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

/** P(X ≤ k) and P(X ≥ k) of n trials, 0 ≤ k ≤ n: by the incomplete beta function, so that small tails are exact, too. */
export const binomialTails = (k: number, n: number, p: number): { readonly below: number; readonly above: number } => ({
  below: k >= n ? 1 : incompleteBeta(1 - p, n - k, k + 1),
  above: k <= 0 ? 1 : incompleteBeta(p, k, n - k + 1),
})

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Wilson's score interval of a proportion (Wilson 1927), without continuity correction. */
export function wilsonInterval(successes: number, n: number, confidence = 0.95): Interval {
  const z = normalQuantile((1 + confidence) / 2)
  const p = successes / n
  const scale = 1 + (z * z) / n
  const centre = (p + (z * z) / (2 * n)) / scale
  const halfWidth = (z / scale) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  return { low: successes === 0 ? 0 : centre - halfWidth, high: successes === n ? 1 : centre + halfWidth }
}
