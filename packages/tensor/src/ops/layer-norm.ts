// Layer norm over the last axis. Mean and inverse deviation are kept for the backward pass.
import { expectTensor, rowCount } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

const asMatrix = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [rowCount(x), x.shape.at(-1)!])

export const layerNormGradOperation = defineOperation<
  { dy: tf.Tensor; x: tf.Tensor; weight: tf.Tensor; mean: tf.Tensor; rstd: tf.Tensor },
  { hasBias: boolean },
  tf.Tensor[]
>({
  name: 'LayerNormGrad',
  summary: 'Gradients of LayerNorm by x, weight and bias',
  reference({ dy, x, weight, mean, rstd }, { hasBias }) {
    const [dys, xs] = [asMatrix(dy), asMatrix(x)]
    const rows = xs.shape[0]
    const r = tf.reshape(rstd, [rows, 1])
    const normed = tf.mul(tf.sub(xs, tf.reshape(mean, [rows, 1])), r)
    const g = tf.mul(dys, weight)
    const centred = tf.sub(tf.sub(g, tf.mean(g, 1, true)), tf.mul(normed, tf.mean(tf.mul(g, normed), 1, true)))
    const dx = tf.reshape(tf.mul(r, centred), x.shape)
    return [dx, tf.sum(tf.mul(dys, normed), 0), ...(hasBias ? [tf.sum(dys, 0)] : [])]
  },
})

export const layerNormOperation = defineOperation<
  { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor | undefined },
  { eps: number },
  [y: tf.Tensor, mean: tf.Tensor, rstd: tf.Tensor],
  'x' | 'weight' | 'bias'
>({
  name: 'LayerNorm',
  summary: '(x − mean) / √(variance + eps) · weight + bias over the last axis',
  source: 'https://arxiv.org/abs/1607.06450',
  reference({ x, weight, bias }, { eps }) {
    const xs = asMatrix(x)
    const rows = xs.shape[0]
    const mean = tf.mean(xs, 1)
    const centred = tf.sub(xs, tf.reshape(mean, [rows, 1]))
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1), eps))
    const scaled = tf.mul(tf.mul(centred, tf.reshape(rstd, [rows, 1])), weight)
    return [tf.reshape(bias ? tf.add(scaled, bias) : scaled, x.shape), mean, rstd]
  },
  gradient: {
    inputs: ['x', 'weight', 'bias'],
    shapes: ['bias'],
    outputs: [1, 2],
    backward(dy, { x, weight, bias }, [mean, rstd]) {
      const inputs = { dy, x, weight, mean: mean!, rstd: rstd! }
      const [dx, dweight, dbias] = layerNormGradOperation.run(inputs, { hasBias: bias !== undefined })
      return { x: dx, weight: dweight, bias: dbias }
    },
  },
})

/**
 * Layer norm over the last axis (Ba et al. 2016): (x − mean) / √(variance + eps) · weight + bias, biased variance.
 * @param x [..., D].
 * @param weight [D].
 * @param bias [D], or undefined for none.
 */
export function layerNorm<T extends tf.Tensor>(x: T, weight: tf.Tensor, bias?: tf.Tensor, eps = 1e-5): T {
  expectTensor('layerNorm', 'x', x, ['...', 'D'])
  expectTensor('layerNorm', 'weight', weight, [x.shape.at(-1)!])
  if (bias) expectTensor('layerNorm', 'bias', bias, [x.shape.at(-1)!])
  return layerNormOperation.run({ x, weight, bias }, { eps })[0] as T
}
