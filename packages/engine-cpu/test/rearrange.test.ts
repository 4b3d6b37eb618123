// Kernels that move elements, against TensorFlow.js's JavaScript backend, bit for bit.
import fc from 'fast-check'
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { backend, expectSame, integers, native, tensor, values } from './harness.ts'

const size = (shape: readonly number[]): number => util.sizeFromShape(shape as number[])
const shapes = (minLength = 0, min = 0) => fc.array(fc.integer({ min, max: 5 }), { minLength, maxLength: 5 })
const dtypes = fc.constantFrom<DataType>('float32', 'int32', 'bool')

/** Distinct values, so that a misplaced element shows. */
function numbered(shape: readonly number[], dtype: DataType = 'float32'): TensorInfo {
  const count = size(shape)
  return tensor(
    shape,
    dtype === 'bool' ? integers(count, 0, 2, count) : Float32Array.from({ length: count }, (_, i) => i + 1),
    dtype,
  )
}

/** What Python's range(*slice(begin, end, step).indices(size)) gives. */
function sliceIndices(size: number, begin: number | undefined, end: number | undefined, step: number): number[] {
  const clamp = (at: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, step < 0 ? -1 : 0), step < 0 ? size - 1 : size)
  const first = begin === undefined ? (step < 0 ? size - 1 : 0) : clamp(begin)
  const last = end === undefined ? (step < 0 ? -1 : size) : clamp(end)
  const indices: number[] = []
  for (let i = first; step < 0 ? i > last : i < last; i += step) indices.push(i)
  return indices
}

/** Elements at the given indices of every axis, row-major. */
function pick(list: readonly number[], shape: readonly number[], kept: readonly number[][]): number[] {
  let rows = [0]
  for (const [axis, indices] of kept.entries()) rows = rows.flatMap((row) => indices.map((i) => row * shape[axis]! + i))
  return rows.map((at) => list[at]!)
}

