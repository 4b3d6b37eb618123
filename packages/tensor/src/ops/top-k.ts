// The k largest of each row. Ties go to the lowest index and NaN sorts last, so that routes are the same on every engine.
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { isTaping, untaped } from '../tape.ts'
import { tf } from '../tf.ts'
import { gatherColumns, scatterColumnsOperation } from './gather-columns.ts'

export const topKOperation = defineOperation<
  { x: tf.Tensor },
  { k: number },
  [values: tf.Tensor, indices: tf.Tensor],
  'x'
>({
  name: 'TopK',
  summary: 'The k largest of each row, descending, with their indices',
  // On the host: TensorFlow.js leaves the order of ties and of NaN to the backend.
  reference({ x }, { k }) {
    const [rows, columns] = x.shape as [number, number]
    const values = x.dataSync<'float32'>()
    const best = new Float32Array(rows * k)
    const indices = new Int32Array(rows * k)
    const key = (value: number) => (Number.isNaN(value) ? -Infinity : value)
    for (let t = 0; t < rows; t++) {
      const row = values.subarray(t * columns, (t + 1) * columns)
      const order = Array.from(row.keys()).toSorted((a, b) => {
        const nan = Number(Number.isNaN(row[a]!)) - Number(Number.isNaN(row[b]!))
        const [x_, y_] = [key(row[a]!), key(row[b]!)]
        return nan || (x_ === y_ ? a - b : y_ > x_ ? 1 : -1)
      })
      for (let j = 0; j < k; j++) {
        indices[t * k + j] = order[j]!
        best[t * k + j] = row[order[j]!]!
      }
    }
    return [tf.tensor(best, [rows, k]), tf.tensor(indices, [rows, k], 'int32')]
  },
  gradient: {
    inputs: ['x'],
    shapes: ['x'],
    outputs: [1],
    backward: (dy, { x }, [indices]) => ({
      x: scatterColumnsOperation.run({ dy, indices: indices! }, { size: x.shape[1]! }),
    }),
  },
})

export interface TopK {
  /** [T, k], descending; differentiable. */
  readonly values: tf.Tensor2D
  /** int32 [T, k]. */
  readonly indices: tf.Tensor2D
}

/**
 * The k largest elements of each row. Ties: lowest index first; NaN sorts last.
 * @param x [T, E].
 * @throws MixlabError unless 1 ≤ k ≤ E.
 */
export function topK(x: tf.Tensor2D, k: number): TopK {
  expectTensor('topK', 'x', x, ['T', 'E'])
  expect(
    'topK',
    Number.isInteger(k) && k >= 1 && k <= x.shape[1],
    () => `k is ${k}, expected 1 … ${x.shape[1]} (the size of a row)`,
  )
  // Off the tape, so that nothing wants a gradient of the indices; the values come back onto it by index.
  const [values, indices] = untaped(() => topKOperation.run({ x }, { k })) as [tf.Tensor2D, tf.Tensor2D]
  return { values: isTaping() ? gatherColumns(x, indices) : values, indices }
}
