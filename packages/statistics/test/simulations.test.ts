// What intervals and tests promise, on worlds whose truth is known. Bounds are four standard errors of the simulation, so
// that a right implementation fails once in some ten thousand other seeds (and never with these).
import { RandomStream } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import {
  binomialProbability,
  bootstrap,
  bootstrapMean,
  clusteredMean,
  holm,
  integersFrom,
  krippendorffAlpha,
  mcnemar,
  mcnemarMinimumDetectableEffect,
  mcnemarPower,
  minimumDetectableEffect,
  powerOf,
  questionsNeeded,
  signFlipTest,
  wilsonInterval,
} from '../src/index.ts'
import { xoshiro128 } from '../src/draws.ts'

const seeded = new RandomStream(20)

/** The share of `count` worlds in which something holds. */
function share(name: string, count: number, holds: (rng: RandomStream) => boolean): number {
  const rng = seeded.stream(name)
  let holding = 0
  for (let world = 0; world < count; world++) if (holds(rng.at(world))) holding++
  return holding / count
}
const noise = (p: number, count: number) => 4 * Math.sqrt((p * (1 - p)) / count)

const range = (count: number) => Array.from({ length: count }, (_, index) => index)
/** Right or wrong in two arms that are right equally often, as often together as `together` says. */
const pair = (rng: RandomStream, accuracy: number, together: number): [number, number] => {
  const first = Number(rng.uniform() < accuracy)
  return [first, rng.uniform() < together ? first : Number(rng.uniform() < accuracy)]
}

describe('intervals cover the truth as often as they say', () => {
  test.each([
    [20, 0.5],
    [50, 0.1],
    [200, 0.97],
  ])("Wilson's, of %d at %d: exactly, by summing over outcomes", (n, p) => {
    let covered = 0
    for (let k = 0; k <= n; k++) {
      const { low, high } = wilsonInterval(k, n)
      if (low <= p && p <= high) covered += binomialProbability(k, n, p)
    }
    // It is right on average over p and swings about 0.95 (Brown, Cai & DasGupta 2001, figure 6).
    expect(covered).toBeGreaterThan(0.92)
    expect(covered).toBeLessThan(0.98)
  })

  test('BCa and percentile, of paired differences in right answers', () => {
    const worlds = 300
    const covered = { bca: 0, percentile: 0 }
    for (const world of range(worlds)) {
      const rng = seeded.stream('bootstrap').at(world)
      const differences = range(100).map(() => {
        const [a, b] = pair(rng, 0.7, 0.5)
        return a - b
      })
      const result = bootstrapMean(differences, { rng: rng.stream('draws'), resamples: 400 })
      for (const kind of ['bca', 'percentile'] as const)
        if (result[kind].low <= 0 && 0 <= result[kind].high) covered[kind]++
    }
    for (const count of Object.values(covered))
      expect(Math.abs(count / worlds - 0.95)).toBeLessThan(noise(0.95, worlds) + 0.01)
  })

  test('of clustered values only when the clusters are known', () => {
    const worlds = 1000
    const groups = range(60).map((index) => Math.floor(index / 6))
    const covers = (known: boolean) =>
      share('clusters', worlds, (rng) => {
        const effects = range(10).map(() => rng.normal())
        const values = groups.map((group) => effects[group]! + rng.normal())
        const { mean, halfWidth } = clusteredMean(values, known ? groups : undefined)
        return Math.abs(mean) <= halfWidth
      })
    expect(Math.abs(covers(true) - 0.95)).toBeLessThan(noise(0.95, worlds))
    expect(covers(false)).toBeLessThan(0.8)
  })

  test('the bootstrap by clusters is as wide as the clusters ask', () => {
    const rng = seeded.stream('wide')
    const effects = range(40).map(() => rng.normal())
    const groups = range(400).map((index) => index % 40)
    const values = groups.map((group) => effects[group]! + 0.1 * rng.normal())
    const byCluster = bootstrapMean(values, { rng, groups })
    expect(byCluster.deviation / clusteredMean(values, groups).standardError).toBeCloseTo(1, 1)
    expect(bootstrapMean(values, { rng }).deviation).toBeLessThan(byCluster.deviation / 2)
  })
})

describe('tests of equal arms reject as often as the level says', () => {
  const worlds = 2000
  test('McNemar: never more often (exact), and nearly as often (mid-p)', () => {
    const tested = (kind: 'exact' | 'midP') =>
      share('mcnemar', worlds, (rng) => {
        const pairs = range(80).map(() => pair(rng, 0.6, 0.4))
        const only = (side: 0 | 1) => pairs.filter((answers) => answers[side] > answers[1 - side]!).length
        return mcnemar(only(0), only(1))[kind] <= 0.05
      })
    expect(tested('exact')).toBeLessThan(0.05)
    expect(Math.abs(tested('midP') - 0.05)).toBeLessThan(noise(0.05, worlds) + 0.01)
  })

  test('sign flips, by clusters too', () => {
    const groups = range(90).map((index) => Math.floor(index / 3))
    const rejected = (known: boolean) =>
      share('flips', 500, (rng) => {
        const effects = range(30).map(() => rng.normal())
        const differences = groups.map((group) => effects[group]! + 0.5 * rng.normal())
        return signFlipTest(differences, { rng, flips: 400, ...(known && { groups }) }).p <= 0.05
      })
    expect(Math.abs(rejected(true) - 0.05)).toBeLessThan(noise(0.05, 500))
    expect(rejected(false)).toBeGreaterThan(0.1)
  })

  test('Holm: any false discovery among ten comparisons', () => {
    const any = (adjust: (p: readonly number[]) => readonly number[]) =>
      share('holm', worlds, (rng) => adjust(range(10).map(() => rng.uniform())).some((p) => p <= 0.05))
    expect(Math.abs(any(holm) - (1 - (1 - 0.05 / 10) ** 10))).toBeLessThan(noise(0.05, worlds))
    expect(any((p) => p)).toBeGreaterThan(0.35)
  })
})

