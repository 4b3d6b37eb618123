import {
  combine,
  type GateActivation,
  groupedGatedExperts,
  groupedMatMul,
  tf,
  valueAndGradients,
} from '../../src/index.ts'
import { activationFunctions } from './activations.ts'
import { fromRows, integers, normals, type OperationCase, rowsOf, sum, zeros } from './case.ts'

const grouped = (
  label: string,
  slots: number,
  [K, M]: [number, number],
  offsets: number[],
  transposeB: boolean,
): OperationCase => {
  const members = offsets.length - 1
  return {
    name: `groupedMatMul ${label}${transposeB ? '' : ', weights [K, M]'}`,
    kernels: ['GroupedMatMul', 'GroupedMatMulGradW'],
    inputs: (rng) => ({
      x: normals(rng, [slots, K]),
      w: normals(rng, transposeB ? [members, M, K] : [members, K, M]),
      offsets: integers([members + 1], offsets),
    }),
    run: (inputs) => [
      groupedMatMul(inputs['x'] as tf.Tensor2D, inputs['w']!, inputs['offsets'] as tf.Tensor1D, { transposeB }),
    ],
    naive: ({ x, w }) => [
      fromRows([slots, M], (n, m) => {
        const e = offsets.findIndex((from, member) => member < members && from <= n && n < offsets[member + 1]!)
        const weight = (k: number) => w!.values[e * K * M + (transposeB ? m * K + k : k * M + m)]!
        return e < 0 ? 0 : sum(K, (k) => rowsOf(x!).at(n, k) * weight(k))
      }),
    ],
    gradients: ['x', 'w'],
  }
}

/** Both gradients at once, of the sum of the elements of y · dy. */
const groupedGradients = (transposeB: boolean): OperationCase => {
  const [K, M] = [4, 3]
  const offsets = [1, 3, 3, 7]
  const weightShape = transposeB ? [3, M, K] : [3, K, M]
  const memberOf = (n: number) => offsets.findLastIndex((from) => from <= n)
  const at = (e: number, k: number, m: number) => e * K * M + (transposeB ? m * K + k : k * M + m)
  return {
    name: `gradients of groupedMatMul${transposeB ? '' : ', weights [K, M]'}`,
    kernels: ['GroupedMatMulGrad'],
    inputs: (rng) => ({
      x: normals(rng, [8, K]),
      w: normals(rng, weightShape),
      dy: normals(rng, [8, M]),
      offsets: integers([4], offsets),
    }),
    run({ x, w, dy, offsets: bounds }) {
      const loss = () =>
        tf.sum<tf.Scalar>(tf.mul(groupedMatMul(x as tf.Tensor2D, w!, bounds as tf.Tensor1D, { transposeB }), dy!))
      return valueAndGradients(loss, [x!, w!]).gradients as tf.Tensor[]
    },
    naive({ x, w, dy }) {
      const dw = { shape: weightShape, values: new Float64Array(3 * K * M), dtype: 'float32' } as const
      for (let n = offsets[0]!; n < offsets[3]!; n++)
        for (let k = 0; k < K; k++)
          for (let m = 0; m < M; m++) dw.values[at(memberOf(n), k, m)]! += rowsOf(x!).at(n, k) * rowsOf(dy!).at(n, m)
      const isMember = (n: number) => n >= offsets[0]! && n < offsets[3]!
      const dx = fromRows([8, K], (n, k) =>
        isMember(n) ? sum(M, (m) => rowsOf(dy!).at(n, m) * w!.values[at(memberOf(n), k, m)]!) : 0,
      )
      return [dx, dw]
    },
  }
}

const groupedGated = (
  name: GateActivation,
  slots: number,
  [K, F, M]: [number, number, number],
  offsets: number[],
): OperationCase => {
  const members = offsets.length - 1
  return {
    name: `groupedGatedExperts ${name} [${slots}, ${F}, ${M}]`,
    kernels: ['GroupedGatedExperts', 'GroupedGatedExpertsGrad'],
    inputs: (rng) => ({
      x: normals(rng, [slots, K]),
      w: normals(rng, [members, 2 * F, K]),
      down: normals(rng, [members, M, F]),
      offsets: integers([members + 1], offsets),
    }),
    run: (inputs) => [
      groupedGatedExperts(
        inputs['x'] as tf.Tensor2D,
        inputs['w']!,
        inputs['down']!,
        inputs['offsets'] as tf.Tensor1D,
        name,
      ),
    ],
    naive: ({ x, w, down }) => [
      fromRows([slots, M], (n, m) => {
        const e = offsets.findIndex((from, member) => member < members && from <= n && n < offsets[member + 1]!)
        if (e < 0) return 0
        const projected = (row: number) => sum(K, (k) => rowsOf(x!).at(n, k) * w!.values[(e * 2 * F + row) * K + k]!)
        const hidden = (f: number) => activationFunctions[name](projected(f)) * projected(F + f)
        return sum(F, (f) => hidden(f) * down!.values[(e * M + m) * F + f]!)
      }),
    ],
    gradients: ['x', 'w', 'down'],
  }
}

const combineCase = (label: string, width: number, rows: number[], outputRows: number): OperationCase => ({
  name: `combine ${label}`,
  kernels: ['Combine', 'CombineGrad'],
  inputs: (rng) => ({
    ys: normals(rng, [rows.length, width]),
    rows: integers([rows.length], rows),
    weights: normals(rng, [rows.length]),
  }),
  run: (inputs) => [
    combine(inputs['ys'] as tf.Tensor2D, inputs['rows'] as tf.Tensor1D, inputs['weights'] as tf.Tensor1D, outputRows),
  ],
  naive({ ys, weights }) {
    const y = zeros(outputRows, width)
    for (const [n, row] of rows.entries()) {
      if (row < 0) continue
      for (let d = 0; d < width; d++) y.values[row * width + d]! += weights!.values[n]! * rowsOf(ys!).at(n, d)
    }
    return [y]
  },
  gradients: ['ys', 'weights'],
})

export const groupedCases: readonly OperationCase[] = [
  groupedGated('silu', 7, [3, 4, 2], [0, 3, 3, 7]),
  groupedGated('geluTanh', 9, [3, 2, 4], [2, 4, 7]),
  groupedGated('relu', 5, [4, 3, 3], [0, 0, 5, 5]),
  ...[true, false].flatMap((transposeB) => [
    grouped('with a member that has no slots', 7, [3, 4], [0, 3, 3, 7], transposeB),
    grouped('with all slots at one member', 5, [4, 3], [0, 0, 5, 5], transposeB),
    grouped("of a stack that owns part of a layer's slots", 9, [3, 2], [2, 4, 7], transposeB),
    grouped('of one slot', 1, [1, 1], [0, 1], transposeB),
    grouped('with unused slots only', 4, [2, 3], [0, 0, 0], transposeB),
    grouped('without slots', 0, [2, 3], [0, 0, 0], transposeB),
    grouped('wider than a tile', 21, [19, 35], [0, 13, 14, 20], transposeB),
  ]),
  groupedGradients(true),
  groupedGradients(false),
  combineCase('two slots a row, one dropped', 3, [2, 0, 1, 2, 0, -1], 3),
  combineCase('with a row that nobody serves', 2, [0, 2, 2], 4),
  combineCase('wide rows', 37, [1, 0, 1], 2),
  combineCase('one slot', 1, [0], 1),
  combineCase('all dropped', 3, [-1, -1], 2),
  combineCase('no slots', 3, [], 2),
]
