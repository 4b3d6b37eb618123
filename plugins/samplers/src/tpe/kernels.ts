// The kernels of one parameter: a distribution around each observation and, last, the prior's over the whole range. Numbers have
// truncated normal ones (in the logarithm on a log scale), discrete numbers those integrated over each value's cell, choices
// a share for the observed one. As in Optuna's _ParzenEstimator and _MixtureOfProductDistribution.
//
// K: kernels, observations and then the prior.
import type { RandomStream } from '@mixlab/core'
import type { CategoricalDistribution, Distribution } from '@mixlab/studies'
import { uniform } from '../space/draw.ts'
import { continuousRange, isNumeric, nearest, type NumericDistribution, stepOf } from '../space/unit.ts'
import { halfLogTwoPi, logMass, truncatedQuantile } from './normal.ts'
import { kernelWidths } from './widths.ts'

/** Values are internal ones: numbers themselves, of choices the index. */
export interface Kernels {
  /** A value from kernel k. */
  sample(k: number, rng: RandomStream): number
  /** sums[k] += the log density of kernel k at `value` less what `constants` holds. */
  addLogDensities(value: number, sums: Float64Array): void
  /** sums[k] += what of the log density of kernel k is the same everywhere. */
  addConstants(sums: Float64Array): void
}

export const kernelsOf = (distribution: Distribution, observations: Float64Array): Kernels => {
  if (!isNumeric(distribution)) return categoricalKernels(distribution, observations)
  const normals = normalsOf(distribution, observations)
  return stepOf(distribution) === 0 ? continuousKernels(distribution, normals) : discreteKernels(distribution, normals)
}

interface Normals {
  readonly low: number
  readonly high: number
  readonly centres: Float64Array
  readonly widths: Float64Array
}

function normalsOf(distribution: NumericDistribution, observations: Float64Array): Normals {
  const { low, high } = continuousRange(distribution)
  const n = observations.length
  const centres = new Float64Array(n + 1)
  for (let i = 0; i < n; i++) centres[i] = distribution.log === true ? Math.log(observations[i]!) : observations[i]!
  centres[n] = 0.5 * (low + high)
  const widths = new Float64Array(n + 1)
  widths.set(kernelWidths(centres.subarray(0, n), low, high))
  widths[n] = high - low
  return { low, high, centres, widths }
}

/** A value from kernel k's truncated normal distribution, rounded to the distribution's own. */
function sampleNormal(
  distribution: NumericDistribution,
  { low, high, centres, widths }: Normals,
  k: number,
  q: number,
) {
  const [centre, width] = [centres[k]!, widths[k]!]
  const x = truncatedQuantile(q, (low - centre) / width, (high - centre) / width) * width + centre
  return nearest(distribution, distribution.log === true ? Math.exp(x) : x)
}

function continuousKernels(distribution: NumericDistribution, normals: Normals): Kernels {
  const { low, high, centres, widths } = normals
  const log = distribution.log === true
  const inverses = widths.map((width) => 1 / width)
  return {
    sample: (k, rng) => sampleNormal(distribution, normals, k, uniform(rng)),
    addLogDensities(value, sums) {
      const x = Math.min(Math.max(log ? Math.log(value) : value, low), high)
      for (let k = 0; k < sums.length; k++) {
        const z = (x - centres[k]!) * inverses[k]!
        sums[k]! -= 0.5 * z * z
      }
    },
    addConstants(sums) {
      // Most kernels have the same width, the least.
      let [width, logWidth] = [1, 0]
      for (let k = 0; k < sums.length; k++) {
        if (widths[k] !== width) logWidth = Math.log((width = widths[k]!))
        const mass = logMass((low - centres[k]!) * inverses[k]!, (high - centres[k]!) * inverses[k]!)
        sums[k]! -= mass + halfLogTwoPi + logWidth
      }
    },
  }
}

