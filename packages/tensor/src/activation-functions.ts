// The activations of the catalogue as compositions, with their derivatives.
import { tf } from './tf.ts'

export type GateActivation = 'silu' | 'gelu' | 'geluTanh' | 'relu'
export type ActivationName = GateActivation | 'relu2'

interface ActivationFunction {
  value(x: tf.Tensor): tf.Tensor
  derivative(x: tf.Tensor): tf.Tensor
}

const normal = (x: tf.Tensor): tf.Tensor => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)

/** GELU's tanh approximation: 0.5 x (1 + tanh(c (x + 0.044715 x³))), c = √(2/π). */
const c = Math.sqrt(2 / Math.PI)
const inner = (x: tf.Tensor): tf.Tensor => tf.tanh(tf.mul(tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1)), c))

export const activations: Readonly<Record<ActivationName, ActivationFunction>> = {
  silu: {
    value: (x) => tf.mul(x, tf.sigmoid(x)),
    derivative: (x) => {
      const s = tf.sigmoid(x)
      return tf.mul(s, tf.add(tf.mul(x, tf.sub(1, s)), 1))
    },
  },
  gelu: {
    value: (x) => tf.mul(x, normal(x)),
    derivative: (x) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return tf.add(normal(x), tf.mul(x, density))
    },
  },
  geluTanh: {
    value: (x) => tf.mul(tf.mul(x, 0.5), tf.add(inner(x), 1)),
    derivative: (x) => {
      const t = inner(x)
      const slope = tf.mul(tf.add(tf.mul(tf.square(x), 3 * 0.044715), 1), c)
      const outer = tf.mul(tf.mul(tf.mul(x, 0.5), tf.sub(1, tf.square(t))), slope)
      return tf.add(tf.mul(tf.add(t, 1), 0.5), outer)
    },
  },
  relu: { value: (x) => tf.relu(x), derivative: (x) => tf.step(x) },
  relu2: { value: (x) => tf.square(tf.relu(x)), derivative: (x) => tf.mul(tf.relu(x), 2) },
}
