// NaN, infinities, signed zeros and numbers too small to be normal, in tensors of rank 0 to 6, empty ones too, through kernels
// of every kind, beside TensorFlow.js's JavaScript kernels and plain loops. MIXLAB_FUZZ=<cases> for more than the usual few.
import fc from 'fast-check'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { afterAll, describe, expect, test } from 'vitest'
import {
  backend,
  expectClose,
  expectSame,
  integers,
  native,
  normals,
  oracle,
  random,
  tensor,
  values,
} from './harness.ts'

const runs = { numRuns: Number(process.env['MIXLAB_FUZZ']) || 40 }
afterAll(() => backend.dispose())

const unusual = [0, -0, NaN, Infinity, -Infinity]
const special = [...unusual, 1e-40, -1e-40, 2 ** -149, -(2 ** -149), 2 ** -126, 1e-38]
const size = (shape: readonly number[]): number => util.sizeFromShape(shape as number[])

/** Rank 0 to 6; one in eight has no element. */
const anyShape = fc.oneof(
  { weight: 7, arbitrary: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 6 }) },
)
const rankedShape = anyShape.filter(({ length }) => length > 0)

/** Normal values, every `every`th a special one on average. */
function mixed(shape: readonly number[], seed: number, every = 5, from = special): TensorInfo {
  const list = normals(size(shape), seed)
  const next = random(seed + 1)
  for (let i = 0; i < list.length; i++) if (next() * every < 1) list[i] = from[Math.floor(next() * from.length)]!
  return tensor(shape, list)
}

/** Gives back what a case was made of. */
function using(inputs: Record<string, TensorInfo> | TensorInfo[], check: () => void): void {
  try {
    check()
  } finally {
    for (const info of Object.values(inputs)) backend.release(info)
  }
}

function same(name: string, inputs: Record<string, TensorInfo>, attrs = {}, tolerance = {}): void {
  using(inputs, () => expectSame(name, inputs, attrs, tolerance))
}

/** The same bits, signs of zeros too. */
function exactly(name: string, inputs: Record<string, TensorInfo> | TensorInfo[], attrs = {}): void {
  using(inputs, () => {
    const [expected, actual] = [oracle(name, inputs, attrs), native(name, inputs, attrs)]
    expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape))
    for (const [i, info] of actual.entries()) expect(values(info)).toEqual(values(expected[i]!))
    for (const info of [...actual, ...expected]) backend.release(info)
  })
}

describe('element by element', () => {
  const close = { relative: 4e-7, absolute: 2 ** -149 }
  const unary = 'Neg Abs Sqrt Square Reciprocal Relu Relu6 Sign Floor Ceil Round Rsqrt'.split(' ')
  const transcendental = ['Exp', 'Expm1', 'Log', 'Log1p', 'Sigmoid', 'Tanh', 'Elu', 'Sin', 'Cos']
  const binary = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference', 'Pow']
  const comparisons = ['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual']

  test('one operand', () => {
    fc.assert(
      fc.property(fc.constantFrom(...unary, ...transcendental), anyShape, fc.nat(), (name, shape, seed) =>
        // JavaScript's form of Elu, exp(x) − 1, gives 0 near 0
        same(name, { x: mixed(shape, seed, 2) }, {}, name === 'Elu' ? { ...close, absolute: 1e-7 } : close),
      ),
      { numRuns: 4 * runs.numRuns },
    )
  })

  /** Two shapes that broadcast: of a common one each has only some axes, and keeps its last ones. */
  const pair = anyShape.chain((shape) => {
    const operand = fc
      .tuple(fc.nat({ max: shape.length }), fc.tuple(...shape.map(() => fc.integer({ min: 0, max: 3 }))))
      .map(([drop, keep]) => shape.map((length, axis) => (keep[axis]! > 0 ? length : 1)).slice(drop))
    return fc.tuple(operand, operand)
  })

  test('two operands', () => {
    fc.assert(
      fc.property(fc.constantFrom(...binary, ...comparisons), pair, fc.nat(), (name, [a, b], seed) =>
        same(name, { a: mixed(a, seed, 2), b: mixed(b, seed + 7, 2) }, {}, close),
      ),
      { numRuns: 4 * runs.numRuns },
    )
  })
})

