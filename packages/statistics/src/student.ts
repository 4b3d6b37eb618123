// Student's distribution, exact for any (fractional) number of degrees of freedom.
import { incompleteBeta } from './special-functions.ts'

/** P(T ≤ t) for Student's t with `df` > 0 degrees of freedom, not necessarily whole. */
export function studentCdf(t: number, df: number): number {
  const tail = 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5)
  return t > 0 ? 1 - tail : tail
}

/** The t below which Student's distribution has probability `p`, 0 < p < 1; by bisection on the distribution function. */
export function studentQuantile(p: number, df: number): number {
  if (p < 0.5) return -studentQuantile(1 - p, df)
  let high = 1
  while (studentCdf(high, df) < p) high *= 2
  let low = 0
  for (let i = 0; i < 200 && high - low > 1e-13 * high; i++) {
    const middle = (low + high) / 2
    if (studentCdf(middle, df) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
