// Routers that learn from outcomes, each against its formula in float64.
import type { RouterOutcomes } from '@mixlab/nn'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  linUcbRouter,
  logisticRouter,
  matrixFactorizationRouter,
  mlpRouter,
  nearestNeighboursRouter,
} from '../src/index.ts'
import { positiveDefiniteInverse } from '../src/positive-definite-inverse.ts'
import {
  D,
  E,
  inputs,
  largest,
  logitsOf,
  type Made,
  make,
  type Matrix,
  route,
  routerInput,
  rowsOf,
  set,
  T,
} from './routing.ts'

beforeAll(() => useEngine('reference'))

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, i) => sum + value * b[i]![j]!, 0)))
const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!))
const parameter = ({ store }: Made, name: string, width: number): Matrix =>
  rowsOf(store.state().get(name)!.dataSync(), width)

/** Waves of the given phase, as parameters that no symmetry hides behind. */
const waves = (count: number, phase: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + phase))

function expectQuality(made: Made, logits: Matrix, k: number): void {
  const { scores, pairs } = route(made)
  for (const [t, row] of logits.entries()) {
    for (const [e, logit] of row.entries()) expect(scores[t]![e]).toBeCloseTo(sigmoid(logit), 5)
    const chosen = largest(row, k).toSorted((a, b) => a - b)
    const own = pairs.filter(([token]) => token === t)
    expect(own.map(([, member]) => member)).toEqual(chosen)
    const total = k > 1 ? chosen.reduce((sum, e) => sum + sigmoid(row[e]!), 0) : 1
    for (const [, member, weight] of own) expect(weight).toBeCloseTo(sigmoid(row[member]!) / total, 5)
  }
}

/** Outcomes of the fixed inputs: some known, some not. */
const quality: Matrix = inputs.map((_, t) => Array.from({ length: E }, (__, e) => ((3 * t + 5 * e) % 7) / 6))
const known: Matrix = inputs.map((_, t) => Array.from({ length: E }, (__, e) => Number((t + e) % 3 !== 0)))

function fit({ router }: Made, x: Matrix = inputs, from: Matrix = quality, which: Matrix = known): void {
  tf.tidy(() => {
    const outcomes: RouterOutcomes = {
      x_TD: tf.tensor2d(x),
      quality_TE: tf.tensor2d(from),
      known_TE: tf.tensor2d(which),
    }
    router.fit!(outcomes)
  })
}

describe('predicted quality', () => {
  test('logistic: x · wᵀ + b, and the penalty is half the squared norm of a member’s weights', () => {
    const made = make(logisticRouter, { k: 2, penalty: 0.5 })
    set(made, 'weight', waves(E * D, 0.2))
    set(made, 'bias', waves(E, 1))
    const bias = parameter(made, 'bias', E)[0]!
    expectQuality(
      made,
      logitsOf(made).map((row) => row.map((logit, e) => logit + bias[e]!)),
      2,
    )
    const norm = waves(E * D, 0.2).reduce((sum, value) => sum + value * value, 0)
    expect(route(made).losses['penalty']).toBeCloseTo(norm / 2 / E, 5)
  })

  test('matrix factorisation: w · (p/|p| ⊙ W x) + b, indifferent to the length of p', () => {
    const made = make(matrixFactorizationRouter, { factors: 3 })
    set(made, 'bias', waves(E, 2))
    const logits = (): Matrix => {
      const [members, projection] = [parameter(made, 'members', 3), parameter(made, 'projection', D)]
      const [classifier, bias] = [parameter(made, 'classifier', 3)[0]!, parameter(made, 'bias', E)[0]!]
      return product(inputs, transposed(projection)).map((row) =>
        members.map((p, e) => {
          const norm = Math.hypot(...p)
          return p.reduce((sum, value, f) => sum + (classifier[f]! * value * row[f]!) / norm, bias[e]!)
        }),
      )
    }
    expectQuality(made, logits(), 1)
    const before = route(made).scores
    set(
      made,
      'members',
      parameter(made, 'members', 3)
        .flat()
        .map((value) => 7 * value),
    )
    for (const [t, row] of route(made).scores.entries())
      for (const [e, score] of row.entries()) expect(score).toBeCloseTo(before[t]![e]!, 5)
  })

  test('mlp: starts at even odds; in training it leaves out units', () => {
    const made = make(mlpRouter, { hidden: 5, dropout: 0.5 })
    expect(route(made).scores.flat()).toEqual(Array.from({ length: T * E }, () => 0.5))
    set(made, 'weight', waves(E * 5, 0.4))
    const scores = route(made).scores
    expect(route(made, { step: 3 }).scores).toEqual(scores)
    expect(route(made, { training: true, step: 3 }).scores).not.toEqual(scores)
  })

  test('nearest neighbours: each is its own nearest; unknown outcomes leave the prior', () => {
    const made = make(nearestNeighboursRouter, { neighbours: 1, prior: 0.5 })
    fit(made)
    const mean = Array.from({ length: E }, (_, e) => {
      const values = quality.map((row) => row[e]!).filter((_value, t) => known[t]![e] === 1)
      return values.reduce((sum, value) => sum + value, 0) / values.length
    })
    const wanted = quality.map((row, t) =>
      row.map((value, e) => (known[t]![e] === 1 ? (value + 0.5 * mean[e]!) / 1.5 : mean[e]!)),
    )
    for (const [t, row] of route(made).scores.entries())
      for (const [e, score] of row.entries()) expect(score).toBeCloseTo(wanted[t]![e]!, 4)
  })
})

