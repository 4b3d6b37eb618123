// Reductions against TensorFlow.js's JavaScript backend: every subset of axes of random shapes, then the long rows and
// columns that are cut into chunks.
import fc from 'fast-check'
import { util } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { expectSame, integers, intTensor, native, normals, normalTensor, tensor, values } from './harness.ts'

const size = (shape: readonly number[]): number => util.sizeFromShape(shape as number[])
const close = { relative: 2e-6, absolute: 2e-6 }

const shapeAndAxes = fc
  .array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) }, { weight: 1, arbitrary: fc.constant(0) }), {
    maxLength: 5,
  })
  .chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: fc.subarray(shape.map((_, i) => i)), keepDims: fc.boolean() }),
  )

function axisAttribute(name: string, axis: number[], keepDims: boolean): Record<string, unknown> {
  return name === 'Max' ? { reductionIndices: axis, keepDims } : { axis, keepDims }
}

describe('over any axes', () => {
  test.for(['Sum', 'Mean', 'Max', 'Min', 'Prod'])('%s of float32 and int32', (name) => {
    fc.assert(
      fc.property(shapeAndAxes, fc.nat(), ({ shape, axis, keepDims }, seed) => {
        const attrs = axisAttribute(name, axis, keepDims)
        expectSame(name, { x: tensor(shape, normals(size(shape), seed)) }, attrs, close)
        expectSame(name, { x: intTensor(shape, -4, 5, seed) }, attrs, close)
      }),
      { numRuns: 60 },
    )
  })

  test.for(['Any', 'All', 'Sum'])('%s of bool', (name) => {
    fc.assert(
      fc.property(shapeAndAxes, fc.nat(), ({ shape, axis, keepDims }, seed) => {
        expectSame(name, { x: tensor(shape, integers(size(shape), 0, 2, seed), 'bool') }, { axis, keepDims })
      }),
      { numRuns: 40 },
    )
  })

  const shapeAndAxis = fc
    .array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
    .chain((shape) => fc.record({ shape: fc.constant(shape), axis: fc.nat({ max: shape.length - 1 }) }))

  test.for(['ArgMax', 'ArgMin'])('%s, with ties', (name) => {
    fc.assert(
      fc.property(shapeAndAxis, fc.nat(), ({ shape, axis }, seed) => {
        expectSame(name, { x: intTensor(shape, 0, 3, seed) }, { axis })
        expectSame(name, { x: tensor(shape, integers(size(shape), 0, 3, seed)) }, { axis })
      }),
      { numRuns: 40 },
    )
    expectSame(name, { x: tensor([3, 3], [NaN, 1, 2, 1, NaN, 2, 2, 1, NaN]) }, { axis: 1 })
  })

  test('Cumsum', () => {
    fc.assert(
      fc.property(shapeAndAxis, fc.boolean(), fc.boolean(), fc.nat(), ({ shape, axis }, exclusive, reverse, seed) => {
        const attrs = { axis, exclusive, reverse }
        expectSame('Cumsum', { x: tensor(shape, normals(size(shape), seed)) }, attrs, close)
        expectSame('Cumsum', { x: intTensor(shape, -5, 6, seed) }, attrs)
      }),
      { numRuns: 40 },
    )
  })

  test.for(['Max', 'Min', 'Sum', 'Mean'])('%s keeps NaN and infinities', (name) => {
    const x = tensor([4, 5], [NaN, 1, 2, 3, 4, 1, 2, Infinity, 3, 4, 1, 2, 3, -Infinity, NaN, -Infinity, 1, 2, 3, 4])
    for (const axis of [[0], [1], [0, 1]]) expectSame(name, { x }, axisAttribute(name, axis, false))
  })
})

describe('long axes', () => {
  test.for(['Sum', 'Mean', 'Max', 'Min'])('%s', (name) => {
    const cases: [number[], number[]][] = [
      [[70_003], [0]],
      [[2, 40_001], [1]],
      [[3001, 7], [0]],
      [[2, 700, 33], [1]],
      [[600, 101], [0]],
      [
        [5, 3, 2100],
        [0, 1],
      ],
      [
        [129, 33, 17],
        [0, 2],
      ],
    ]
    for (const [shape, axis] of cases) {
      expectSame(name, { x: normalTensor(shape, 5) }, axisAttribute(name, axis, false), {
        relative: 1e-5,
        absolute: 2e-4,
      })
      expectSame(name, { x: intTensor(shape, -50, 51, 6) }, axisAttribute(name, axis, false), { absolute: 1e-5 })
    }
  })

  test('a sum of a million equal terms is right to float32', () => {
    const [sum] = native('Sum', { x: tensor([1 << 20], new Float32Array(1 << 20).fill(0.1)) }, { axis: [0] })
    expect(values(sum!)[0]).toBeCloseTo((1 << 20) * Math.fround(0.1), 1)
  })
})

describe('softmax', () => {
  const shape = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })

  test('Softmax', () => {
    fc.assert(
      fc.property(shape, fc.nat(), (dims, seed) => {
        const logits = tensor(
          dims,
          normals(size(dims), seed).map((x) => 5 * x),
        )
        expectSame('Softmax', { logits }, { dim: -1 }, { relative: 2e-6, absolute: 1e-37 })
      }),
      { numRuns: 40 },
    )
    expectSame('Softmax', { logits: normalTensor([40, 1031], 2) }, { dim: 1 }, { relative: 3e-6 })
    const logits = tensor([3, 3], [-Infinity, 0, 1, NaN, 0, 1, -Infinity, -Infinity, -Infinity])
    expectSame('Softmax', { logits }, { dim: -1 }, { relative: 1e-6 })
  })

  test('LogSoftmax', () => {
    const x = normals(6 * 301, 4).map((value) => 10 * value)
    const [y] = native('LogSoftmax', { logits: tensor([6, 301], x) }, { axis: -1 })
    const got = values(y!)
    for (let row = 0; row < 6; row++) {
      const logits = [...x.subarray(row * 301, (row + 1) * 301)]
      const largest = Math.max(...logits)
      const lse = largest + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - largest), 0))
      for (const [i, value] of logits.entries())
        expect(Math.abs(got[row * 301 + i]! - (value - lse))).toBeLessThan(1e-5)
    }
  })
})