describe('along axes', () => {
  const shapeAndAxes = anyShape.chain((shape) => fc.tuple(fc.constant(shape), fc.subarray(shape.map((_, i) => i))))

  test.for(['Sum', 'Mean', 'Prod', 'Max', 'Min'])('%s', (name) => {
    fc.assert(
      fc.property(
        shapeAndAxes,
        fc.boolean(),
        fc.nat(),
        fc.constantFrom(3, 30),
        ([shape, axis], keepDims, seed, every) =>
          same(
            name,
            { x: mixed(shape, seed, every, name === 'Prod' ? unusual : special) },
            name === 'Max' ? { reductionIndices: axis, keepDims } : { axis, keepDims },
            { relative: 1e-6, absolute: 1e-5 },
          ),
      ),
      runs,
    )
  })

  const shapeAndAxis = rankedShape.chain((shape) => fc.tuple(fc.constant(shape), fc.nat({ max: shape.length - 1 })))

  test('Cumsum', () => {
    fc.assert(
      fc.property(shapeAndAxis, fc.boolean(), fc.boolean(), fc.nat(), ([shape, axis], exclusive, reverse, seed) =>
        same('Cumsum', { x: mixed(shape, seed, 9) }, { axis, exclusive, reverse }, { relative: 1e-6, absolute: 1e-6 }),
      ),
      runs,
    )
  })

  test.for(['ArgMax', 'ArgMin'])('%s', (name) => {
    fc.assert(
      fc.property(shapeAndAxis, fc.nat(), ([shape, axis], seed) => {
        fc.pre(shape[axis] !== 0)
        same(name, { x: mixed(shape, seed) }, { axis })
      }),
      runs,
    )
  })
})

describe('rows', () => {
  const rowsOf = ({ shape }: TensorInfo, list: readonly number[]): number[][] => {
    const width = shape.at(-1) ?? 1
    return Array.from({ length: width === 0 ? 0 : list.length / width }, (_, i) =>
      list.slice(i * width, (i + 1) * width),
    )
  }
  const sum = (row: readonly number[]) => row.reduce((total, value) => total + value, 0)
  const kinds = {
    softmax: (row: number[]) => {
      const largest = Math.max(...row)
      const powers = row.map((x) => Math.exp(x - largest))
      return powers.map((power) => power / sum(powers))
    },
    logSoftmax: (row: number[]) => {
      const largest = Math.max(...row)
      const log = Math.log(sum(row.map((x) => Math.exp(x - largest))))
      return row.map((x) => x - largest - log)
    },
    rmsNorm: (row: number[]) => {
      const scale = 1 / Math.sqrt(sum(row.map((x) => x * x)) / row.length + 1e-5)
      return row.map((x) => x * scale)
    },
    layerNorm: (row: number[]) => {
      const mean = sum(row) / row.length
      const scale = 1 / Math.sqrt(sum(row.map((x) => (x - mean) ** 2)) / row.length + 1e-5)
      return row.map((x) => (x - mean) * scale)
    },
  }

  /** Rows with special values beside rows without: what a row holds must not reach another. */
  function check(
    kernel: string,
    input: string,
    shape: number[],
    seed: number,
    kind: keyof typeof kinds,
    attrs: object,
  ) {
    const x = mixed(shape, seed, 12)
    const width = shape.at(-1)!
    const weight = tensor([width], new Float32Array(width).fill(1))
    using([x, weight], () => {
      const results = native(kernel, { [input]: x, weight }, attrs as Record<string, unknown>)
      // a rounded mean of numbers that differ little is an error of layer norm's result
      const absolute = kind === 'layerNorm' ? 2e-4 : 4e-6
      const expected = rowsOf(x, values(x)).flatMap(kinds[kind])
      expectClose(values(results[0]!), expected, { relative: 4e-6, absolute }, `${kernel} of [${shape.join()}]`)
      for (const info of results) backend.release(info)
    })
  }

  const wide = fc
    .tuple(anyShape, fc.integer({ min: 1, max: 40 }))
    .map(([shape, width]) => [...shape.slice(0, 5), width])
  const matrix = fc.tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 40 })).map(([rows, width]) => [rows, width])

  test('Softmax and LogSoftmax', () => {
    fc.assert(
      fc.property(wide, fc.nat(), (shape, seed) => {
        check('Softmax', 'logits', shape, seed, 'softmax', { dim: -1 })
        check('LogSoftmax', 'logits', shape, seed, 'logSoftmax', { axis: -1 })
      }),
      runs,
    )
  })

  test('RmsNorm and LayerNorm', () => {
    fc.assert(
      fc.property(matrix, fc.nat(), (shape, seed) => {
        check('mixlab.RmsNorm', 'x', shape, seed, 'rmsNorm', { eps: 1e-5 })
        check('mixlab.LayerNorm', 'x', shape, seed, 'layerNorm', { eps: 1e-5 })
      }),
      runs,
    )
  })
})

