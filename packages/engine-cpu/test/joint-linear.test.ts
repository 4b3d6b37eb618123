// Linear maps as one kernel call have the bits of the products that they stand for, and so have their gradients: a model's
// loss does not depend on whether it is being trained.
import {
  activation,
  addLinear,
  gatedLinear,
  jointLinear,
  linear,
  valueAndGradients,
  withPrecision,
} from '@mixlab/tensor'
import { expect, test } from 'vitest'
import { backend, randomValues, tf } from './start.ts'

const matrix = (rows: number, columns: number, seed: number): tf.Tensor2D =>
  tf.tensor2d(randomValues(rows * columns, seed), [rows, columns])

test.each([1, 2, 5, 6, 40])('of %i rows, on one thread as on three', (rows) => {
  const x = matrix(rows, 70, 1)
  const [first, second] = [matrix(90, 70, 2), matrix(90, 70, 3)]
  const residual = matrix(rows, 90, 4)
  const bias = tf.tensor1d(randomValues(90, 5))
  const product = linear(x, first)
  const wanted = {
    joint: [linear(x, second), product],
    gated: tf.mul(activation(product, 'silu'), linear(x, second)),
    added: tf.add(residual, product),
    addedWithBias: tf.add(residual, linear(x, first, bias)),
  }
  for (const threads of [1, 3]) {
    backend.setThreads(threads)
    const found = {
      joint: jointLinear(x, [second, first]),
      gated: gatedLinear(x, first, second, 'silu'),
      added: addLinear(residual, x, first),
      addedWithBias: addLinear(residual, x, first, bias),
    }
    for (const name of ['gated', 'added', 'addedWithBias'] as const)
      expect(found[name].dataSync(), name).toEqual(wanted[name].dataSync())
    for (const [i, y] of found.joint.entries()) expect(y.dataSync()).toEqual(wanted.joint[i]!.dataSync())
  }
})

test.each([3, 40])('gradients of %i rows have the bits of those of separate products', (rows) => {
  const [x, dy] = [matrix(rows, 70, 1), matrix(rows, 90, 2)]
  const weights = [3, 4, 5].map((seed) => matrix(90, 70, seed))
  const loss = (maps: (x: tf.Tensor2D) => tf.Tensor[]) => () => {
    // Used before and after: the order of the sum shows.
    const hidden = tf.square(x)
    const ys = maps(hidden).map((y, i) => tf.mul(y, tf.mul(dy, i + 1)))
    return tf.add(tf.sum(tf.addN(ys)), tf.sum(tf.square(hidden))) as tf.Scalar
  }
  for (const precision of ['float32', 'bf16'])
    withPrecision(precision, () => {
      const variables = [x, ...weights]
      const joint = valueAndGradients(
        loss((hidden) => jointLinear(hidden as tf.Tensor2D, weights)),
        variables,
      )
      const separate = valueAndGradients(
        loss((hidden) => weights.map((weight) => linear(hidden, weight))),
        variables,
      )
      expect(joint.value.dataSync()).toEqual(separate.value.dataSync())
      for (const [i, gradient] of joint.gradients.entries())
        expect(gradient!.dataSync(), `${precision}, ${i}`).toEqual(separate.gradients[i]!.dataSync())
    })
})