describe('against the JavaScript kernels', () => {
  test('Transpose', () => {
    const cases = shapes().chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        perm: fc.shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        ),
      }),
    )
    fc.assert(
      fc.property(cases, dtypes, ({ shape, perm }, dtype) =>
        expectSame('Transpose', { x: numbered(shape, dtype) }, { perm }),
      ),
      { numRuns: 150 },
    )
    for (const [shape, perm] of [
      [
        [131, 67],
        [1, 0],
      ],
      [
        [3, 65, 130],
        [0, 2, 1],
      ],
      [
        [2, 33, 4, 32],
        [0, 2, 1, 3],
      ],
      [
        [2, 33, 4, 32],
        [0, 2, 3, 1],
      ],
      [
        [64, 5, 70],
        [2, 1, 0],
      ],
      [
        [40, 1, 300],
        [2, 1, 0],
      ],
    ] as const) {
      expectSame('Transpose', { x: numbered(shape) }, { perm })
    }
  })

  test('Slice', () => {
    const cases = shapes(1).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        ranges: fc.tuple(...shape.map((n) => fc.tuple(fc.nat({ max: n }), fc.nat({ max: n })))),
      }),
    )
    fc.assert(
      fc.property(cases, dtypes, ({ shape, ranges }, dtype) => {
        const begin = ranges.map(([a, b]) => Math.min(a, b))
        const count = ranges.map(([a, b]) => Math.abs(a - b))
        expectSame('Slice', { x: numbered(shape, dtype) }, { begin, size: count })
      }),
      { numRuns: 100 },
    )
    expectSame('Slice', { x: numbered([50_000]) }, { begin: [7], size: [40_001] })
    expectSame('Slice', { x: numbered([300, 257]) }, { begin: [3, 5], size: [-1, 250] })
  })

  // against the definition: TensorFlow.js's JavaScript kernel is wrong for empty ranges and axes that shrink
  test('StridedSlice', () => {
    const cases = shapes(1, 1).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        ranges: fc.tuple(
          ...shape.map((n) =>
            fc.tuple(
              fc.integer({ min: -n, max: n }),
              fc.integer({ min: -n, max: n }),
              fc.constantFrom(1, 2, 3, -1, -2),
            ),
          ),
        ),
        beginMask: fc.nat({ max: 7 }),
        endMask: fc.nat({ max: 7 }),
      }),
    )
    fc.assert(
      fc.property(cases, dtypes, ({ shape, ranges, beginMask, endMask }, dtype) => {
        const [begin, end, strides] = [0, 1, 2].map((i) => ranges.map((range) => range[i]!))
        const masks = { beginMask, endMask, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 }
        const x = numbered(shape, dtype)
        const [y] = native('StridedSlice', { x }, { begin, end, strides, ...masks })
        const kept = ranges.map(([from, to, step], axis) => {
          const bit = 1 << axis
          return sliceIndices(shape[axis]!, beginMask & bit ? undefined : from, endMask & bit ? undefined : to, step)
        })
        expect(y!.shape).toEqual(kept.map((indices) => indices.length))
        expect(values(y!)).toEqual(pick(values(x), shape, kept))
      }),
      { numRuns: 100 },
    )
  })

  test('StridedSlice with an axis that shrinks', () => {
    const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 1, shrinkAxisMask: 4 }
    const x = numbered([4, 5])
    const [column] = native('StridedSlice', { x }, { begin: [0, 1, 2], end: [0, 4, 3], strides: [1, 2, 1], ...masks })
    expect(column!.shape).toEqual([1, 2])
    expect(values(column!)).toEqual([8, 18])
    const rowMasks = { ...masks, newAxisMask: 0, shrinkAxisMask: 1 }
    const [row] = native('StridedSlice', { x }, { begin: [2, 4], end: [3, 0], strides: [1, -2], ...rowMasks })
    expect(row!.shape).toEqual([2])
    expect(values(row!)).toEqual([15, 13])
  })

  test('Concat, Pack, SplitV and Unpack', () => {
    const cases = shapes(1).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.nat({ max: shape.length - 1 }),
        lengths: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 4 }),
      }),
    )
    fc.assert(
      fc.property(cases, dtypes, ({ shape, axis, lengths }, dtype) => {
        expectSame(
          'Concat',
          lengths.map((length) => numbered(shape.with(axis, length), dtype)),
          { axis },
        )
        expectSame(
          'Pack',
          lengths.map(() => numbered(shape, dtype)),
          { axis },
        )
        const x = numbered(
          shape.with(
            axis,
            lengths.reduce((sum, length) => sum + length, 0),
          ),
          dtype,
        )
        expectSame('SplitV', { x }, { numOrSizeSplits: lengths, axis })
        expectSame('Unpack', { value: x }, { axis })
      }),
      { numRuns: 60 },
    )
  })

  test('PadV2, Tile and Reverse', () => {
    const cases = shapes().chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        paddings: fc.tuple(...shape.map(() => fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })))),
        reps: fc.tuple(...shape.map(() => fc.nat({ max: 3 }))),
        dims: fc.subarray(shape.map((_, i) => i)),
      }),
    )
    fc.assert(
      fc.property(cases, dtypes, fc.constantFrom(0, 1), ({ shape, paddings, reps, dims }, dtype, constantValue) => {
        const x = numbered(shape, dtype)
        expectSame('PadV2', { x }, { paddings, constantValue })
        expectSame('Tile', { x }, { reps })
        expectSame('Reverse', { x }, { dims })
      }),
      { numRuns: 80 },
    )
  })

  test('Fill, ZerosLike, OnesLike and OneHot', () => {
    for (const dtype of ['float32', 'int32', 'bool'] as const) {
      for (const shape of [[], [0], [3, 7], [40_000]]) {
        expectSame('Fill', {}, { shape, value: 1, dtype })
        expectSame('ZerosLike', { x: numbered(shape, dtype) })
        expectSame('OnesLike', { x: numbered(shape, dtype) })
      }
      const indices = tensor([2, 5], integers(10, -2, 6), 'int32')
      expectSame('OneHot', { indices }, { dtype, depth: 4, onValue: 1, offValue: 0 })
    }
    expectSame('Fill', {}, { shape: [5], value: -2.5, dtype: 'float32' })
    expectSame(
      'OneHot',
      { indices: tensor([4], [0, 1, 2, 3], 'int32') },
      { dtype: 'float32', depth: 3, onValue: 0.9, offValue: 0.05 },
    )
  })
})

test('reshapes share memory', () => {
  const x = numbered([3, 4])
  const [y] = native('Reshape', { x }, { shape: [2, -1] })
  expect(y!.shape).toEqual([2, 6])
  expect(backend.pointer(y!)).toBe(backend.pointer(x))
  for (const dim of [0, 1, 2, -1, -3]) expectSame('ExpandDims', { input: x }, { dim })
  expect(() => native('ExpandDims', { input: x }, { dim: 3 })).toThrow('no axis 3')
})
