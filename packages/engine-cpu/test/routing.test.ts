// Top-k, dispatch, capacity and combine against definitions in plain TypeScript.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  expectClose,
  expectSame,
  integers,
  intTensor,
  native,
  normals,
  normalTensor,
  tensor,
  values,
} from './harness.ts'

describe('TopK', () => {
  test('descending, ties by lowest index, NaN last', () => {
    const scores = fc.array(fc.constantFrom(0, 1, 2, -1, NaN, Infinity, -Infinity, 0.5), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(scores, fc.nat({ max: 11 }), (row, cut) => {
        const k = Math.min(row.length, cut + 1)
        const order = row
          .map((_, i) => i)
          .toSorted((a, b) => {
            const [x, y] = [row[a]!, row[b]!]
            if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b
            return x === y ? a - b : y > x ? 1 : -1
          })
        const [top, indices] = native('mixlab.TopK', { x: tensor([1, row.length], row) }, { k })
        expect(values(indices!)).toEqual(order.slice(0, k))
        expectClose(
          values(top!),
          order.slice(0, k).map((i) => row[i]!),
        )
      }),
    )
  })

  test('many rows, as TensorFlow.js has it', () => {
    expectSame('TopK', { x: normalTensor([3000, 11], 1) }, { k: 3, sorted: true })
    expectSame('TopK', { x: intTensor([2, 5, 40], -9, 9, 1) }, { k: 40, sorted: true })
    expect(native('mixlab.TopK', { x: tensor([0, 4], []) }, { k: 2 }).map(({ shape }) => shape)).toEqual([
      [0, 2],
      [0, 2],
    ])
  })
})

/** Pairs of each member in ascending order. */
function dispatched(members: ArrayLike<number>, k: number, memberCount: number) {
  const pairs: number[] = []
  const offsets = [0]
  for (let member = 0; member < memberCount; member++) {
    for (let p = 0; p < members.length; p++) if (members[p] === member) pairs.push(p)
    offsets.push(pairs.length)
  }
  const padding = Array.from({ length: members.length - pairs.length }, () => -1)
  return { rows: [...pairs.map((p) => Math.floor(p / k)), ...padding], offsets, pairs: [...pairs, ...padding] }
}

test('Dispatch is a stable sort by member', () => {
  for (const [tokens, k, memberCount, low] of [
    [1, 1, 1, 0],
    [0, 2, 3, 0],
    [9, 2, 4, -1],
    [50, 3, 64, 0],
    [3000, 2, 8, -1],
    [20, 2, 1, 0],
  ] as const) {
    const members = integers(tokens * k, low, memberCount, 5)
    const [rows, offsets, pairs] = native(
      'mixlab.Dispatch',
      { members: tensor([tokens, k], members, 'int32') },
      { memberCount },
    )
    const expected = dispatched(members, k, memberCount)
    expect({ rows: values(rows!), offsets: values(offsets!), pairs: values(pairs!) }).toEqual(expected)
  }
})

test('Capacity drops by position or by priority', () => {
  const cases = fc.record({
    tokens: fc.nat({ max: 30 }),
    k: fc.integer({ min: 1, max: 3 }),
    memberCount: fc.integer({ min: 1, max: 4 }),
    capacity: fc.nat({ max: 8 }),
    seed: fc.nat(),
  })
  fc.assert(
    fc.property(cases, ({ tokens, k, memberCount, capacity, seed }) => {
      const members = integers(tokens * k, -1, memberCount, seed)
      // few distinct weights, so that ties are common
      const weights = Float32Array.from(integers(tokens * k, 0, 4, seed + 1))
      const inputs = { members: tensor([tokens, k], members, 'int32'), weights: tensor([tokens, k], weights) }
      for (const by of ['position', 'priority']) {
        const expected = [...members]
        for (let member = 0; member < memberCount; member++) {
          const pairs = [...members.keys()].filter((p) => members[p] === member)
          if (by === 'priority') pairs.sort((a, b) => weights[b]! - weights[a]! || a - b)
          for (const p of pairs.slice(capacity)) expected[p] = -1
        }
        const [kept] = native('mixlab.Capacity', inputs, { memberCount, capacity, by })
        expect(values(kept!)).toEqual(expected)
      }
    }),
  )
})

describe('Combine', () => {
  test.for([
    [1, 1, 1],
    [7, 20, 5],
    [3, 0, 4],
    [300, 900, 34],
  ])('%i rows from %i slots of %i', ([outputRows, slots, width]) => {
    const ys = normals(slots! * width!, 1)
    const weights = normals(slots!, 2)
    const rows = integers(slots!, -1, outputRows!, 3)
    const inputs = {
      ys: tensor([slots!, width!], ys),
      rows: tensor([slots!], rows, 'int32'),
      weights: tensor([slots!], weights),
    }
    const expected = new Float64Array(outputRows! * width!)
    for (const [n, row] of rows.entries()) {
      if (row >= 0) for (let i = 0; i < width!; i++) expected[row * width! + i]! += weights[n]! * ys[n * width! + i]!
    }
    const [y] = native('mixlab.Combine', inputs, { outputRows })
    expectClose(values(y!), expected, { relative: 1e-6, absolute: 3e-6 })

    const dy = normals(outputRows! * width!, 4)
    const [dys, dweights] = native('mixlab.CombineGrad', { dy: tensor([outputRows!, width!], dy), ...inputs })
    const at = (n: number, i: number) => (rows[n]! < 0 ? 0 : dy[rows[n]! * width! + i]!)
    expectClose(
      values(dys!),
      Array.from(ys, (_, p) => at(Math.floor(p / width!), p % width!) * weights[Math.floor(p / width!)]!),
      {
        relative: 1e-6,
      },
    )
    const dots = Array.from(weights, (_, n) => {
      let sum = 0
      for (let i = 0; i < width!; i++) sum += at(n, i) * ys[n * width! + i]!
      return sum
    })
    expectClose(values(dweights!), dots, { relative: 1e-5, absolute: 1e-5 })
  })
})
