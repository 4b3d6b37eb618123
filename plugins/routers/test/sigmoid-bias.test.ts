// DeepSeek-V3's router against its formula: groups, bias, scaling, steering, balance within sequences.
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { sigmoidBiasRouter } from '../src/index.ts'
import { E, expectPairs, largest, logitsOf, make, naiveBalance, pairsFrom, route, set, T, withGate } from './routing.ts'

beforeAll(() => useEngine('reference'))

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

describe('sigmoid-bias', () => {
  const bias = [0.3, -0.2, 0.05, -0.4, 0.1, 0, 0.25, -0.1]

  test.each([
    { k: 2 },
    { k: 1 },
    { k: 3, renormalize: false, routedScaling: 2.5 },
    { k: 2, groups: 4, topGroups: 2, routedScaling: 2.5 },
    { k: 3, groups: 2, topGroups: 1 },
    { k: 2, groups: 8, topGroups: 3 },
  ])('routes as the formula: %o', (config) => {
    const { k, groups = 1, topGroups = 1, renormalize = true, routedScaling = 1 } = config
    const made = make(sigmoidBiasRouter, config, 8)
    set(made, 'e_score_correction_bias', bias)
    const scores = logitsOf(made).map((row) => row.map(sigmoid))
    const size = 8 / groups
    const chosen = scores.map((row) => {
      const biased = row.map((score, e) => score + bias[e]!)
      const groupScores = Array.from({ length: groups }, (_, g) =>
        biased
          .slice(g * size, (g + 1) * size)
          .toSorted((a, b) => b - a)
          .slice(0, 2)
          .reduce((a, b) => a + b),
      )
      const open = new Set(largest(groupScores, topGroups))
      return largest(
        biased.map((score, e) => (open.has(Math.floor(e / size)) ? score : -Infinity)),
        k,
      )
    })
    const total = (t: number) => (renormalize && k > 1 ? chosen[t]!.reduce((sum, e) => sum + scores[t]![e]!, 0) : 1)
    expectPairs(
      route(made).pairs,
      pairsFrom(chosen, (t, e) => (routedScaling * scores[t]![e]!) / total(t)),
    )
  })

  test('by hand: the bias selects and does not weigh', () => {
    const made = withGate(make(sigmoidBiasRouter, { k: 1 }), [[0], [1], [2], [-1]])
    set(made, 'e_score_correction_bias', [0, 0, 0, 5])
    expectPairs(route(made, { x: [[1, 0, 0, 0, 0, 0]] }).pairs, [[0, 3, sigmoid(-1)]])
  })

  test('after a step, overloaded members’ biases fall and the others’ rise', () => {
    const made = make(sigmoidBiasRouter, { updateSpeed: 0.5 })
    tf.tidy(() => made.router.afterStep!(tf.tensor1d([10, 2, 4, 4])))
    const held = made.store.state().get('e_score_correction_bias')!.dataSync()
    expect([...held]).toEqual([-0.5, 0.5, 0.5, 0.5])
    tf.tidy(() => made.router.afterStep!(tf.tensor1d([5, 5, 5, 5])))
    expect([...held]).toEqual([-0.5, 0.5, 0.5, 0.5])
  })

  test('steering by the bias recovers from a collapse', () => {
    const made = make(sigmoidBiasRouter, { k: 1, updateSpeed: 0.02 })
    set(made, 'e_score_correction_bias', [1, 0, 0, 0])
    const loads = () => {
      const { pairs } = route(made)
      return Array.from({ length: E }, (_, e) => pairs.filter(([, member]) => member === e).length)
    }
    expect(loads()).toEqual([T, 0, 0, 0])
    for (let step = 0; step < 60; step++) tf.tidy(() => made.router.afterStep!(tf.tensor1d(loads(), 'float32')))
    expect(Math.max(...loads())).toBeLessThanOrEqual(5)
  })

  test('the balance within sequences: mean over sequences of Σ f P', () => {
    const made = make(sigmoidBiasRouter, { sequenceBalance: 1e-4 })
    const scores = logitsOf(made).map((row) => row.map(sigmoid))
    const sequences = [scores.slice(0, T / 2), scores.slice(T / 2)]
    const naive = sequences.map((rows) =>
      naiveBalance(
        rows.map((row) => row.map((s) => s / row.reduce((a, b) => a + b))),
        rows.map((row) => largest(row, 2)),
      ),
    )
    expect(route(made, { batch: 2 }).losses['balance']).toBeCloseTo((naive[0]! + naive[1]!) / 2, 5)
  })

  test.each([
    [{ groups: 3 }, '4 members do not divide into 3 groups'],
    [{ groups: 4, topGroups: 1 }, '1 of 4 groups of 1 members cannot give k = 2'],
    [{ groups: 2, topGroups: 3 }, '3 of 2 groups'],
  ])('groups that do not fit: %o', (config, message) => {
    expect(() => make(sigmoidBiasRouter, config)).toThrow(message)
  })
})
