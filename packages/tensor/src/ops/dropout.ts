// Dropout by counter-based random numbers: the backward pass draws the mask again instead of storing it.
import { expect } from '../check.ts'
import { defineOperation, type Gradients } from '../operation.ts'
import { tf } from '../tf.ts'
import { drawAttributes, uniforms, type Draw, type DrawAttributes } from './random-uniform.ts'

export const dropoutOperation = defineOperation<{ x: tf.Tensor }, DrawAttributes & { rate: number }, tf.Tensor>({
  name: 'Dropout',
  summary: 'Zeroes elements with probability rate and scales the others by 1/(1 − rate)',
  source: 'https://jmlr.org/papers/v15/srivastava14a.html',
  reference({ x }, { rate, ...draw }) {
    const factors = uniforms(x.size, draw).map((uniform) => (uniform >= rate ? 1 / (1 - rate) : 0))
    return tf.mul(x, tf.tensor(factors, x.shape))
  },
  gradient: {
    inputs: [],
    backward: (dy, _, __, attributes): Gradients => ({ x: dropoutOperation.run({ x: dy }, attributes) }),
  },
})

/**
 * x · keep / (1 − rate), where element i is kept if its uniform number (see randomUniform) is at least `rate`.
 * @param x any shape.
 * @param rate in [0, 1); 0 returns x itself.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, draw: Draw): T {
  expect('dropout', rate >= 0 && rate < 1, () => `rate is ${rate}, expected at least 0 and below 1`)
  return rate === 0 ? x : (dropoutOperation.run({ x }, { rate, ...drawAttributes('dropout', draw) }) as T)
}
