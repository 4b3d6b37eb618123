import { RandomStream } from '@mixlab/core'
import type { Parameters, Space, Trial, TrialState } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { strategyOf } from '../src/cma-es/constants.ts'
import { eigenOfSymmetric } from '../src/cma-es/eigen.ts'
import { generationAttribute, parentsAttribute, replay } from '../src/cma-es/replay.ts'
import { sampleWithin } from '../src/cma-es/sample.ts'
import { type CmaState, initialState, nextState } from '../src/cma-es/state.ts'
import { cmaEsSampler } from '../src/index.ts'
import { isNumeric, toUnit } from '../src/space/unit.ts'
import { fixture, trial, view } from './fixtures.ts'

interface RecordedState {
  readonly generation: number
  readonly mean: number[]
  readonly sigma: number
  readonly covariance: number[]
  readonly pathSigma: number[]
  readonly pathC: number[]
}

interface RecordedTrial {
  readonly number: number
  readonly state: TrialState
  readonly parameters: Parameters
  readonly values: number[]
  readonly systemAttributes: Record<string, unknown>
}

const recorded = fixture<{
  runs: {
    dimensions: number
    populationSize: number
    generations: { solutions: { point: number[]; loss: number }[]; state: RecordedState | null }[]
  }[]
  study: { space: Space; trials: RecordedTrial[]; state: RecordedState }
}>('cma-es')

function expectState(state: CmaState, expected: RecordedState) {
  expect(state.generation).toBe(expected.generation)
  const close = (ours: ArrayLike<number>, theirs: readonly number[]) =>
    theirs.forEach((value, i) => expect(Math.abs(ours[i]! - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value))))
  close(state.mean, expected.mean)
  close([state.sigma], [expected.sigma])
  close(state.covariance, expected.covariance)
  close(state.pathSigma, expected.pathSigma)
  close(state.pathC, expected.pathC)
}

describe('generations move the distribution as in cmaes', () => {
  it.each(recorded.runs)(
    '$dimensions dimensions, $populationSize points',
    ({ dimensions, populationSize, generations }) => {
      const strategy = strategyOf(dimensions, populationSize)
      let state = initialState(new Float64Array(dimensions).fill(0.5), 1 / 6)
      for (const { solutions, state: expected } of generations) {
        state = nextState(
          state,
          strategy,
          solutions.map(({ point, loss }) => ({ point: Float64Array.from(point), loss })),
        )
        if (expected !== null) expectState(state, expected)
      }
    },
  )
})

describe('a study that Optuna began', () => {
  const { space, trials, state } = recorded.study
  const known = trials.map(({ number, ...fields }) => trial(number, fields))
  const numeric = space.flatMap(({ name, distribution }) => (isNumeric(distribution) ? [{ name, distribution }] : []))
  const evaluated = known.map((each) => ({
    trial: each,
    loss: -each.values![0]!,
    point: Float64Array.from(numeric, ({ name, distribution }) =>
      toUnit(distribution, each.parameters[name] as number),
    ),
  }))
  const start = initialState(new Float64Array(numeric.length).fill(0.5), 1 / 6)

  it('is in the state that Optuna kept', () => {
    expectState(replay(start, strategyOf(numeric.length), known, evaluated).state, state)
  })

  it('is continued in its generation', () => {
    const sampler = cmaEsSampler.create({ startupTrials: 1, pruned: false }, {
      space,
      directions: ['maximize'],
      seed: 0,
      rng: new RandomStream(0),
    } as never)
    const sample = sampler.ask({
      study: view(space, known, ['maximize']),
      number: known.length,
      rng: new RandomStream(1),
    })!
    expect(sample.attributes?.[generationAttribute]).toBe(state.generation)
    expect(Object.keys(sample.parameters).toSorted()).toEqual(['drop', 'kind', 'rate', 'width'])
  })
})

it('points are drawn with the covariance of the state', () => {
  const { dimensions, populationSize, generations } = recorded.runs.find((run) => run.dimensions === 5)!
  const strategy = strategyOf(dimensions, populationSize)
  const solutions = generations[0]!.solutions.map(({ point, loss }) => ({ point: Float64Array.from(point), loss }))
  const moved = nextState(initialState(new Float64Array(dimensions).fill(0.5), 1 / 6), strategy, solutions)
  // Small, so that none lies outside and is drawn again.
  const state = { ...moved, mean: new Float64Array(dimensions).fill(0.5), sigma: 0.01 }
  const rng = new RandomStream(6)
  const count = 20_000
  const points = Array.from({ length: count }, () => sampleWithin(state, rng))
  for (let i = 0; i < dimensions; i++)
    for (let j = 0; j < dimensions; j++) {
      const products = points.map((point) => (point[i]! - 0.5) * (point[j]! - 0.5) * 1e4)
      const mean = products.reduce((sum, product) => sum + product, 0) / count
      const deviation = Math.sqrt(products.reduce((sum, product) => sum + (product - mean) ** 2, 0) / count)
      expect(Math.abs(mean - state.covariance[i * dimensions + j]!)).toBeLessThan((5 * deviation) / Math.sqrt(count))
    }
})

it('trials that end late do not change the past', () => {
  const strategy = strategyOf(2)
  const start = initialState(new Float64Array(2).fill(0.5), 1 / 6)
  const make = (number: number, fields: Partial<Trial>) => trial(number, { values: [number], ...fields })
  const of = (generation: number, parents?: number[]) => ({
    [generationAttribute]: generation,
    ...(parents !== undefined && { [parentsAttribute]: parents }),
  })
  // Trial 2 was still running when trial 7 took the others for its parents.
  const parents = [0, 1, 3, 4, 5, 6]
  const trials = [0, 1, 2, 3, 4, 5, 6]
    .map((number) => make(number, { systemAttributes: of(0) }))
    .concat(make(7, { systemAttributes: of(1, parents) }))
  const evaluated = trials.map((each) => ({
    trial: each,
    loss: each.number,
    point: Float64Array.of(0.4 + each.number / 50, 0.6),
  }))
  const expected = nextState(
    start,
    strategy,
    parents.map((number) => evaluated[number]!),
  )
  expect(replay(start, strategy, trials, evaluated).state).toEqual(expected)
  expect(replay(start, strategy, trials.slice(0, 7), evaluated.slice(0, 7)).parents).toEqual([0, 1, 2, 3, 4, 5])
})

it('eigenvalues and eigenvectors multiply to the matrix', () => {
  const rng = new RandomStream(4)
  for (const n of [1, 2, 7, 20]) {
    const half = Float64Array.from({ length: n * n }, () => rng.normal())
    const matrix = half.map((value, at) => value + half[(at % n) * n + Math.floor(at / n)]!)
    const { values, vectors } = eigenOfSymmetric(matrix, n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let [product, identity] = [0, 0]
        for (let k = 0; k < n; k++) {
          product += vectors[i * n + k]! * values[k]! * vectors[j * n + k]!
          identity += vectors[i * n + k]! * vectors[j * n + k]!
        }
        expect(product).toBeCloseTo(matrix[i * n + j]!, 11)
        expect(identity).toBeCloseTo(i === j ? 1 : 0, 12)
      }
  }
})