describe('lin-ucb', () => {
  test('θ·x, and in training α·√(xᵀA⁻¹x) above it, from what is known', () => {
    const [ridge, exploration] = [0.7, 1.5]
    const made = make(linUcbRouter, { ridge, exploration })
    fit(made)
    const estimates = route(made).scores
    const bounds = route(made, { training: true }).scores
    for (let e = 0; e < E; e++) {
      const rows = inputs.filter((_, t) => known[t]![e] === 1)
      const rewards = quality.filter((_, t) => known[t]![e] === 1).map((row) => [row[e]!])
      const gram = product(transposed(rows), rows).map((row, i) => row.map((value, j) => value + (i === j ? ridge : 0)))
      const inverse = rowsOf(positiveDefiniteInverse(gram.flat(), D), D)
      const theta = product(inverse, product(transposed(rows), rewards))
      for (const [t, x] of inputs.entries()) {
        const estimate = product([x], theta)[0]![0]!
        const variance = product(product([x], inverse), transposed([x]))[0]![0]!
        expect(estimates[t]![e]).toBeCloseTo(estimate, 4)
        expect(bounds[t]![e]).toBeCloseTo(estimate + exploration * Math.sqrt(variance), 4)
      }
    }
  })

  test('the inverse times the matrix is the identity', () => {
    const a = product(transposed(inputs), inputs)
    const identity = product(a, rowsOf(positiveDefiniteInverse(a.flat(), D), D))
    for (const [i, row] of identity.entries())
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(Number(i === j), 9)
  })
})

test('what is not fitted is refused, and a gradient reaches every parameter of the others', () => {
  expect(() => route(make(nearestNeighboursRouter))).toThrow('it knows no outcomes yet')
  for (const plugin of [logisticRouter, matrixFactorizationRouter, mlpRouter]) {
    const made = make(plugin)
    if (plugin === mlpRouter) set(made, 'weight', waves(E * 64, 0.4))
    for (const [name, variable] of made.store.parameters()) {
      const loss = () =>
        tf.tidy(() => {
          const { quality_TE } = made.router.route(routerInput(tf.tensor2d(inputs), { training: true }))
          return tf.sum(tf.square(tf.sub(quality_TE!, 0.3))) as tf.Scalar
        })
      const { grads } = tf.variableGrads(loss, [variable])
      expect([name, Object.values(grads)[0]!.abs().max().dataSync()[0]! > 1e-4]).toEqual([name, true])
    }
  }
})
