// Rows by index, and its gradient, the sum of rows into indices. Index −1 stands for no row.
import { expectTensor } from '../check.ts'
import { defineOperation, type Gradients } from '../operation.ts'
import { tf } from '../tf.ts'

/** Sums rows into a zero matrix [rows, D] in ascending order; index −1 is skipped. */
export function scatterRows(source: tf.Tensor, indices: tf.Tensor, rows: number): tf.Tensor {
  const width = source.shape[1]!
  if (source.size === 0 || rows === 0) return tf.zeros([rows, width])
  const kept = tf.where(validColumn(indices), source, tf.zerosLike(source))
  return tf.scatterND(tf.expandDims(tf.relu(indices), 1), kept, [rows, width])
}

/** Rows by index; index −1 gives a zero row. */
export function pickRows(x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const shape = [indices.size, x.shape[1]!]
  if (x.size === 0 || indices.size === 0) return tf.zeros(shape)
  const picked = tf.gather(x, tf.relu(indices) as tf.Tensor1D)
  return tf.where(validColumn(indices), picked, tf.zerosLike(picked))
}

const validColumn = (indices: tf.Tensor): tf.Tensor => tf.expandDims(tf.greaterEqual(indices, tf.scalar(0, 'int32')), 1)

export const scatterAddRowsOperation = defineOperation<
  { dy: tf.Tensor; indices: tf.Tensor },
  { rows: number },
  tf.Tensor,
  'indices'
>({
  name: 'ScatterAddRows',
  summary: 'Sums rows into the rows that indices name; the gradient of GatherRows',
  reference: ({ dy, indices }, { rows }) => scatterRows(dy, indices, rows),
  gradient: {
    inputs: ['indices'],
    backward: (dy, { indices }): Gradients => ({ dy: gatherRowsOperation.run({ x: dy, indices }, {}) }),
  },
})

export const gatherRowsOperation = defineOperation<
  { x: tf.Tensor; indices: tf.Tensor },
  Record<string, never>,
  tf.Tensor,
  'x' | 'indices'
>({
  name: 'GatherRows',
  summary: 'Rows of a matrix by index',
  reference: ({ x, indices }) => pickRows(x, indices),
  gradient: {
    inputs: ['x', 'indices'],
    shapes: ['x'],
    backward: (dy, { x, indices }): Gradients => ({
      x: scatterAddRowsOperation.run({ dy, indices }, { rows: x.shape[0] }),
    }),
  },
})

/**
 * Rows of a matrix. Its gradient sums into the rows in ascending order, so that it does not depend on threads.
 * @param x [M, D].
 * @param indices int32 [N], each below M; −1 gives a zero row.
 * @returns [N, D].
 */
export function gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  expectTensor('gatherRows', 'x', x, ['M', 'D'])
  expectTensor('gatherRows', 'indices', indices, ['N'], 'int32')
  return gatherRowsOperation.run({ x, indices }, {}) as tf.Tensor2D
}

/**
 * Sums row n of `source` into row indices[n] of a zero matrix: the opposite of gatherRows.
 * @param source [N, D].
 * @param indices int32 [N]; −1 is skipped.
 * @returns [rows, D].
 */
export function scatterAddRows(source: tf.Tensor2D, indices: tf.Tensor1D, rows: number): tf.Tensor2D {
  expectTensor('scatterAddRows', 'source', source, ['N', 'D'])
  expectTensor('scatterAddRows', 'indices', indices, [source.shape[0]], 'int32')
  return scatterAddRowsOperation.run({ dy: source, indices }, { rows }) as tf.Tensor2D
}

/**
 * Rows of an embedding table.
 * @param table [V, D].
 * @param ids int32, any shape, each below V.
 * @returns [...ids.shape, D].
 */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  expectTensor('embedding', 'table', table, ['V', 'D'])
  expectTensor('embedding', 'ids', ids, ['...'], 'int32')
  if (ids.rank === 1) return gatherRows(table as tf.Tensor2D, ids as tf.Tensor1D)
  const rows = gatherRows(table as tf.Tensor2D, tf.reshape(ids, [ids.size]))
  return tf.reshape(rows, [...ids.shape, table.shape[1]!])
}
