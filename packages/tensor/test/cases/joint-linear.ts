import { addLinear, gatedLinear, type GateActivation, jointLinear, tf, valueAndGradients } from '../../src/index.ts'
import { activationFunctions } from './activations.ts'
import { type Arrays, fromRows, normals, type Numbers, type OperationCase, rowsOf, sum } from './case.ts'

type Shape = readonly [rows: number, inputs: number, outputs: number]

const product = (x: Numbers, weight: Numbers) => (row: number, column: number) =>
  sum(weight.shape[1]!, (k) => rowsOf(x).at(row, k) * rowsOf(weight).at(column, k))

const matrix = (arrays: Arrays, name: string): Numbers => arrays[name]!

const joint = (rows: number, inputs: number, outputs: readonly number[]): OperationCase => ({
  name: `jointLinear of ${rows} rows, ${inputs} to ${outputs.join(', ')}`,
  kernels: ['JointLinear'],
  inputs: (rng) => ({
    x: normals(rng, [rows, inputs]),
    ...Object.fromEntries(outputs.map((size, i) => [`w${i}`, normals(rng, [size, inputs])])),
  }),
  run: ({ x, ...weights }) => jointLinear(x as tf.Tensor2D, Object.values(weights) as tf.Tensor2D[]),
  naive: (arrays) =>
    outputs.map((size, i) => fromRows([rows, size], product(matrix(arrays, 'x'), matrix(arrays, `w${i}`)))),
  gradients: ['x', 'w0'],
})

/** All gradients at once, of the sum of the elements of every y · dy. */
const gradients = (rows: number, inputs: number, outputs: readonly number[]): OperationCase => ({
  name: `gradients of jointLinear of ${rows} rows, ${inputs} to ${outputs.join(', ')}`,
  kernels: ['JointLinearGrad'],
  inputs: (rng) => ({
    x: normals(rng, [rows, inputs]),
    ...Object.fromEntries(outputs.map((size, i) => [`w${i}`, normals(rng, [size, inputs])])),
    ...Object.fromEntries(outputs.map((size, i) => [`dy${i}`, normals(rng, [rows, size])])),
  }),
  run(tensors) {
    const x = tensors['x'] as tf.Tensor2D
    const weights = outputs.map((_, i) => tensors[`w${i}`] as tf.Tensor2D)
    const loss = () =>
      tf.addN(jointLinear(x, weights).map((y, i) => tf.sum(tf.mul(y, tensors[`dy${i}`]!)))) as tf.Scalar
    return valueAndGradients(loss, [x, ...weights]).gradients as tf.Tensor[]
  },
  naive(arrays) {
    const [x, ...rest] = ['x', ...outputs.map((_, i) => `dy${i}`)].map((name) => rowsOf(matrix(arrays, name)))
    const weights = outputs.map((_, i) => rowsOf(matrix(arrays, `w${i}`)))
    const by = (row: number, k: number) =>
      sum(outputs.length, (i) => sum(outputs[i]!, (j) => rest[i]!.at(row, j) * weights[i]!.at(j, k)))
    return [
      fromRows([rows, inputs], by),
      ...outputs.map((size, i) =>
        fromRows([size, inputs], (j, k) => sum(rows, (row) => rest[i]!.at(row, j) * x!.at(row, k))),
      ),
    ]
  },
})

const gated = (name: GateActivation, [rows, inputs, outputs]: Shape): OperationCase => ({
  name: `gatedLinear ${name} of ${rows} rows, ${inputs} to ${outputs}`,
  kernels: ['GatedLinear'],
  inputs: (rng) => ({
    x: normals(rng, [rows, inputs]),
    gate: normals(rng, [outputs, inputs], 1 / Math.sqrt(inputs)),
    up: normals(rng, [outputs, inputs], 1 / Math.sqrt(inputs)),
  }),
  run: ({ x, gate, up }) => [gatedLinear(x as tf.Tensor2D, gate as tf.Tensor2D, up as tf.Tensor2D, name)],
  naive(arrays) {
    const [gate, up] = ['gate', 'up'].map((weight) => product(matrix(arrays, 'x'), matrix(arrays, weight)))
    return [
      fromRows([rows, outputs], (row, column) => activationFunctions[name](gate!(row, column)) * up!(row, column)),
    ]
  },
  gradients: ['x', 'gate', 'up'],
})

const added = ([rows, inputs, outputs]: Shape, bias: boolean): OperationCase => ({
  name: `addLinear of ${rows} rows, ${inputs} to ${outputs}${bias ? ', with a bias' : ''}`,
  kernels: ['AddLinear'],
  inputs: (rng) => ({
    residual: normals(rng, [rows, outputs]),
    x: normals(rng, [rows, inputs]),
    weight: normals(rng, [outputs, inputs]),
    ...(bias && { bias: normals(rng, [outputs]) }),
  }),
  run: (inputs) => [
    addLinear(
      inputs['residual'] as tf.Tensor2D,
      inputs['x'] as tf.Tensor2D,
      inputs['weight'] as tf.Tensor2D,
      inputs['bias'] as tf.Tensor1D | undefined,
    ),
  ],
  naive(arrays) {
    const plain = product(matrix(arrays, 'x'), matrix(arrays, 'weight'))
    const { at } = rowsOf(matrix(arrays, 'residual'))
    const constant = (column: number) => arrays['bias']?.values[column] ?? 0
    return [fromRows([rows, outputs], (row, column) => at(row, column) + plain(row, column) + constant(column))]
  },
  gradients: ['residual', 'x', 'weight', ...(bias ? ['bias'] : [])],
})

export const jointLinearCases: readonly OperationCase[] = [
  joint(1, 7, [5, 5, 5]),
  joint(3, 20, [33, 4]),
  joint(9, 16, [16]),
  joint(0, 3, [2, 2]),
  gradients(9, 20, [33, 4, 4]),
  gradients(2, 3, [5, 5]),
  ...(['silu', 'gelu', 'geluTanh', 'relu'] as const).map((name) => gated(name, [2, 9, 19])),
  gated('silu', [1, 6, 40]),
  gated('silu', [8, 17, 5]),
  gated('silu', [0, 3, 2]),
  added([1, 21, 18], false),
  added([1, 5, 3], true),
  added([4, 33, 7], false),
  added([7, 3, 20], true),
  added([0, 3, 2], false),
]
