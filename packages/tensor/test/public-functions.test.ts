// What the table of cases does not show: the edges of the public functions, and mixtures of them under one gradient.
import { MixlabError } from '@mixlab/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  addInto,
  adamW,
  attention,
  clipScale,
  combine,
  crossEntropy,
  dispatch,
  dropout,
  gatherColumns,
  gatherRows,
  globalNorm,
  groupedMatMul,
  linear,
  rmsNorm,
  rotary,
  rotaryTables,
  swiglu,
  tf,
  topK,
  untaped,
  useEngine,
} from '../src/index.ts'

beforeAll(() => useEngine('reference'))

describe('wrong arguments are one clear line', () => {
  const matrix = (rows: number, columns: number) => tf.zeros<tf.Rank.R2>([rows, columns])
  const cases: [() => unknown, string][] = [
    [() => rmsNorm(matrix(2, 3), tf.zeros([4])), 'rmsNorm: weight has shape [4], expected [3]'],
    [() => linear(matrix(2, 3), matrix(5, 4)), 'linear: x has shape [2, 3], expected [..., 4]'],
    [() => topK(matrix(2, 3), 4), 'topK: k is 4, expected 1 … 3 (the size of a row)'],
    [
      () => gatherRows(matrix(2, 3), tf.zeros([2])),
      'gatherRows: indices has type float32, expected int32; convert it with tf.cast',
    ],
    [() => swiglu(matrix(2, 3)), 'gatedUnit: the last axis is gate ‖ up and must be even, it is 3'],
    [
      () => attention(tf.zeros([1, 2, 3, 4]), tf.zeros([1, 2, 2, 4]), tf.zeros([1, 2, 2, 4])),
      'attention: 3 query heads cannot share 2',
    ],
    [
      () => rotary(tf.zeros([1, 2, 1, 2]), rotaryTables({ dim: 4, positions: 2 })),
      'rotary: the tables rotate 4 elements, a head has 2',
    ],
    [() => dropout(matrix(1, 1), 1, { key: [0, 0] }), 'dropout: rate is 1, expected at least 0 and below 1'],
    [() => dropout(matrix(1, 1), 0.5, { key: [-1, 0] }), 'dropout: key is [-1, 0], expected two uint32 words'],
    [
      () => adamW({ parameters: [matrix(1, 2)], gradients: [], m: [], v: [], learningRate: 1, step: 1 }),
      'adamW: 0 gradients for 1 parameters',
    ],
  ]
  test.for(cases)('%#', ([call, message]) => {
    let error: unknown
    try {
      call()
    } catch (thrown) {
      error = thrown
    }
    expect(MixlabError.is(error)).toBe(true)
    expect((error as Error).message).toContain(message)
  })
})

test('linear is x · weightᵀ + bias over any leading axes', () => {
  const x = tf.tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2])
  const y = linear(
    x,
    tf.tensor2d([
      [1, 0],
      [1, 1],
      [0, 2],
    ]),
    tf.tensor1d([0, 10, 0]),
  )
  expect(y.shape).toEqual([2, 2, 3])
  expect([...y.dataSync()]).toEqual([1, 13, 4, 3, 17, 8, 5, 21, 12, 7, 25, 16])
})

test('clipScale is min(1, maxNorm / (norm + 1e-6)) of the norm of all tensors', () => {
  const norm = globalNorm([tf.tensor1d([3]), tf.tensor2d([[4]])])
  expect(norm.dataSync()[0]).toBe(5)
  expect(clipScale(norm, 1).dataSync()[0]).toBeCloseTo(0.2, 6)
  expect(clipScale(norm, 10).dataSync()[0]).toBe(1)
  expect(() => clipScale(norm, 0)).toThrow('maxNorm is 0')
})

