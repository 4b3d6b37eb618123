// Means, Student intervals and Welch comparisons over seeds. A handful of seeds is the rule here, so the quantiles are
// Student's, exact for any (fractional) number of degrees of freedom, and never the normal distribution's 1.96.

/** Lanczos' approximation (g = 7, n = 9) of log Γ(x), x > 0; relative error about 1e-15. */
function logGamma(x: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ]
  const shifted = x - 1
  const t = shifted + 7.5
  const sum = coefficients.reduce((total, c, i) => total + c / (shifted + i + 1), 0.9999999999998099)
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum)
}

/** The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Numerical Recipes, section 6.4). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const away = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return front * fraction
}

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
