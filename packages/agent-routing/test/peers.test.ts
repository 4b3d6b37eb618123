// Against scikit-learn, numpy and RouteLLM's own evaluation, whose output test/fixtures/record.py recorded.
import { readFileSync } from 'node:fs'
import { RandomStream } from '@mixlab/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { areaUnder, averageGapRecovered, binnedCurve, pairCurve, trainRouter } from '../src/index.ts'
import { sparseRows, timesDense } from '../src/sparse-rows.ts'
import { principalSubspace } from '../src/subspace.ts'
import { inverseDocumentFrequencies, tfIdfRows } from '../src/tf-idf.ts'
import { outcomesOf, questionOf, routerOf, startEngine } from './support.ts'

interface Peers {
  readonly train: number[][]
  readonly test: number[][]
  readonly outcomes: number[][]
  readonly logistic: { readonly C: number; readonly probabilities: number[][] }
  readonly neighbours: Readonly<Record<'cosine' | 'euclidean', number[][]>>
  readonly ridge: { readonly alpha: number; readonly predictions: number[][] }
  readonly tfIdf: { readonly counts: number[][]; readonly held: number[][]; readonly weights: number[][] }
  readonly subspace: { readonly rows: number[][]; readonly singular: number[] }
  readonly routeLlm: {
    readonly winRates: number[]
    readonly weak: number[]
    readonly strong: number[]
    readonly shares: number[]
    readonly accuracies: number[]
    readonly apgr: number
  }
}

const peers = JSON.parse(readFileSync(new URL('fixtures/peers.json', import.meta.url), 'utf8')) as Peers
const outcomes = outcomesOf(peers.train, peers.outcomes, ['weak', 'strong'])
const asked = peers.test.map(questionOf)

function expectNear(
  got: readonly (readonly number[])[],
  wanted: readonly (readonly number[])[],
  tolerance: number,
): void {
  expect(got).toHaveLength(wanted.length)
  for (const [t, row] of wanted.entries())
    for (const [e, value] of row.entries()) expect(Math.abs(got[t]![e]! - value)).toBeLessThan(tolerance)
}

beforeAll(startEngine)

describe('scikit-learn', () => {
  test('logistic regression: the same probabilities', () => {
    const penalty = 1 / (peers.logistic.C * peers.train.length)
    using router = routerOf({ name: 'logistic', penalty }, 5)
    const config = {
      passes: 1500,
      batchSize: peers.train.length,
      learningRate: 0.05,
      optimizer: { weightDecay: 0 },
    }
    trainRouter(router, outcomes, { config, rng: new RandomStream(1) })
    expectNear(router.route(asked).scores, peers.logistic.probabilities, 1e-4)
  })

  test.each(['cosine', 'euclidean'] as const)(
    'nearest neighbours by %s distance: the same shares, but for the prior',
    (metric) => {
      const [neighbours, prior] = [9, 2]
      using router = routerOf({ name: 'nearest-neighbours', neighbours, metric, prior }, 5)
      trainRouter(router, outcomes, { rng: new RandomStream(1) })
      const mean = [0, 1].map((e) => peers.outcomes.reduce((sum, row) => sum + row[e]!, 0) / peers.outcomes.length)
      const wanted = peers.neighbours[metric].map((row) =>
        row.map((share, e) => (share * neighbours + prior * mean[e]!) / (neighbours + prior)),
      )
      expectNear(router.route(asked).scores, wanted, 1e-5)
    },
  )

  test('LinUCB without exploration is ridge regression, whether it learns at once or one by one', () => {
    const reference = { name: 'lin-ucb', ridge: peers.ridge.alpha }
    using router = routerOf(reference, 5)
    trainRouter(router, outcomes, { rng: new RandomStream(1) })
    expectNear(router.route(asked).scores, peers.ridge.predictions, 1e-4)
    using online = routerOf(reference, 5)
    for (const [n, row] of peers.train.entries())
      trainRouter(online, outcomesOf([row], [peers.outcomes[n]!], ['weak', 'strong']), { rng: new RandomStream(1) })
    expectNear(online.route(asked).scores, peers.ridge.predictions, 1e-4)
  })

  test('TF-IDF: the same weights of held-out counts', () => {
    const counted = (rows: number[][]) =>
      rows.map((row) => new Map(row.flatMap((count, column) => (count > 0 ? [[column, count] as const] : []))))
    const idf = inverseDocumentFrequencies(sparseRows(counted(peers.tfIdf.counts), 12))
    const rows = tfIdfRows(counted(peers.tfIdf.held), idf)
    for (const [t, wanted] of peers.tfIdf.weights.entries()) {
      const got = new Float32Array(12)
      for (let n = rows.offsets[t]!; n < rows.offsets[t + 1]!; n++) got[rows.indices[n]!] = rows.values[n]!
      for (const [column, weight] of wanted.entries()) expect(got[column]).toBeCloseTo(weight, 5)
    }
  })
})

test('the principal subspace holds as much as the largest singular values', () => {
  const { rows, singular } = peers.subspace
  const x = sparseRows(
    rows.map((row) => new Map(row.flatMap((value, column) => (value > 0 ? [[column, value] as const] : [])))),
    24,
  )
  const width = 5
  const held = (iterations: number) => {
    const basis = principalSubspace(x, { width, iterations, rng: new RandomStream(1) })
    return timesDense(x, basis, width).reduce((sum, value) => sum + value * value, 0)
  }
  const basis = principalSubspace(x, { width, iterations: 3, rng: new RandomStream(1) })
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      const dot = Array.from({ length: 24 }, (_, r) => basis[r * width + i]! * basis[r * width + j]!).reduce(
        (a, b) => a + b,
      )
      expect(dot).toBeCloseTo(Number(i === j), 5)
    }
  }
  const most = singular.slice(0, width).reduce((sum, value) => sum + value * value, 0)
  expect(held(40)).toBeCloseTo(most, 1)
  expect(held(40)).toBeLessThan(most * (1 + 1e-5))
  // A few iterations, as by default, come near.
  expect(held(3)).toBeGreaterThan(0.95 * most)
})

describe("RouteLLM's evaluation", () => {
  const { winRates, weak, strong, shares, accuracies, apgr } = peers.routeLlm
  const outcomesOfPair = { gains: winRates, weak, strong }

  test('its eleven points and its APGR', () => {
    const curve = binnedCurve(outcomesOfPair)
    expect(curve.map(({ share }) => share)).toEqual(shares.map((share) => expect.closeTo(share, 7) as number))
    expect(curve.map(({ quality }) => quality)).toEqual(accuracies.map((value) => expect.closeTo(value, 7) as number))
    expect(averageGapRecovered(curve)).toBeCloseTo(apgr, 6)
  })

  test('the exact curve goes through them where there are no ties at the edge, and its APGR is near', () => {
    const curve = pairCurve(outcomesOfPair)
    const through = shares.filter((share, i) =>
      curve.some((point) => Math.abs(point.share - share) < 1e-9 && Math.abs(point.quality - accuracies[i]!) < 1e-7),
    )
    expect(through).toEqual(shares)
    expect(Math.abs(averageGapRecovered(curve) - apgr)).toBeLessThan(0.02)
    expect(areaUnder(curve)).toBeGreaterThan(0.5)
  })
})
