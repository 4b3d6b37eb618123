// Elementwise kernels against TensorFlow.js's JavaScript backend: random shapes up to rank 5, broadcasting, empty
// tensors, and the special values.
import fc from 'fast-check'
import { util } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  expectSame,
  expectClose,
  intTensor,
  integers,
  native,
  normals,
  normalTensor,
  random,
  tensor,
  values,
} from './harness.ts'

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  Infinity,
  -Infinity,
  NaN,
  1e-40,
  3e38,
  -3e38,
  7,
  -7,
  100,
  -100,
]

const shapes = fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(0)), { maxLength: 5 })
const anyShape = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 5 }) },
  { weight: 1, arbitrary: shapes },
)

/** Two shapes that broadcast: each keeps or drops the axes of a common one. */
const broadcastPair = anyShape.chain((shape) =>
  fc.tuple(operandShape(shape), operandShape(shape)).map(([a, b]) => ({ a, b })),
)

function operandShape(shape: number[]): fc.Arbitrary<number[]> {
  return fc
    .tuple(
      fc.integer({ min: 0, max: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    )
    .map(([drop, keep]) => shape.map((size, axis) => (keep[axis] ? size : 1)).slice(keep.every(Boolean) ? 0 : drop))
}

/** Normal values, every seventh a special one. */
function mixed(size: number, seed: number): Float32Array {
  const list = normals(size, seed)
  const next = random(seed + 1)
  for (let i = 0; i < size; i++) if (next() < 1 / 7) list[i] = special[Math.floor(next() * special.length)]!
  return list
}

const size = (shape: number[]): number => util.sizeFromShape(shape)
const close = { relative: 4e-7, absolute: 1e-37 }

describe('one operand', () => {
  const exact = [
    'Neg',
    'Abs',
    'Sqrt',
    'Square',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Sign',
    'Floor',
    'Ceil',
    'Round',
    'Rsqrt',
  ]
  const rounded = ['Exp', 'Expm1', 'Log', 'Log1p', 'Sigmoid', 'Tanh', 'Elu', 'Sin', 'Cos']
  const parameters: Record<string, Record<string, number>> = {
    LeakyRelu: { alpha: 0.2 },
    Step: { alpha: 0.3 },
    ClipByValue: { clipValueMin: -0.7, clipValueMax: 1.1 },
  }
  test.for([...exact, ...rounded, ...Object.keys(parameters)])('%s', (name) => {
    expectSame(name, { x: tensor([special.length], special) }, parameters[name], close)
    fc.assert(
      fc.property(anyShape, fc.nat(), (shape, seed) => {
        expectSame(name, { x: tensor(shape, mixed(size(shape), seed)) }, parameters[name], close)
      }),
      { numRuns: 15 },
    )
    expectSame(name, { x: normalTensor([10_001], 3) }, parameters[name], close)
  })

  // TensorFlow.js's own forms are less accurate: 1 − exp loses digits near 0, erf is a five-term approximation
  test.for(['Softplus', 'Erf', 'Elu'])('%s, within the accuracy of the other side', (name) => {
    expectSame(
      name,
      {
        x: tensor(
          [5000],
          normals(5000, 2).map((x) => 4 * x),
        ),
      },
      {},
      { relative: 3e-5, absolute: 3e-7 },
    )
  })

  test.for(['Neg', 'Abs', 'Square', 'Relu', 'Sign', 'ClipByValue', 'Exp'])('%s of int32', (name) => {
    expectSame(name, { x: intTensor([3, 7], -9, 9) }, { clipValueMin: -3, clipValueMax: 5 }, close)
  })

  test('casts', () => {
    const floats = tensor([special.length + 3], [...special, 3e9, -3e9, 1e19])
    const ints = intTensor([23], -3, 3)
    const bools = tensor([9], [1, 0, 0, 1, 1, 0, 1, 0, 1], 'bool')
    for (const dtype of ['float32', 'int32', 'bool']) {
      for (const x of [floats, ints, bools]) {
        const [y] = native('Cast', { x }, { dtype })
        const source = values(x)
        const target = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype]!
        const expected = target.from(dtype === 'bool' ? source.map((value) => Number(value !== 0)) : source)
        expect(y!.dtype).toBe(dtype)
        expectClose(values(y!), expected)
      }
    }
  })
})

describe('two operands', () => {
  const arithmetic = ['Add', 'Sub', 'Multiply', 'Maximum', 'Minimum', 'SquaredDifference', 'FloorDiv', 'Mod']
  const comparisons = ['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual']

  test.for([...arithmetic, ...comparisons, 'RealDiv', 'Pow'])('%s of float32', (name) => {
    fc.assert(
      fc.property(broadcastPair, fc.nat(), ({ a, b }, seed) => {
        const inputs = { a: tensor(a, mixed(size(a), seed)), b: tensor(b, mixed(size(b), seed + 9)) }
        expectSame(name, inputs, {}, close)
      }),
      { numRuns: 40 },
    )
    const pairs = special.flatMap((a) => special.map((b) => [a, b] as const))
    const all = (i: 0 | 1) =>
      tensor(
        [pairs.length],
        pairs.map((pair) => pair[i]),
      )
    expectSame(name, { a: all(0), b: all(1) }, {}, close)
    for (const b of [[3, 3001], [3001], [3, 1], [1]]) {
      expectSame(name, { a: normalTensor([3, 3001], 1), b: normalTensor(b, 2) }, {}, close)
      expectSame(name, { a: normalTensor(b, 1), b: normalTensor([3, 3001], 2) }, {}, close)
    }
  })

  test.for([...arithmetic, ...comparisons])('%s of int32', (name) => {
    fc.assert(
      fc.property(broadcastPair, fc.nat(), ({ a, b }, seed) => {
        const low = name === 'FloorDiv' || name === 'Mod' ? 1 : -8
        expectSame(name, { a: intTensor(a, -20, 20, seed), b: intTensor(b, low, 9, seed + 1) })
      }),
      { numRuns: 20 },
    )
    expectSame(name, { a: tensor([4], [7, -7, 0, 5], 'int32'), b: tensor([4], [0, 2, -3, -2], 'int32') })
  })

  test.for(['Equal', 'NotEqual', 'LogicalAnd', 'LogicalOr', 'Less'])('%s of bool', (name) => {
    fc.assert(
      fc.property(broadcastPair, fc.nat(), ({ a, b }, seed) => {
        expectSame(name, {
          a: tensor(a, integers(size(a), 0, 2, seed), 'bool'),
          b: tensor(b, integers(size(b), 0, 2, seed + 1), 'bool'),
        })
      }),
      { numRuns: 20 },
    )
  })

  test('powers with one exponent', () => {
    const a = tensor([special.length], special)
    for (const exponent of [2, 1, 0, 0.5, -1, 3]) expectSame('Pow', { a, b: tensor([], [exponent]) }, {}, close)
  })

  test('LogicalNot and Select', () => {
    const condition = tensor([3, 7], integers(21, 0, 2), 'bool')
    expectSame('LogicalNot', { x: condition })
    expectSame('Select', { condition, t: normalTensor([3, 7], 1), e: normalTensor([3, 7], 2) })
    expectSame('Select', { condition, t: intTensor([3, 7], 0, 9, 1), e: intTensor([3, 7], 0, 9, 2) })
    expectSame('Select', { condition, t: condition, e: native('LogicalNot', { x: condition })[0]! })
  })

  test('EluGrad and AddN', () => {
    expectSame('EluGrad', { dy: normalTensor([5, 9], 1), y: normalTensor([5, 9], 2) }, {}, close)
    const parts = [1, 2, 3, 4].map((seed) => normalTensor([3, 5], seed))
    for (const count of [1, 2, 4]) expectSame('AddN', parts.slice(0, count), {}, { relative: 1e-6, absolute: 1e-6 })
    expectSame('AddN', [intTensor([7], 0, 9, 1), intTensor([7], 0, 9, 2), intTensor([7], 0, 9, 3)])
  })
})
