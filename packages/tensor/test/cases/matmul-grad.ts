import { tf, valueAndGradients } from '../../src/index.ts'
import { fromRows, normals, type Numbers, type OperationCase, rowsOf, sum } from './case.ts'

/** Element [i, j] of a matrix, or of its transpose. */
const element = (x: Numbers, transposed: boolean) => (i: number, j: number) =>
  transposed ? rowsOf(x).at(j, i) : rowsOf(x).at(i, j)

/** Both gradients at once, of the sum of the elements of y · dy. */
const gradients = ([m, k, n]: readonly [number, number, number], ofA: boolean, ofB: boolean): OperationCase => {
  const [aShape, bShape] = [ofA ? [k, m] : [m, k], ofB ? [n, k] : [k, n]] as [[number, number], [number, number]]
  return {
    name: `gradients of matMul [${aShape.join(', ')}]${ofA ? 'ᵀ' : ''} · [${bShape.join(', ')}]${ofB ? 'ᵀ' : ''}`,
    kernels: ['MatMulGrad'],
    inputs: (rng) => ({ a: normals(rng, aShape), b: normals(rng, bShape), dy: normals(rng, [m, n]) }),
    run({ a, b, dy }) {
      const loss = () => tf.sum<tf.Scalar>(tf.mul(tf.matMul(a!, b!, ofA, ofB), dy!))
      return valueAndGradients(loss, [a!, b!]).gradients as tf.Tensor[]
    },
    naive({ a, b, dy }) {
      const { at } = rowsOf(dy!)
      const byA = (row: number, depth: number) => sum(n, (column) => at(row, column) * element(b!, ofB)(depth, column))
      const byB = (depth: number, column: number) => sum(m, (row) => element(a!, ofA)(row, depth) * at(row, column))
      return [
        fromRows(aShape, (i, j) => (ofA ? byA(j, i) : byA(i, j))),
        fromRows(bShape, (i, j) => (ofB ? byB(j, i) : byB(i, j))),
      ]
    },
  }
}

export const matMulGradCases: readonly OperationCase[] = [
  ...[true, false].flatMap((ofA) => [true, false].map((ofB) => gradients([7, 20, 19], ofA, ofB))),
  gradients([2, 3, 5], false, true),
]
