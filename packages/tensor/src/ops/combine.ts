// The weighted sum of the members' outputs back into their rows, in ascending order of slots.
import { expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'
import { pickRows, scatterRows } from './gather-rows.ts'

export const combineGradOperation = defineOperation<
  { dy: tf.Tensor; ys: tf.Tensor; rows: tf.Tensor; weights: tf.Tensor },
  Record<string, never>,
  [dys: tf.Tensor, dweights: tf.Tensor]
>({
  name: 'CombineGrad',
  summary: 'Gradients of Combine by the outputs and the weights',
  reference({ dy, ys, rows, weights }) {
    const gathered = pickRows(dy, rows)
    return [tf.mul(gathered, tf.expandDims(weights, 1)), tf.sum(tf.mul(gathered, ys), 1)]
  },
})

export const combineOperation = defineOperation<
  { ys: tf.Tensor; rows: tf.Tensor; weights: tf.Tensor },
  { outputRows: number },
  tf.Tensor,
  'ys' | 'rows' | 'weights'
>({
  name: 'Combine',
  summary: 'Weighted sum of slots into the rows that they carry',
  reference: ({ ys, rows, weights }, { outputRows }) =>
    scatterRows(tf.mul(ys, tf.expandDims(weights, 1)), rows, outputRows),
  gradient: {
    inputs: ['ys', 'rows', 'weights'],
    backward(dy, saved) {
      const [ys, weights] = combineGradOperation.run({ dy, ...saved }, {})
      return { ys, weights }
    },
  },
})

/**
 * y[t] = Σ over slots n with rows[n] = t of weights[n] · ys[n], summed in ascending n.
 * @param ys [N, D].
 * @param rows int32 [N]; −1 is skipped.
 * @param weights [N].
 * @param outputRows T.
 * @returns [T, D].
 */
export function combine(ys: tf.Tensor2D, rows: tf.Tensor1D, weights: tf.Tensor1D, outputRows: number): tf.Tensor2D {
  expectTensor('combine', 'ys', ys, ['N', 'D'])
  expectTensor('combine', 'rows', rows, [ys.shape[0]], 'int32')
  expectTensor('combine', 'weights', weights, [ys.shape[0]])
  return combineOperation.run({ ys, rows, weights }, { outputRows }) as tf.Tensor2D
}
