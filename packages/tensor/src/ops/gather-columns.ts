// k elements of each row by index, and its gradient, the sum of them into the row. Index −1 stands for no column.
import { expectTensor } from '../check.ts'
import { defineOperation, type Gradients } from '../operation.ts'
import { tf } from '../tf.ts'

const isColumn = (indices: tf.Tensor): tf.Tensor => tf.greaterEqual(indices, tf.scalar(0, 'int32'))

export const scatterColumnsOperation = defineOperation<
  { dy: tf.Tensor; indices: tf.Tensor },
  { size: number },
  tf.Tensor,
  'indices'
>({
  name: 'ScatterColumns',
  summary: 'Sums k elements of each row into the columns that indices name; the gradient of GatherColumns',
  reference({ dy, indices }, { size }) {
    const [rows, k] = indices.shape as [number, number]
    if (dy.size === 0 || size === 0) return tf.zeros([rows, size])
    const kept = tf.where(isColumn(indices), dy, tf.zerosLike(dy))
    const row = tf.tile(tf.reshape(tf.range(0, rows, 1, 'int32'), [rows, 1]), [1, k])
    const places = tf.stack([tf.reshape(row, [rows * k]), tf.reshape(tf.relu(indices), [rows * k])], 1)
    return tf.scatterND(places, tf.reshape(kept, [rows * k]), [rows, size])
  },
  gradient: {
    inputs: ['indices'],
    backward: (dy, { indices }): Gradients => ({ dy: gatherColumnsOperation.run({ x: dy, indices }, {}) }),
  },
})

export const gatherColumnsOperation = defineOperation<
  { x: tf.Tensor; indices: tf.Tensor },
  Record<string, never>,
  tf.Tensor,
  'x' | 'indices'
>({
  name: 'GatherColumns',
  summary: 'k elements of each row by index',
  reference({ x, indices }) {
    if (x.size === 0 || indices.size === 0) return tf.zeros(indices.shape)
    const picked = tf.gather(x, tf.relu(indices) as tf.Tensor2D, 1, 1)
    return tf.where(isColumn(indices), picked, tf.zerosLike(picked))
  },
  gradient: {
    inputs: ['x', 'indices'],
    shapes: ['x'],
    backward: (dy, { x, indices }): Gradients => ({
      x: scatterColumnsOperation.run({ dy, indices }, { size: x.shape[1]! }),
    }),
  },
})

/**
 * y[t, j] = x[t, indices[t, j]].
 * @param x [T, E].
 * @param indices int32 [T, k]; −1 gives 0.
 * @returns [T, k].
 */
export function gatherColumns(x: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  expectTensor('gatherColumns', 'x', x, ['T', 'E'])
  expectTensor('gatherColumns', 'indices', indices, [x.shape[0], 'k'], 'int32')
  return gatherColumnsOperation.run({ x, indices }, {}) as tf.Tensor2D
}

/**
 * x[t, indices[t, j]] += source[t, j] over a zero matrix: the opposite of gatherColumns.
 * @param source [T, k].
 * @param indices int32 [T, k]; −1 is skipped, a repeated index adds.
 * @returns [T, size].
 */
export function scatterColumns(source: tf.Tensor2D, indices: tf.Tensor2D, size: number): tf.Tensor2D {
  expectTensor('scatterColumns', 'source', source, ['T', 'k'])
  expectTensor('scatterColumns', 'indices', indices, source.shape, 'int32')
  return scatterColumnsOperation.run({ dy: source, indices }, { size }) as tf.Tensor2D
}
