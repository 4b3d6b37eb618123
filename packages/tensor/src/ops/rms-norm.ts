// Root-mean-square norm over the last axis. The inverse root is kept for the backward pass.
import { expectTensor, rowCount } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

type Weight = { weight: tf.Tensor | undefined }

const asMatrix = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [rowCount(x), x.shape.at(-1)!])

export const rmsNormGradOperation = defineOperation<
  { dy: tf.Tensor; x: tf.Tensor; rstd: tf.Tensor } & Weight,
  Record<string, never>,
  tf.Tensor[]
>({
  name: 'RmsNormGrad',
  summary: 'Gradients of RmsNorm by x and weight',
  reference({ dy, x, weight, rstd }) {
    const [dys, xs] = [asMatrix(dy), asMatrix(x)]
    const r = tf.reshape(rstd, [xs.shape[0], 1])
    const normed = tf.mul(xs, r)
    const g = weight ? tf.mul(dys, weight) : dys
    const dx = tf.mul(r, tf.sub(g, tf.mul(normed, tf.mean(tf.mul(g, normed), 1, true))))
    return [tf.reshape(dx, x.shape), ...(weight ? [tf.sum(tf.mul(dys, normed), 0)] : [])]
  },
})

export const rmsNormOperation = defineOperation<
  { x: tf.Tensor } & Weight,
  { eps: number },
  [y: tf.Tensor, rstd: tf.Tensor],
  'x' | 'weight'
>({
  name: 'RmsNorm',
  summary: 'x / √(mean(x²) + eps) · weight over the last axis',
  source: 'https://arxiv.org/abs/1910.07467',
  reference({ x, weight }, { eps }) {
    const xs = asMatrix(x)
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(xs), 1), eps))
    const normed = tf.mul(xs, tf.reshape(rstd, [xs.shape[0], 1]))
    return [tf.reshape(weight ? tf.mul(normed, weight) : normed, x.shape), rstd]
  },
  gradient: {
    inputs: ['x', 'weight'],
    outputs: [1],
    backward(dy, { x, weight }, [rstd]) {
      const [dx, dweight] = rmsNormGradOperation.run({ dy, x, weight, rstd: rstd! }, {})
      return { x: dx, weight: dweight }
    },
  },
})

/**
 * RMS norm over the last axis (Zhang and Sennrich 2019, eq. 4): x / √(mean(x²) + eps) · weight.
 * @param x [..., D].
 * @param weight [D], or undefined for none.
 */
export function rmsNorm<T extends tf.Tensor>(x: T, weight?: tf.Tensor, eps = 1e-6): T {
  expectTensor('rmsNorm', 'x', x, ['...', 'D'])
  if (weight) expectTensor('rmsNorm', 'weight', weight, [x.shape.at(-1)!])
  return rmsNormOperation.run({ x, weight }, { eps })[0] as T
}
