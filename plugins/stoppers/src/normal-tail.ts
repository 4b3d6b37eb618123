// The upper tail of the standard normal distribution, to about 1e-13 relative: Laplace's continued fraction far out, the
// series of erf near 0 (Abramowitz & Stegun 26.2.11 and 26.2.14).

/** P(Z > z). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z)
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
  if (z < 3) {
    let term = z
    let sum = z
    for (let k = 3; term > sum * 1e-17; k += 2) sum += term *= (z * z) / k
    return 0.5 - density * sum
  }
  let fraction = z
  for (let k = 120; k >= 1; k--) fraction = z + k / fraction
  return density / fraction
}
