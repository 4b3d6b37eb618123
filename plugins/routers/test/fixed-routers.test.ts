// Routers that learn nothing: hash and random.
import { useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashRouter, randomRouter } from '../src/index.ts'
import { E, expectPairs, inputs, make, pairsFrom, route, T, tokens } from './routing.ts'

beforeAll(() => useEngine('reference'))

describe('hash', () => {
  test('a token’s members follow from its id, and each member owns an equal share of the vocabulary', () => {
    const made = make(hashRouter, { k: 2 })
    const table = made.store.state().get('table')!.dataSync()
    const { pairs } = route(made)
    expectPairs(
      pairs,
      pairsFrom(
        tokens.map((id) => [table[2 * id]!, table[2 * id + 1]!]),
        () => 0.5,
      ),
    )
    const firsts = Array.from({ length: 20 }, (_, id) => table[2 * id]!)
    expect(Array.from({ length: E }, (_, e) => firsts.filter((member) => member === e).length)).toEqual([5, 5, 5, 5])
    for (let id = 0; id < 20; id++) expect(table[2 * id]).not.toBe(table[2 * id + 1])
    // Neither the input nor the step matters.
    expect(route(made, { x: inputs.toReversed(), training: true, step: 3 }).pairs).toEqual(pairs)
    expect(made.store.parameters().size).toBe(0)
  })
})

describe('random', () => {
  test('draws k different members, all equally often, anew each step', () => {
    const made = make(randomRouter, { k: 2 })
    expect(route(made, { step: 1 }).pairs).toEqual(route(made, { step: 1 }).pairs)
    const counts = Array.from({ length: E }, () => 0)
    for (let step = 0; step < 100; step++) {
      const { pairs } = route(made, { step })
      for (const [i, [token, member, weight]] of pairs.entries()) {
        counts[member]!++
        expect(weight).toBe(0.5)
        if (i % 2 === 1) expect([token, member]).not.toEqual(pairs[i - 1]!.slice(0, 2))
      }
    }
    // χ² with 3 degrees of freedom, 99.9 %.
    const expected = (100 * T * 2) / E
    expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(16.27)
  })
})
