// What a comparison of that size could have found. A difference below the minimum detectable effect that is "not
// significant" says nothing: the experiment was too small to see it.
import { binomialProbability, binomialTails } from './binomial.ts'
import { normalCdf, normalQuantile } from './normal.ts'

export interface PowerOptions {
  /** Two-sided level; default 0.05. */
  readonly alpha?: number
  /** The chance of finding an effect of that size; default 0.8. */
  readonly power?: number
}

/** Power of a two-sided z-test for an effect measured with a standard error. */
export function powerOf(effect: number, standardError: number, { alpha = 0.05 }: PowerOptions = {}): number {
  const critical = normalQuantile(1 - alpha / 2)
  return normalCdf(effect / standardError - critical) + normalCdf(-effect / standardError - critical)
}

/** By bisection: the argument at which an increasing function reaches `level`, between `low` and `high`. */
function solve(
  increasing: (value: number) => number,
  level: number,
  low: number,
  high: number,
  tolerance: number,
): number {
  while (high - low > tolerance) {
    const middle = (low + high) / 2
    if (increasing(middle) < level) low = middle
    else high = middle
  }
  return high
}

/**
 * The smallest effect that a comparison with this standard error finds with the power asked for: of a mean difference of
 * paired marks, deviation / √n ("Adding error bars to evals", Miller 2024, section 5). 0 for an error of 0.
 */
export function minimumDetectableEffect(standardError: number, options: PowerOptions = {}): number {
  const { alpha = 0.05, power = 0.8 } = options
  const near = normalQuantile(1 - alpha / 2) + normalQuantile(power)
  return solve((effect) => powerOf(effect, 1, options), power, 0, Math.max(near, 1) * 2, 1e-9) * standardError
}

/** The number of questions at which an effect becomes detectable, for a deviation of the paired differences. */
export const questionsNeeded = (effect: number, deviation: number, options: PowerOptions = {}): number =>
  Math.ceil((minimumDetectableEffect(deviation, options) / effect) ** 2)

/**
 * Power of McNemar's test over `n` questions, exactly: summed over how many questions the arms differ on.
 * @param discordance share of questions on which they differ
 * @param difference of their accuracies, at most `discordance` in size
 */
export function mcnemarPower(
  n: number,
  discordance: number,
  difference: number,
  { alpha = 0.05, midP = true }: PowerOptions & { readonly midP?: boolean } = {},
): number {
  const deviation = Math.sqrt(n * discordance * (1 - discordance))
  const first = Math.max(0, Math.floor(n * discordance - 9 * deviation - 9))
  const last = Math.min(n, Math.ceil(n * discordance + 9 * deviation + 9))
  const toFirst = (1 + difference / discordance) / 2
  let power = 0
  // The largest count of the rarer outcome that rejects never shrinks as the discordant questions grow.
  let critical = -1
  for (let m = first; m <= last; m++) {
    while (critical + 1 < m / 2 && pValue(critical + 1, m, midP) <= alpha) critical++
    if (critical < 0) continue
    const rejects = binomialTails(critical, m, toFirst).below + binomialTails(m - critical, m, toFirst).above
    power += binomialProbability(m, n, discordance) * rejects
  }
  return power
}

const pValue = (fewer: number, n: number, midP: boolean): number =>
  2 * binomialTails(fewer, n, 0.5).below - (midP ? binomialProbability(fewer, n, 0.5) : 0)

/**
 * The smallest difference of two accuracies that McNemar's test finds with the power asked for, were the arms to differ
 * on as many questions as here; on more, where even all of them going one way would not do. NaN where no difference would.
 */
export function mcnemarMinimumDetectableEffect(
  n: number,
  discordance: number,
  options: PowerOptions & { readonly midP?: boolean } = {},
): number {
  const { power = 0.8 } = options
  const reached = (difference: number) => mcnemarPower(n, Math.max(discordance, difference), difference, options)
  return reached(1) < power ? NaN : solve(reached, power, 0, 1, 1e-4)
}
