// Routers that weigh by a softmax, against their formulas written as loops and hand-computed cases.
import { useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { denseRouter, expertChoiceRouter, routers, switchRouter, topKRouter } from '../src/index.ts'
import {
  columns,
  E,
  expectPairs,
  largest,
  logitsOf,
  make,
  naiveBalance,
  pairsFrom,
  route,
  softmax,
  T,
  withGate,
  type Routed,
} from './routing.ts'

beforeAll(() => useEngine('reference'))

describe('top-k', () => {
  test('by hand: logits ln 4, ln 2, ln 1, ln 1', () => {
    const made = withGate(make(topKRouter, { renormalize: false }), [[Math.log(4)], [Math.log(2)], [0], [0]])
    expectPairs(route(made, { x: [[1, 0, 0, 0, 0, 0]] }).pairs, [
      [0, 0, 4 / 8],
      [0, 1, 2 / 8],
    ])
    const renormalized = withGate(make(topKRouter), [[Math.log(4)], [Math.log(2)], [0], [0]])
    expectPairs(route(renormalized, { x: [[1, 0, 0, 0, 0, 0]] }).pairs, [
      [0, 0, 4 / 6],
      [0, 1, 2 / 6],
    ])
  })

  test.each([
    [{ k: 1 }, false],
    [{ k: 2 }, true],
    [{ k: 3, renormalize: false }, false],
    [{ k: 2, softmax: 'after' }, true],
    [{ k: 4 }, true],
  ] as const)('routes as the formula: %o', (config, renormalized) => {
    const made = make(topKRouter, config)
    const probabilities = logitsOf(made).map(softmax)
    const chosen = probabilities.map((row) => largest(row, config.k))
    const total = (t: number) => (renormalized ? chosen[t]!.reduce((sum, e) => sum + probabilities[t]![e]!, 0) : 1)
    const { pairs, losses } = route(made)
    expectPairs(
      pairs,
      pairsFrom(chosen, (t, e) => probabilities[t]![e]! / total(t)),
    )
    expect(losses['balance']).toBeCloseTo(naiveBalance(probabilities, chosen), 5)
  })

  test('z loss', () => {
    const made = make(topKRouter, { z: 0.1, balance: 0 })
    const naive =
      logitsOf(made).reduce((sum, row) => sum + Math.log(row.map(Math.exp).reduce((a, b) => a + b)) ** 2, 0) / T
    const { losses } = route(made)
    expect(Object.keys(losses)).toEqual(['z'])
    expect(losses['z']).toBeCloseTo(naive, 4)
  })
})

describe('switch', () => {
  test('routes to the likeliest member with its probability', () => {
    const made = make(switchRouter)
    const probabilities = logitsOf(made).map(softmax)
    const chosen = probabilities.map((row) => largest(row, 1))
    const { pairs, losses } = route(made)
    expectPairs(
      pairs,
      pairsFrom(chosen, (t, e) => probabilities[t]![e]!),
    )
    expect(losses['balance']).toBeCloseTo(naiveBalance(probabilities, chosen), 5)
  })

  test('jitter scales what the router reads, within its bounds, in training only', () => {
    // One feature, gate 0 and 1: the logit of member 1 is the jittered input itself.
    const made = withGate(make(switchRouter, { jitter: 0.25 }, 2), [[0], [1]])
    const x = Array.from({ length: T }, () => [2, 0, 0, 0, 0, 0])
    const read = (training: boolean, step: number) =>
      route(made, { x, training, step }).scores.map(([p0, p1]) => Math.log(p1! / p0!))
    expect(new Set(read(false, 1).map((value) => value.toFixed(4)))).toEqual(new Set(['2.0000']))
    const jittered = read(true, 1)
    expect(Math.min(...jittered)).toBeGreaterThanOrEqual(1.5 - 1e-5)
    expect(Math.max(...jittered)).toBeLessThan(2.5)
    expect(Math.max(...jittered) - Math.min(...jittered)).toBeGreaterThan(0.4)
    expect(read(true, 2)).not.toEqual(jittered)
    expect(read(true, 1)).toEqual(jittered)
  })
})

describe('expert-choice', () => {
  test.each([
    [{ k: 2 }, 6],
    [{ k: 1 }, 3],
    [{ k: 0.75 }, 3],
    [{ k: 4 }, 12],
  ])('each member takes the ⌈T·k/E⌉ tokens that score highest for it: %o', (config, capacity) => {
    const made = make(expertChoiceRouter, config)
    const scores = logitsOf(made).map(softmax)
    const wanted = columns(scores).flatMap((column, e) =>
      largest(column, capacity).map((t): Routed['pairs'][number] => [t, e, column[t]!]),
    )
    expectPairs(route(made).pairs, wanted)
  })

  test('is marked as not causal', () => {
    expect(expertChoiceRouter.traits['causal']).toBe(false)
    expect(routers.filter(({ traits }) => traits['causal'] === false)).toEqual([expertChoiceRouter])
  })
})

describe('dense', () => {
  test('all members, weighted by the softmax', () => {
    const made = make(denseRouter, { z: 0.1 })
    const probabilities = logitsOf(made).map(softmax)
    const { pairs, losses } = route(made)
    expectPairs(
      pairs,
      pairsFrom(
        probabilities.map((row) => [...row.keys()]),
        (t, e) => probabilities[t]![e]!,
      ),
    )
    expect(Object.keys(losses)).toEqual(['z'])
    expect(made.router.choices).toBe(E)
  })
})
