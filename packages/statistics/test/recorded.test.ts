// Against SciPy, statsmodels, scikit-learn and the krippendorff package, as recorded by fixtures/record.py.
import { readFileSync } from 'node:fs'
import { RandomStream } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import {
  bcaInterval,
  benjaminiHochberg,
  binomialProbability,
  binomialTails,
  clusteredMean,
  cohenKappa,
  fitLogistic,
  fleissKappa,
  holm,
  krippendorffAlpha,
  mcnemar,
  mcnemarPower,
  minimumDetectableEffect,
  normalCdf,
  normalQuantile,
  percentileInterval,
  powerOf,
  signFlipTest,
  wilsonInterval,
} from '../src/index.ts'

interface Recorded {
  normal: [number, number][]
  normalQuantile: [number, number][]
  binomial: [number, number, number, number, number, number][]
  wilson: [number, number, number, number, number][]
  mcnemar: [number, number, number, number][]
  bootstrap: { sample: number[]; distribution: number[]; intervals: Record<string, [number, number]> }
  signFlip: [number[], number][]
  clusters: { values: number[]; groups: number[]; CR0: number; CR1: number; CR2: number; df: number }[]
  corrections: { p: number[]; holm: number[]; bh: number[] }
  power: [number, number, number, number][]
  mde: [number, number, number, number][]
  mcnemarPower: [number, number, number, number, boolean, number][]
  krippendorff: { ratings: (number | null)[][]; nominal: number; ordinal: number; interval: number }[]
  cohen: { first: number[]; second: number[]; none: number; linear: number; quadratic: number }
  fleiss: { ratings: number[][]; kappa: number }
  logistic: {
    features: number[][]
    targets: number[]
    weights: number[]
    C: number
    l1: number[]
    l2: number[]
    none: number[]
  }[]
}
const recorded = JSON.parse(readFileSync(new URL('fixtures/recorded.json', import.meta.url), 'utf8')) as Recorded

/** Relative. */
const close = (value: number, expected: number, tolerance: number) =>
  expect(Math.abs(value - expected), `${value} beside ${expected}`).toBeLessThanOrEqual(
    tolerance * Math.max(Math.abs(expected), 1e-300),
  )

test.each(recorded.normal)('normal: Φ(%d)', (z, expected) => close(normalCdf(z), expected, 1e-12))
test.each(recorded.normalQuantile)('normal: the quantile of %d', (p, expected) =>
  expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(1e-11),
)
test.each(recorded.binomial)('binomial: %d of %d at %d', (k, n, p, below, above, probability) => {
  const tails = binomialTails(k, n, p)
  close(tails.below, below, 1e-9)
  close(tails.above, above, 1e-9)
  close(binomialProbability(k, n, p), probability, 1e-9)
})
test.each(recorded.wilson)('Wilson: %d of %d at %d', (k, n, confidence, low, high) => {
  const interval = wilsonInterval(k, n, confidence)
  expect(interval.low).toBeCloseTo(low, 12)
  expect(interval.high).toBeCloseTo(high, 12)
})
test.each(recorded.mcnemar)('McNemar: %d to %d', (first, second, exact, midP) => {
  const result = mcnemar(first, second)
  close(result.exact, exact, 1e-10)
  close(result.midP, midP, 1e-10)
})

describe('bootstrap', () => {
  const { sample, distribution, intervals } = recorded.bootstrap
  const sum = sample.reduce((total, value) => total + value, 0)
  const jackknife = sample.map((value) => (sum - value) / (sample.length - 1))
  const resamples = Float64Array.from(distribution)
  test.each([0.95, 0.8])('intervals at %d', (confidence) => {
    const bca = bcaInterval(resamples, jackknife, sum / sample.length, confidence)
    const percentile = percentileInterval(resamples, confidence)
    for (const [interval, [low, high]] of [
      [bca, intervals[`bca-${confidence}`]!],
      [percentile, intervals[`percentile-${confidence}`]!],
    ] as const) {
      expect(interval.low).toBeCloseTo(low, 10)
      expect(interval.high).toBeCloseTo(high, 10)
    }
  })
})

test.each(recorded.signFlip)('sign flips of %j', (differences, p) =>
  expect(signFlipTest(differences, { rng: new RandomStream(0) })).toEqual({ p: expect.closeTo(p, 12), exact: true }),
)

test.each(recorded.clusters)('errors of a mean in clusters: $groups', ({ values, groups, df, ...errors }) => {
  for (const correction of ['CR0', 'CR1', 'CR2'] as const)
    close(clusteredMean(values, groups, { correction }).standardError, errors[correction], 1e-10)
  close(clusteredMean(values, groups).degreesOfFreedom, df, 1e-9)
})

test('corrections for many comparisons', () => {
  const { p, holm: stepDown, bh } = recorded.corrections
  for (const [index, value] of holm(p).entries()) expect(value).toBeCloseTo(stepDown[index]!, 14)
  for (const [index, value] of benjaminiHochberg(p).entries()) expect(value).toBeCloseTo(bh[index]!, 14)
})

test.each(recorded.power)('power of an effect of %d deviations over %d', (effect, n, alpha, power) =>
  close(powerOf(effect, 1 / Math.sqrt(n), { alpha }), power, 1e-10),
)
test.each(recorded.mde)('detectable over %d at %d with %d', (n, alpha, power, effect) =>
  // Their solver stops at about 1e-6.
  close(minimumDetectableEffect(1 / Math.sqrt(n), { alpha, power }), effect, 1e-5),
)
test.each(recorded.mcnemarPower)(
  'power of McNemar: %d, %d, %d, %d, mid-p %s',
  (n, discordance, gap, alpha, midP, power) => close(mcnemarPower(n, discordance, gap, { alpha, midP }), power, 1e-9),
)

test.each(recorded.krippendorff)(
  "Krippendorff's alpha: nominal $nominal, interval $interval",
  ({ ratings, ...alphas }) => {
    const panel = ratings.map((unit) => unit.map((value) => value ?? undefined))
    for (const level of ['nominal', 'ordinal', 'interval'] as const)
      expect(krippendorffAlpha(panel, level)).toBeCloseTo(alphas[level], 12)
  },
)
test("Cohen's and Fleiss' kappa", () => {
  const { first, second, ...kappas } = recorded.cohen
  for (const weights of ['none', 'linear', 'quadratic'] as const)
    expect(cohenKappa(first, second, weights)).toBeCloseTo(kappas[weights], 12)
  expect(fleissKappa(recorded.fleiss.ratings)).toBeCloseTo(recorded.fleiss.kappa, 12)
})

test.each(recorded.logistic)('logistic regression, C = $C', ({ features, targets, weights, C, ...expected }) => {
  for (const penalty of ['l1', 'l2', 'none'] as const)
    for (const [index, value] of fitLogistic(features, targets, { penalty, strength: C, weights }).entries())
      expect(Math.abs(value - expected[penalty][index]!)).toBeLessThan(2e-6)
})