test('products', () => {
  const length = fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 30, max: 100 }),
  )
  const batch = fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 4 })
  fc.assert(
    fc.property(
      fc.record({ batch, m: length, k: length, n: length, transposeA: fc.boolean(), transposeB: fc.boolean() }),
      fc.constantFrom(15, 150),
      fc.nat(),
      ({ batch: outer, m, k, n, transposeA, transposeB }, every, seed) => {
        const a = mixed([...outer, ...(transposeA ? [k, m] : [m, k])], seed, every)
        const b = mixed([...outer, ...(transposeB ? [n, k] : [k, n])], seed + 3, every)
        same('BatchMatMul', { a, b }, { transposeA, transposeB }, { relative: 2e-6, absolute: 2e-5 })
      },
    ),
    { numRuns: 3 * runs.numRuns },
  )
})

describe('moved, every bit', () => {
  const axes = (shape: readonly number[]) => shape.map((_, i) => i)

  test('Transpose, Reverse, Tile and PadV2', () => {
    const cases = anyShape.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        perm: fc.shuffledSubarray(axes(shape), { minLength: shape.length }),
        dims: fc.subarray(axes(shape)),
        reps: fc.tuple(...shape.map(() => fc.nat({ max: 2 }))),
        paddings: fc.tuple(...shape.map(() => fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 1 })))),
      }),
    )
    fc.assert(
      fc.property(
        cases,
        fc.constantFrom(NaN, 0, Infinity, 1e-40),
        fc.nat(),
        ({ shape, ...how }, constantValue, seed) => {
          const x = () => ({ x: mixed(shape, seed, 2) })
          exactly('Transpose', x(), { perm: how.perm })
          exactly('Reverse', x(), { dims: how.dims })
          exactly('Tile', x(), { reps: how.reps })
          exactly('PadV2', x(), { paddings: how.paddings, constantValue })
        },
      ),
      runs,
    )
  })

  test('Slice, Concat, Pack and GatherV2', () => {
    const cases = rankedShape.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        ranges: fc.tuple(...shape.map((length) => fc.tuple(fc.nat({ max: length }), fc.nat({ max: length })))),
        axis: fc.nat({ max: shape.length - 1 }),
        picked: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }),
      }),
    )
    fc.assert(
      fc.property(cases, fc.nat(), ({ shape, ranges, axis, picked }, seed) => {
        const x = (i = 0) => mixed(shape, seed + i, 2)
        exactly(
          'Slice',
          { x: x() },
          { begin: ranges.map((r) => Math.min(...r)), size: ranges.map(([a, b]) => Math.abs(a - b)) },
        )
        exactly('Concat', [x(), x(1), x(2)], { axis })
        if (shape.length < 6) exactly('Pack', [x(), x(1)], { axis })
        if (shape[axis] === 0) return
        const indices = tensor(picked, integers(size(picked), 0, shape[axis]!, seed), 'int32')
        exactly('GatherV2', { x: x(), indices }, { axis, batchDims: 0 })
      }),
      runs,
    )
  })
})