describe('what a comparison can find', () => {
  test('the minimum detectable effect has the closed form where one tail is out of reach', () => {
    // z(0.975) + z(0.8).
    expect(minimumDetectableEffect(1)).toBeCloseTo(1.959963984540054 + 0.8416212335729143, 5)
    expect(powerOf(minimumDetectableEffect(0.02, { power: 0.9 }), 0.02)).toBeCloseTo(0.9, 8)
    expect(questionsNeeded(0.05, 0.5)).toBe(Math.ceil(((2.8015852181 * 0.5) / 0.05) ** 2))
  })

  test("McNemar's power is found in simulations", () => {
    const worlds = 3000
    const power = mcnemarPower(150, 0.3, 0.12)
    const found = share('power', worlds, (rng) => {
      let [first, second] = [0, 0]
      for (let i = 0; i < 150; i++) {
        const draw = rng.uniform()
        if (draw < 0.21) first++
        else if (draw < 0.3) second++
      }
      return mcnemar(first, second).midP <= 0.05
    })
    expect(Math.abs(found - power)).toBeLessThan(noise(power, worlds))
  })

  test('its detectable effect has the power asked for, and none where too few questions can say anything', () => {
    const effect = mcnemarMinimumDetectableEffect(400, 0.2)
    expect(mcnemarPower(400, 0.2, effect)).toBeCloseTo(0.8, 2)
    // The normal approximation: 2.80 · √(0.2 / 400).
    expect(effect).toBeCloseTo(2.8 * Math.sqrt(0.2 / 400), 2)
    // Ten questions that the arms hardly differ on: then they must differ on more.
    expect(mcnemarMinimumDetectableEffect(10, 0.01)).toBeGreaterThan(0.5)
    expect(mcnemarMinimumDetectableEffect(4, 0.5)).toBeNaN()
  })
})

test('sign flips of right and wrong are the exact McNemar test', () => {
  for (const [first, second] of [
    [1, 7],
    [4, 4],
    [0, 5],
    [9, 3],
  ] as const) {
    const differences = [...range(first).map(() => 1), ...range(second).map(() => -1), 0, 0, 0]
    expect(signFlipTest(differences, { rng: seeded }).p).toBeCloseTo(mcnemar(first, second).exact, 12)
  }
  const many = [...range(60).map(() => 1), ...range(40).map(() => -1)]
  const { p, exact } = signFlipTest(many, { rng: seeded.stream('many'), flips: 20_000 })
  expect(exact).toBe(false)
  expect(Math.abs(p - mcnemar(60, 40).exact)).toBeLessThan(noise(0.057, 20_000))
})

test('equal values leave nothing to resample; one cluster tells no error', () => {
  const same = bootstrapMean([1, 1, 1, 1], { rng: seeded })
  expect(same).toMatchObject({ observed: 1, deviation: 0, bca: { low: 1, high: 1 }, percentile: { low: 1, high: 1 } })
  expect(clusteredMean([1, 2, 3], ['a', 'a', 'a']).standardError).toBeNaN()
  expect(
    krippendorffAlpha([
      [1, 1],
      [1, 1],
    ]),
  ).toBeNaN()
  expect(mcnemar(0, 0)).toMatchObject({ exact: 1, midP: 1 })
})

test('the bootstrap of the mean is that of any statistic, for the mean', () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
  const groups = [0, 0, 1, 1, 1, 2, 3, 3, 4, 5]
  const mean = (indices: Int32Array) => indices.reduce((sum, index) => sum + values[index]!, 0) / indices.length
  for (const options of [{}, { groups }]) {
    const general = bootstrap(10, mean, { rng: seeded.stream('same'), resamples: 300, ...options })
    const own = bootstrapMean(values, { rng: seeded.stream('same'), resamples: 300, ...options })
    for (const [index, value] of own.distribution.entries()) expect(value).toBeCloseTo(general.distribution[index]!, 12)
    expect(own.bca.low).toBeCloseTo(general.bca.low, 10)
    expect(own.bca.high).toBeCloseTo(general.bca.high, 10)
  }
})

test("with every value its own cluster, the error is the usual one and the interval Student's", () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6]
  const mean = 31 / 8
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 7)
  const result = clusteredMean(values)
  expect(result.standardError).toBeCloseTo(deviation / Math.sqrt(8), 12)
  expect(result.degreesOfFreedom).toBeCloseTo(7, 10)
})

describe('draws', () => {
  test('xoshiro128** gives the words of the reference implementation', () => {
    // xoshiro128starstar.c, version 1.1, from the state 1, 2, 3, 4.
    const state = Uint32Array.of(1, 2, 3, 4)
    expect(range(10).map(() => xoshiro128(state))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ])
  })

  test('integers are even, and the same for the same stream', () => {
    const integer = integersFrom(seeded.stream('integers'))
    const counts = range(7).map(() => 0)
    for (let i = 0; i < 70_000; i++) counts[integer(7)]!++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(4 * Math.sqrt(10_000))
    expect(integersFrom(seeded.stream('a'))(1000)).toBe(integersFrom(seeded.stream('a'))(1000))
  })
})
