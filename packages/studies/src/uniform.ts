// One value of a distribution, each as likely as another (in the logarithm where it is logarithmic).
import type { RandomStream } from '@mixlab/core'
import { cardinality, type Distribution, type ParameterValue } from './distribution.ts'

const between = (low: number, high: number, rng: RandomStream, log: boolean | undefined): number =>
  log ? Math.exp(Math.log(low) + rng.uniform() * (Math.log(high) - Math.log(low))) : low + rng.uniform() * (high - low)

export function drawUniform(distribution: Distribution, rng: RandomStream): ParameterValue {
  switch (distribution.kind) {
    case 'float': {
      const { low, high, log, step } = distribution
      const value =
        step === undefined ? between(low, high, rng, log) : low + step * rng.integer(cardinality(distribution))
      return Math.min(high, Math.max(low, value))
    }
    case 'int': {
      const { low, high, log, step = 1 } = distribution
      if (!log) return low + step * rng.integer(cardinality(distribution))
      return Math.min(high, Math.max(low, Math.round(between(low - 0.5, high + 0.5, rng, true))))
    }
    case 'categorical':
      return distribution.choices[rng.integer(distribution.choices.length)]!
    default:
      return distribution satisfies never
  }
}
