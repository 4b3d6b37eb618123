// Every distribution as the unit interval: what Sobol's points, CMA-ES's vectors and uniform numbers are mapped by. Discrete
// values own equal shares of it (on a log scale: shares of their neighbourhood's logarithm), so that the first and the last
// are as likely as the others. It is Optuna's transformation (optuna._transform).
import {
  cardinality,
  type CategoricalDistribution,
  type Distribution,
  type FloatDistribution,
  type IntDistribution,
  type ParameterValue,
} from '@mixlab/studies'

export type NumericDistribution = FloatDistribution | IntDistribution

export const isNumeric = (distribution: Distribution): distribution is NumericDistribution =>
  distribution.kind !== 'categorical'

/** The distance of neighbouring values; 0 for a float without a step. */
export const stepOf = (distribution: NumericDistribution): number =>
  distribution.step ?? (distribution.kind === 'int' ? 1 : 0)

/** The largest value, which a step may leave below `high`. */
export function highest(distribution: NumericDistribution): number {
  const step = stepOf(distribution)
  if (step === 0) return distribution.high
  return Math.min(distribution.low + (cardinality(distribution) - 1) * step, distribution.high)
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/** The range as densities see it: wider by half a step at both ends, logarithms where the scale is one. */
export function continuousRange(distribution: NumericDistribution): Interval {
  const half = stepOf(distribution) / 2
  const [low, high] = [distribution.low - half, highest(distribution) + half]
  return distribution.log === true ? { low: Math.log(low), high: Math.log(high) } : { low, high }
}

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)

/** The value of a discrete distribution that is nearest to `value`; of a continuous one, `value` within its bounds. */
export function nearest(distribution: NumericDistribution, value: number): number {
  const { low } = distribution
  const high = highest(distribution)
  const step = stepOf(distribution)
  return clamp(step === 0 ? value : low + Math.round((value - low) / step) * step, low, high)
}

/** The value at `u` in [0, 1]. */
export function fromUnit(distribution: Distribution, u: number): ParameterValue {
  if (distribution.kind === 'categorical') return choiceAt(distribution, u)
  const { low, high } = continuousRange(distribution)
  const at = low + u * (high - low)
  return nearest(distribution, distribution.log === true ? Math.exp(at) : at)
}

function choiceAt({ choices }: CategoricalDistribution, u: number): ParameterValue {
  return choices[Math.min(Math.floor(u * choices.length), choices.length - 1)]!
}

/** Where in [0, 1] a number lies. */
export function toUnit(distribution: NumericDistribution, value: number): number {
  const { low, high } = continuousRange(distribution)
  if (low === high) return 0.5
  return ((distribution.log === true ? Math.log(value) : value) - low) / (high - low)
}
