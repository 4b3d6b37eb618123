// A Parzen estimator of a joint density: the mixture, over observations and a prior, of the product over parameters of one
// kernel each (Bergstra et al. 2011; multivariate as in Falkner, Klein & Hutter 2018, BOHB).
import type { RandomStream } from '@mixlab/core'
import type { Distribution } from '@mixlab/studies'
import { uniform } from '../space/draw.ts'
import { kernelsOf } from './kernels.ts'

export interface ParzenEstimator {
  /** `count` points; one column a parameter, internal values. */
  sample(rng: RandomStream, count: number): Float64Array[]
  /** The log density at each point, given as columns. */
  logDensities(points: readonly Float64Array[]): Float64Array
}

/** Weights of n observations, oldest first: the latest 25 weigh 1, those before them from 1/n rising to 1. */
export function recencyWeights(n: number): Float64Array {
  const ramp = n - 25
  return Float64Array.from({ length: n }, (_, i) => {
    if (i >= ramp) return 1
    return ramp === 1 ? 1 / n : 1 / n + (i / (ramp - 1)) * (1 - 1 / n)
  })
}

/** log Σ exp of the values, which are overwritten. */
function logSumExp(values: Float64Array): number {
  let most = -Infinity
  for (let k = 0; k < values.length; k++) if (values[k]! > most) most = values[k]!
  let sum = 0
  for (let k = 0; k < values.length; k++) {
    const difference = values[k]! - most
    // Less than 2e-20 of the largest: n of them do not reach a double's last place.
    if (difference > -45) sum += Math.exp(difference)
  }
  return most + Math.log(sum)
}

/**
 * @param observations one column a distribution, internal values, oldest first
 * @param weights of the observations; the prior's is 1
 */
export function parzenEstimator(
  distributions: readonly Distribution[],
  observations: readonly Float64Array[],
  weights: Float64Array,
): ParzenEstimator {
  const count = weights.length + 1
  const total = weights.reduce((sum, weight) => sum + weight, 1)
  const shares = Float64Array.from({ length: count }, (_, k) => (k < weights.length ? weights[k]! : 1) / total)
  const kernels = distributions.map((distribution, i) => kernelsOf(distribution, observations[i]!))

  const draw = (q: number): number => {
    let k = 0
    for (let sum = shares[0]!; q >= sum && k < count - 1; sum += shares[k]!) k++
    return k
  }
  return {
    sample(rng, size) {
      const points = kernels.map(() => new Float64Array(size))
      for (let i = 0; i < size; i++) {
        const k = draw(uniform(rng))
        kernels.forEach((each, d) => (points[d]![i] = each.sample(k, rng)))
      }
      return points
    },
    logDensities(points) {
      const constants = shares.map((share) => Math.log(share))
      for (const each of kernels) each.addConstants(constants)
      const sums = new Float64Array(count)
      return Float64Array.from(points[0]!, (_, i) => {
        sums.set(constants)
        kernels.forEach((each, d) => each.addLogDensities(points[d]![i]!, sums))
        return logSumExp(sums)
      })
    },
  }
}
