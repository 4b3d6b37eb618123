// The normal distribution function and its inverse in logarithms, which hold far in the tails where the function itself is 0.
// erfc(z) = t · exp(P(t) − z²) with t = 2 / (2 + z) (Numerical Recipes, section 6.2.2); P is a Chebyshev series that is
// fitted when the module is loaded, to a Taylor series near 0 and a continued fraction elsewhere. Relative error about 1e-15.

/** exp(z²) · erfc(z) for z ≥ 0, slowly. */
function scaledErfc(z: number): number {
  if (z < 1) {
    // erf(z) = 2/√π · exp(−z²) · Σ 2ⁿ z²ⁿ⁺¹ / (2n + 1)!!, all terms positive.
    let term = z
    let sum = z
    for (let n = 1; term > sum * 1e-18; n++) sum += term *= (2 * z * z) / (2 * n + 1)
    return Math.exp(z * z) - (2 / Math.sqrt(Math.PI)) * sum
  }
  // 1/√π · 1/(z + ½/(z + 1/(z + 3⁄2/(z + …)))), from its end.
  let fraction = z
  for (let n = 400; n >= 1; n--) fraction = z + n / 2 / fraction
  return 1 / (Math.sqrt(Math.PI) * fraction)
}

const order = 30

/** Coefficients of P over t in [0, 1], the first one halved. */
const coefficients = ((): Float64Array => {
  const nodes = Array.from({ length: order }, (_, k) => Math.cos((Math.PI * (k + 0.5)) / order))
  const values = nodes.map((x) => {
    const t = (x + 1) / 2
    return Math.log(scaledErfc((2 - 2 * t) / t) / t)
  })
  return Float64Array.from({ length: order }, (_, j) => {
    const sum = values.reduce((total, value, k) => total + value * Math.cos((Math.PI * j * (k + 0.5)) / order), 0)
    return (j === 0 ? 1 : 2) * (sum / order)
  })
})()

/** log erfc(z) + z², z ≥ 0: Clenshaw's recurrence. */
function logScaledErfc(z: number): number {
  const t = 2 / (2 + z)
  const x2 = 4 * t - 2
  let [d, dd] = [0, 0]
  for (let j = order - 1; j > 0; j--) {
    const next = x2 * d - dd + coefficients[j]!
    dd = d
    d = next
  }
  return Math.log(t) + 0.5 * x2 * d - dd + coefficients[0]!
}

/** log Φ(a). */
export function logCdf(a: number): number {
  if (a > 0) return Math.log1p(-Math.exp(logCdf(-a)))
  return logScaledErfc(-a * Math.SQRT1_2) - 0.5 * a * a - Math.LN2
}

/** Φ(−|a|), 0 where it is below a double's precision beside 1. */
const tail = (a: number): number => (a > 9 || a < -9 ? 0 : Math.exp(logCdf(-Math.abs(a))))

/** log(Φ(b) − Φ(a)), a < b. */
export function logMass(a: number, b: number): number {
  if (a > 0) return logMass(-b, -a)
  if (b > 0) {
    const outside = tail(a) + tail(b)
    return outside === 0 ? 0 : Math.log1p(-outside)
  }
  const upper = logCdf(b)
  const ratio = logCdf(a) - upper
  return ratio < -40 ? upper : upper + Math.log(-Math.expm1(ratio))
}

export const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI)

/** log φ(x). */
export const logDensity = (x: number): number => -0.5 * x * x - halfLogTwoPi

/** The x ≤ 0 of log Φ(x) = y ≤ log ½, by Newton's method: log Φ is concave, steps shrink from the first or second on. */
function lowerQuantile(y: number): number {
  let x = y < -5 ? -Math.sqrt(-2 * (y + halfLogTwoPi)) : (-Math.sqrt(3) / Math.PI) * Math.log(Math.expm1(-y))
  for (let i = 0; i < 100; i++) {
    const log = logCdf(x)
    const step = (log - y) * Math.exp(log - logDensity(x))
    x -= step
    if (Math.abs(step) <= 1e-13 * Math.abs(x)) break
  }
  return x
}

/** The x of log Φ(x) = y, y < 0. */
export const quantileOfLog = (y: number): number =>
  y <= -Math.LN2 ? lowerQuantile(y) : -lowerQuantile(Math.log(-Math.expm1(y)))

const logAddExp = (a: number, b: number): number => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))

/** The quantile at q of the standard normal distribution between a and b, 0 ≤ q < 1. */
export function truncatedQuantile(q: number, a: number, b: number): number {
  if (q === 0) return a
  const mass = logMass(a, b)
  const x =
    a < 0
      ? quantileOfLog(logAddExp(logCdf(a), Math.log(q) + mass))
      : -quantileOfLog(logAddExp(logCdf(-b), Math.log1p(-q) + mass))
  return Math.min(Math.max(x, a), b)
}