/** The different pairs of a centre and a width, and which one each kernel has. */
function distinct({ centres, widths }: Normals) {
  const byCentre = new Map<number, Map<number, number>>()
  const firsts: number[] = []
  const which = new Uint32Array(centres.length)
  for (let k = 0; k < centres.length; k++) {
    let byWidth = byCentre.get(centres[k]!)
    if (byWidth === undefined) byCentre.set(centres[k]!, (byWidth = new Map<number, number>()))
    let pair = byWidth.get(widths[k]!)
    if (pair === undefined) byWidth.set(widths[k]!, (pair = firsts.push(k) - 1))
    which[k] = pair
  }
  return {
    which,
    centres: Float64Array.from(firsts, (k) => centres[k]!),
    widths: Float64Array.from(firsts, (k) => widths[k]!),
  }
}

function discreteKernels(distribution: NumericDistribution, normals: Normals): Kernels {
  const { low, high } = normals
  const half = stepOf(distribution) / 2
  // Observations repeat, and so do candidates: each pair of a kernel and a value is integrated once.
  const { which, centres, widths } = distinct(normals)
  const masses = (from: number, to: number) =>
    centres.map((centre, k) => logMass((from - centre) / widths[k]!, (to - centre) / widths[k]!))
  const massesAt = distribution.log === true ? undefined : byDistance({ centres, widths }, half)
  const byValue = new Map<number, Float64Array>()
  return {
    sample: (k, rng) => sampleNormal(distribution, normals, k, uniform(rng)),
    addLogDensities(value, sums) {
      let logs = byValue.get(value)
      if (logs === undefined)
        byValue.set(value, (logs = massesAt?.(value) ?? masses(Math.log(value - half), Math.log(value + half))))
      for (let k = 0; k < sums.length; k++) sums[k]! += logs[which[k]!]!
    },
    addConstants(sums) {
      const whole = masses(low, high)
      for (let k = 0; k < sums.length; k++) sums[k]! -= whole[which[k]!]!
    },
  }
}

/** On a linear scale the mass of a value's cell depends on its distance alone; values and centres have few of them. */
function byDistance({ centres, widths }: Pick<Normals, 'centres' | 'widths'>, half: number) {
  const byWidth = new Map<number, Map<number, number>>()
  for (const width of widths) if (!byWidth.has(width)) byWidth.set(width, new Map<number, number>())
  const tables = Array.from(widths, (width) => byWidth.get(width)!)
  return (value: number) => {
    const logs = new Float64Array(centres.length)
    for (let k = 0; k < logs.length; k++) {
      const distance = Math.abs(value - centres[k]!)
      let log = tables[k]!.get(distance)
      if (log === undefined)
        tables[k]!.set(distance, (log = logMass((distance - half) / widths[k]!, (distance + half) / widths[k]!)))
      logs[k] = log
    }
    return logs
  }
}

function categoricalKernels({ choices }: CategoricalDistribution, observations: Float64Array): Kernels {
  const kernels = observations.length + 1
  // Each kernel gives every choice 1 / K and the observed one 1 more; the prior's are all equal.
  const total = choices.length / kernels + 1
  const [observed, other, prior] = [(1 / kernels + 1) / total, 1 / kernels / total, 1 / choices.length]
  const logs = { observed: Math.log(observed), other: Math.log(other), prior: Math.log(prior) }
  return {
    sample(k, rng) {
      const q = uniform(rng)
      const chosen = observations[k]
      if (chosen === undefined) return Math.floor(q * choices.length)
      // Of the unit interval the observed choice has the first part, the others share the rest.
      if (q < observed) return chosen
      const rest = Math.min(Math.floor((q - observed) / other), choices.length - 2)
      return rest < chosen ? rest : rest + 1
    },
    addLogDensities(value, sums) {
      for (let k = 0; k < observations.length; k++) sums[k]! += observations[k] === value ? logs.observed : logs.other
      sums[observations.length]! += logs.prior
    },
    addConstants() {},
  }
}