/** A top-2 mixture of four linear members as a researcher would write it, on the catalogue. */
function mixture(x: tf.Tensor2D, gate: tf.Tensor2D, weights: tf.Tensor3D): tf.Tensor2D {
  const probabilities = tf.softmax(linear(x, gate) as tf.Tensor2D)
  const { indices } = topK(probabilities, 2)
  const chosen = gatherColumns(probabilities, indices)
  const normed = tf.div<tf.Tensor2D>(chosen, tf.sum(chosen, 1, true))
  const { rows, offsets, pairs } = dispatch(indices, 4)
  const slotWeights = tf.reshape<tf.Rank.R1>(gatherRows(tf.reshape(normed, [normed.size, 1]), pairs), [normed.size])
  return combine(groupedMatMul(gatherRows(x, rows), weights, offsets), rows, slotWeights, x.shape[0])
}

test('a mixture gives the same values and gradients as the sum over all members, masked', () => {
  const draw = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)
  const inputs = [draw([5, 3], 1), draw([4, 3], 2), draw([4, 2, 3], 3)]
  const factors = draw([5, 2], 4)
  const dense = (x: tf.Tensor, gate: tf.Tensor, weights: tf.Tensor) => {
    const probabilities = tf.softmax(tf.matMul(x, gate, false, true))
    const mask = untaped(() => tf.sum(tf.oneHot(tf.topk(probabilities, 2).indices as tf.Tensor2D, 4), 1))
    const kept = tf.mul(probabilities, tf.cast(mask, 'float32'))
    const shares = tf.div(kept, tf.sum(kept, 1, true))
    return tf.unstack(weights).reduce(
      (y, weight, e) => {
        return tf.add(y, tf.mul(tf.slice(shares, [0, e], [5, 1]), tf.matMul(x, weight, false, true)))
      },
      tf.zeros([5, 2]),
    )
  }
  const sparse = (x: tf.Tensor, gate: tf.Tensor, weights: tf.Tensor) =>
    mixture(x as tf.Tensor2D, gate as tf.Tensor2D, weights as tf.Tensor3D)
  const [expected, actual] = [dense, sparse].map((f) =>
    tf.grads((x, gate, weights) => tf.sum(tf.mul(f(x, gate, weights), factors)))(inputs),
  )
  for (const [i, gradient] of actual!.entries()) {
    for (const [j, value] of gradient.dataSync().entries()) expect(value).toBeCloseTo(expected![i]!.dataSync()[j]!, 4)
  }
})

test('in-place operations refuse to run while a gradient is being taken; counters may count', () => {
  const x = tf.tensor1d([1, 2])
  const counter = tf.tensor1d([0, 0])
  const update = () => adamW({ parameters: [x], gradients: [x], m: [counter], v: [counter], learningRate: 1, step: 1 })
  expect(() => tf.grad((y) => (update(), tf.sum(y)))(x)).toThrow('adamW writes in place and cannot run inside tf.grad')
  const gradient = tf.grad((y) => {
    addInto(counter, y)
    return tf.sum(tf.square(y))
  })(x)
  expect([...gradient.dataSync()]).toEqual([2, 4])
  expect([...counter.dataSync()]).toEqual([1, 2])
})

test('a training step leaves no tensor behind', () => {
  const table = tf.variable(tf.randomNormal([6, 4]), true)
  const targets = tf.tensor1d([0, 5, 2, -100], 'int32')
  const moments = [0, 1].map(() => tf.variable(tf.zeros([6, 4]), false))
  const steps = (count: number) => {
    for (let step = 1; step <= count; step++) {
      tf.tidy(() => {
        const { grads } = tf.variableGrads(
          () =>
            crossEntropy(
              linear(gatherRows(table as unknown as tf.Tensor2D, tf.relu(targets)), table) as tf.Tensor2D,
              targets,
            ).loss,
          [table],
        )
        const gradients = Object.values(grads)
        const scale = clipScale(globalNorm(gradients), 1)
        adamW({ parameters: [table], gradients, m: [moments[0]!], v: [moments[1]!], learningRate: 0.1, step, scale })
      })
    }
  }
  const before = table.dataSync().slice()
  steps(1)
  const { numTensors, numBytes } = tf.memory()
  steps(20)
  expect(tf.memory()).toMatchObject({ numTensors, numBytes })
  expect([...table.dataSync()]).not.toEqual([...before])
})
