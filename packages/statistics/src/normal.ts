// The standard normal distribution, to about 1e-13 relative, tails included: Laplace's continued fraction far out, the
// series of erf near 0 (Abramowitz & Stegun 26.2.11 and 26.2.14).

const density = (z: number): number => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)

/** P(Z > z). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z)
  if (z < 3) {
    let term = z
    let sum = z
    for (let k = 3; term > sum * 1e-17; k += 2) sum += term *= (z * z) / k
    return 0.5 - density(z) * sum
  }
  let fraction = z
  for (let k = 120; k >= 1; k--) fraction = z + k / fraction
  return density(z) / fraction
}

/** P(Z ≤ z). */
export const normalCdf = (z: number): number => normalTail(-z)

/** The z of P(Z ≤ z) = p; infinite at 0 and 1. */
export const normalQuantile = (p: number): number => (p < 0.5 ? -tailQuantile(p) : tailQuantile(1 - p))

/**
 * The z ≥ 0 of P(Z > z) = tail ≤ ½: Newton's method on the logarithm of the tail, which is concave, so that from a point
 * above the root it comes down to it.
 */
function tailQuantile(tail: number): number {
  if (tail <= 0) return Infinity
  // P(Z > z) ≤ ½ exp(−z²/2).
  let z = Math.sqrt(Math.max(0, -2 * Math.log(2 * tail)))
  for (let i = 0; i < 100; i++) {
    const probability = normalTail(z)
    const step = (Math.log(probability / tail) * probability) / density(z)
    z += step
    if (Math.abs(step) <= 1e-14 * z) break
  }
  return z
}
