// Gathers and scatters against TensorFlow.js's JavaScript backend and, for the catalogue's, plain loops.
import fc from 'fast-check'
import { util } from '@tensorflow/tfjs-core'
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

const size = (shape: readonly number[]): number => util.sizeFromShape(shape as number[])
const close = { relative: 1e-6, absolute: 1e-6 }

describe('against the JavaScript kernels', () => {
  test('GatherV2', () => {
    const cases = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.nat({ max: shape.length - 1 }),
        picked: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 }),
      }),
    )
    fc.assert(
      fc.property(cases, fc.nat(), ({ shape, axis, picked }, seed) => {
        const indices = intTensor(picked, 0, shape[axis]!, seed)
        expectSame('GatherV2', { x: normalTensor(shape, seed), indices }, { axis, batchDims: 0 })
        expectSame('GatherV2', { x: intTensor(shape, 0, 99, seed), indices }, { axis, batchDims: 0 })
      }),
      { numRuns: 60 },
    )
    const batched = { x: normalTensor([3, 4, 5, 2], 1), indices: intTensor([3, 7], 0, 5, 2) }
    expectSame('GatherV2', batched, { axis: 2, batchDims: 1 })
    expectSame(
      'GatherV2',
      { x: normalTensor([700, 96], 1), indices: intTensor([1000], 0, 700, 2) },
      { axis: 0, batchDims: 0 },
    )
    const outside = { x: normalTensor([4, 2], 1), indices: tensor([2], [0, 4], 'int32') }
    expect(() => native('GatherV2', outside, { axis: 0 })).toThrow(
      'GatherV2: the index value 4 is not in [0, 3] (at position 1',
    )
  })

  test('GatherNd and ScatterNd', () => {
    const cases = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        rank: fc.integer({ min: 1, max: shape.length }),
        count: fc.integer({ min: 1, max: 9 }),
      }),
    )
    fc.assert(
      fc.property(cases, fc.nat(), ({ shape, rank, count }, seed) => {
        const columns = shape.slice(0, rank).map((n, axis) => integers(count, 0, n, seed + axis))
        const tuples = Array.from({ length: count }, (_, i) => columns.map((column) => column[i]!))
        const indices = tensor([count, rank], tuples.flat(), 'int32')
        expectSame('GatherNd', { params: normalTensor(shape, seed), indices })
        const updates = [count, ...shape.slice(rank)]
        expectSame('ScatterNd', { indices, updates: normalTensor(updates, seed) }, { shape }, close)
        expectSame('ScatterNd', { indices, updates: intTensor(updates, -9, 9, seed) }, { shape })
      }),
      { numRuns: 60 },
    )
    const outside = { params: normalTensor([3, 3], 1), indices: tensor([1, 2], [1, 3], 'int32') }
    expect(() => native('GatherNd', outside)).toThrow('index [1, 3] is outside the shape [3, 3]')
  })

  test('UnsortedSegmentSum', () => {
    for (const [shape, segments] of [
      [[30, 4], 7],
      [[500, 33], 40],
      [[9], 3],
      [[5, 2, 3], 4],
      [[0, 4], 3],
    ] as const) {
      const inputs = { x: normalTensor(shape, 1), segmentIds: intTensor([shape[0]], 0, segments + 1, 2) }
      expectSame('UnsortedSegmentSum', inputs, { numSegments: segments }, close)
    }
  })
})

describe('the catalogue', () => {
  test('GatherRows and ScatterAddRows', () => {
    for (const [rows, width, count] of [
      [1, 1, 1],
      [5, 3, 0],
      [0, 3, 4],
      [40, 33, 700],
    ] as const) {
      const x = normals(rows * width, 1)
      const picks = integers(count, -1, rows, 2)
      const indices = tensor([count], picks, 'int32')
      const [y] = native('mixlab.GatherRows', { x: tensor([rows, width], x), indices })
      const expected = [...picks].flatMap((row) =>
        row < 0 ? Array.from({ length: width }, () => 0) : [...x.subarray(row * width, (row + 1) * width)],
      )
      expectClose(values(y!), expected)
      const dy = normals(count * width, 3)
      const sums = new Float64Array(rows * width)
      for (const [i, row] of picks.entries()) {
        if (row >= 0) for (let j = 0; j < width; j++) sums[row * width + j]! += dy[i * width + j]!
      }
      const [dx] = native('mixlab.ScatterAddRows', { dy: tensor([count, width], dy), indices }, { rows })
      expect(dx!.shape).toEqual([rows, width])
      expectClose(values(dx!), sums, { absolute: 1e-5 })
    }
  })

  test('GatherColumns and ScatterColumns', () => {
    const [rows, columns, k] = [501, 9, 3]
    const x = normals(rows * columns, 1)
    const picks = integers(rows * k, -1, columns, 2)
    const indices = tensor([rows, k], picks, 'int32')
    const [y] = native('mixlab.GatherColumns', { x: tensor([rows, columns], x), indices })
    expectClose(
      values(y!),
      Array.from(picks, (column, i) => (column < 0 ? 0 : x[Math.floor(i / k) * columns + column]!)),
    )
    const dy = normals(rows * k, 3)
    const sums = new Float64Array(rows * columns)
    for (const [i, column] of picks.entries()) if (column >= 0) sums[Math.floor(i / k) * columns + column]! += dy[i]!
    const [dx] = native('mixlab.ScatterColumns', { dy: tensor([rows, k], dy), indices }, { size: columns })
    expect(size(dx!.shape)).toBe(rows * columns)
    expectClose(values(dx!), sums, { absolute: 1e-6 })
  })
})
