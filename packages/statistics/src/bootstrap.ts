// The bootstrap (Efron & Tibshirani 1993): what a figure would have been on other questions of the same kind. Paired by
// construction: a resample draws questions, with everything that is known of them. Where questions come in clusters (a
// subject, a document), clusters are drawn.
import type { RandomStream } from '@mixlab/core'
import type { Interval } from './binomial.ts'
import { integersFrom } from './draws.ts'
import { normalCdf, normalQuantile } from './normal.ts'
import { percentileOf } from './percentile.ts'

export interface BootstrapOptions {
  readonly rng: RandomStream
  /** Default 2000 (Efron & Tibshirani, section 14.3: at least a thousand for BCa). */
  readonly resamples?: number
  /** Default 0.95. */
  readonly confidence?: number
  /** Cluster of each unit; absent: each its own. */
  readonly groups?: readonly (string | number)[]
}

export interface Bootstrap {
  readonly observed: number
  /** Of the resamples. */
  readonly deviation: number
  readonly percentile: Interval
  /** Bias-corrected and accelerated (Efron 1987): right to second order. */
  readonly bca: Interval
  /** The statistic of each resample, in the order in which they were drawn. */
  readonly distribution: Float64Array
}

const percentiles = (distribution: Float64Array, low: number, high: number): Interval => {
  const values = [...distribution]
  return { low: percentileOf(values, 100 * low), high: percentileOf(values, 100 * high) }
}

/** The middle `confidence` of a bootstrap distribution. */
export const percentileInterval = (distribution: Float64Array, confidence = 0.95): Interval =>
  percentiles(distribution, (1 - confidence) / 2, (1 + confidence) / 2)

/**
 * The BCa interval from the statistic's resamples, its jackknife values (each unit or cluster left out) and its observed
 * value, as scipy.stats.bootstrap. The percentile interval where the observed value lies outside all resamples.
 */
export function bcaInterval(
  distribution: Float64Array,
  jackknife: readonly number[],
  observed: number,
  confidence = 0.95,
): Interval {
  let below = 0
  for (const value of distribution) below += value < observed ? 1 : value === observed ? 0.5 : 0
  const bias = normalQuantile(below / distribution.length)
  if (!Number.isFinite(bias)) return percentileInterval(distribution, confidence)
  const mean = jackknife.reduce((sum, value) => sum + value, 0) / jackknife.length
  const square = jackknife.reduce((sum, value) => sum + (mean - value) ** 2, 0)
  const cube = jackknife.reduce((sum, value) => sum + (mean - value) ** 3, 0)
  const acceleration = square === 0 ? 0 : cube / (6 * square ** 1.5)
  const at = (probability: number): number => {
    const z = bias + normalQuantile(probability)
    return normalCdf(bias + z / (1 - acceleration * z))
  }
  return percentiles(distribution, at((1 - confidence) / 2), at((1 + confidence) / 2))
}

/** Indices of the units of each cluster, clusters in the order in which they first appear. */
export function clustersOf(count: number, groups?: readonly (string | number)[]): Int32Array[] {
  if (!groups) return Array.from({ length: count }, (_, index) => Int32Array.of(index))
  const clusters = new Map<string | number, number[]>()
  for (let index = 0; index < count; index++) {
    const known = clusters.get(groups[index]!)
    if (known) known.push(index)
    else clusters.set(groups[index]!, [index])
  }
  return [...clusters.values()].map((indices) => Int32Array.from(indices))
}

/**
 * Bootstraps any statistic of `count` units.
 * @param statistic of the units whose indices it is given, with repetitions; the array is only lent
 */
export function bootstrap(
  count: number,
  statistic: (indices: Int32Array) => number,
  { rng, resamples = 2000, confidence = 0.95, groups }: BootstrapOptions,
): Bootstrap {
  const clusters = clustersOf(count, groups)
  const largest = Math.max(...clusters.map(({ length }) => length))
  const indices = new Int32Array(clusters.length * largest)
  const distribution = new Float64Array(resamples)
  const integer = integersFrom(rng)
  for (let draw = 0; draw < resamples; draw++) {
    let length = 0
    for (let i = 0; i < clusters.length; i++) {
      const cluster = clusters[integer(clusters.length)]!
      if (cluster.length === 1) indices[length++] = cluster[0]!
      else {
        indices.set(cluster, length)
        length += cluster.length
      }
    }
    distribution[draw] = statistic(indices.subarray(0, length))
  }
  const all = Int32Array.from({ length: count }, (_, index) => index)
  const leftOut = new Uint8Array(count)
  const observed = statistic(all)
  const jackknife =
    clusters.length < 2
      ? []
      : clusters.map((cluster) => {
          for (const index of cluster) leftOut[index] = 1
          const value = statistic(all.filter((index) => leftOut[index] === 0))
          leftOut.fill(0)
          return value
        })
  return summary(distribution, jackknife, observed, confidence)
}

function summary(
  distribution: Float64Array,
  jackknife: readonly number[],
  observed: number,
  confidence: number,
): Bootstrap {
  const mean = distribution.reduce((sum, value) => sum + value, 0) / distribution.length
  const variance = distribution.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (distribution.length - 1)
  return {
    observed,
    deviation: Math.sqrt(variance),
    percentile: percentileInterval(distribution, confidence),
    bca: bcaInterval(distribution, jackknife, observed, confidence),
    distribution,
  }
}

/**
 * Bootstraps the mean, e.g. of the differences of two arms question by question: what `bootstrap` gives, from the clusters'
 * sums.
 */
export function bootstrapMean(
  values: readonly number[],
  { rng, resamples = 2000, confidence = 0.95, groups }: BootstrapOptions,
): Bootstrap {
  const clusters = clustersOf(values.length, groups)
  const sizes = Float64Array.from(clusters, ({ length }) => length)
  const sums = Float64Array.from(clusters, (cluster) => cluster.reduce((sum, index) => sum + values[index]!, 0))
  const all = sums.reduce((total, sum) => total + sum, 0)
  const distribution = new Float64Array(resamples)
  const integer = integersFrom(rng)
  for (let draw = 0; draw < resamples; draw++) {
    let sum = 0
    let count = 0
    for (let i = 0; i < sums.length; i++) {
      const drawn = integer(sums.length)
      sum += sums[drawn]!
      count += sizes[drawn]!
    }
    distribution[draw] = sum / count
  }
  const jackknife =
    sums.length < 2 ? [] : Array.from(sums, (sum, index) => (all - sum) / (values.length - sizes[index]!))
  return summary(distribution, jackknife, all / values.length, confidence)
}
