// APGR, PGR and CPT against closed forms.
import { RandomStream } from '@mixlab/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  averageGapRecovered,
  bootstrapQuestions,
  callShareFor,
  oracleGains,
  pairCurve,
  performanceGapRecovered,
} from '../src/index.ts'
import { meanOf } from './support.ts'

/** Questions of which shares `up` only the strong and `down` only the weak agent gets right. */
function pairOf(n: number, up: number, down: number): { weak: number[]; strong: number[] } {
  const kinds = Array.from({ length: n }, (_, i) => (i < up * n ? [0, 1] : i < (up + down) * n ? [1, 0] : [1, 1]))
  return { weak: kinds.map(([weak]) => weak!), strong: kinds.map(([, strong]) => strong!) }
}

describe('APGR', () => {
  test('a router that cannot tell questions apart has exactly 0.5', () => {
    const pair = pairOf(200, 0.3, 0.1)
    expect(averageGapRecovered(pairCurve({ ...pair, gains: pair.weak.map(() => 7) }))).toBeCloseTo(0.5, 12)
  })

  test('a random order has 0.5 on average', () => {
    const pair = pairOf(400, 0.3, 0.1)
    const draws = Array.from({ length: 400 }, (_, seed) => {
      const rng = new RandomStream(seed, 'order')
      return averageGapRecovered(pairCurve({ ...pair, gains: pair.weak.map(() => rng.uniform()) }))
    })
    const error = Math.sqrt(meanOf(draws.map((draw) => (draw - 0.5) ** 2)) / draws.length)
    expect(Math.abs(meanOf(draws) - 0.5)).toBeLessThan(4 * error)
    expect(error).toBeLessThan(0.01)
  })

  test('the oracle: (u − u²/2 − d²/2) / (u − d), and the worst order its mirror image', () => {
    for (const [up, down] of [
      [0.3, 0.1],
      [0.5, 0],
      [0.25, 0.2],
    ] as const) {
      const pair = pairOf(400, up, down)
      const gains = oracleGains(pair)
      const oracle = averageGapRecovered(pairCurve({ ...pair, gains }))
      expect(oracle).toBeCloseTo((up - up ** 2 / 2 - down ** 2 / 2) / (up - down), 10)
      const worst = averageGapRecovered(pairCurve({ ...pair, gains: gains.map((gain) => -gain) }))
      expect(worst).toBeCloseTo(1 - oracle, 10)
    }
  })

  test('no order beats the oracle; reversing one mirrors it; weights are repeated questions', () => {
    const question = fc.record({
      weak: fc.constantFrom(0, 1),
      strong: fc.constantFrom(0, 1),
      gain: fc.integer({ min: 0, max: 5 }),
      times: fc.integer({ min: 1, max: 3 }),
    })
    fc.assert(
      fc.property(fc.array(question, { minLength: 2, maxLength: 40 }), (questions) => {
        const list = (from: typeof questions) => ({
          gains: from.map(({ gain }) => gain),
          weak: from.map(({ weak }) => weak),
          strong: from.map(({ strong }) => strong),
        })
        const pair = list(questions)
        fc.pre(meanOf(pair.strong) > meanOf(pair.weak))
        const own = averageGapRecovered(pairCurve(pair))
        const most = averageGapRecovered(pairCurve({ ...pair, gains: oracleGains(pair) }))
        expect(own).toBeLessThanOrEqual(most + 1e-9)
        const reversed = averageGapRecovered(pairCurve({ ...pair, gains: pair.gains.map((gain) => -gain) }))
        expect(own + reversed).toBeCloseTo(1, 9)
        const weights = questions.map(({ times }) => times)
        const repeated = questions.flatMap((one) => Array.from({ length: one.times }, () => one))
        const plain = list(repeated)
        fc.pre(meanOf(plain.strong) > meanOf(plain.weak))
        expect(averageGapRecovered(pairCurve(pair, weights))).toBeCloseTo(averageGapRecovered(pairCurve(plain)), 9)
      }),
    )
  })
})

test('PGR and CPT on the oracle’s curve, which rises by one per question until the gap is closed', () => {
  // 40 of 100 gained, none lost: the gap is 0.4, and each percent of calls recovers 2.5 % of it.
  const pair = pairOf(100, 0.4, 0)
  const curve = pairCurve({ ...pair, gains: pair.weak.map((_, i) => -i) })
  expect(performanceGapRecovered(curve, 0.1)).toBeCloseTo(0.25, 12)
  expect(performanceGapRecovered(curve, 0.9)).toBeCloseTo(1, 12)
  expect(callShareFor(curve, 0.5)).toBeCloseTo(0.2, 12)
  expect(callShareFor(curve, 0.8)).toBeCloseTo(0.32, 12)
  // A straight line needs as much as it recovers.
  const line = pairCurve({ ...pair, gains: pair.weak.map(() => 0) })
  expect(callShareFor(line, 0.8)).toBeCloseTo(0.8, 12)
  // Without a gap there is nothing to recover.
  expect(callShareFor(pairCurve({ gains: [1, 2], weak: [1, 0], strong: [0, 1] }), 0.5)).toBeNaN()
})

test('bootstrap intervals cover the mean as often as they say', () => {
  const [trials, n, rate] = [200, 60, 0.3]
  let [covered, paired] = [0, 0]
  for (let trial = 0; trial < trials; trial++) {
    const rng = new RandomStream(trial, 'trial')
    const values = Array.from({ length: n }, () => Number(rng.uniform() < rate))
    const weighted = (weights: Float64Array) => values.reduce((sum, value, i) => sum + value * weights[i]!, 0) / n
    const [own, same] = bootstrapQuestions((weights) => [weighted(weights), weighted(weights) - weighted(weights)], {
      questions: n,
      resamples: 200,
      rng: rng.stream('resamples'),
    })
    covered += Number(own!.low <= rate && rate <= own!.high)
    paired += Number(same!.low === 0 && same!.high === 0)
  }
  // 95 % ± four binomial deviations, less what a percentile interval of 60 questions is known to lack.
  expect(covered / trials).toBeGreaterThan(0.87)
  expect(covered / trials).toBeLessThan(0.995)
  expect(paired).toBe(trials)
})
