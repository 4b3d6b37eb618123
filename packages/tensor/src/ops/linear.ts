// The affine map over the last axis, as one matrix product. Weights are stored [out, in], as Hugging Face stores them.
import { expectTensor, rowCount } from '../check.ts'
import { tf } from '../tf.ts'

/**
 * x · weightᵀ + bias.
 * @param x [..., in].
 * @param weight [out, in].
 * @param bias [out], or undefined for none.
 * @returns [..., out].
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const [outputs, inputs] = weight.shape as [number, number]
  expectTensor('linear', 'weight', weight, ['out', 'in'])
  expectTensor('linear', 'x', x, ['...', inputs])
  if (bias) expectTensor('linear', 'bias', bias, [outputs])
  const rows = x.rank === 2 ? (x as tf.Tensor2D) : tf.reshape(x, [rowCount(x), inputs])
  const product = tf.matMul(rows, weight, false, true)
  const y = bias ? tf.add(product, bias) : product
  return x.rank === 2 ? y : tf.reshape(y, [...x.shape.slice(0, -1), outputs])
}
