// Elementwise activations in one pass, forward and backward.
import { activations, type ActivationName } from '../activation-functions.ts'
import { expect } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

type Attributes = { activation: ActivationName }

export const activationGradOperation = defineOperation<{ dy: tf.Tensor; x: tf.Tensor }, Attributes, tf.Tensor>({
  name: 'ActivationGrad',
  summary: 'Gradient of Activation',
  reference: ({ dy, x }, { activation }) => tf.mul(dy, activations[activation].derivative(x)),
})

export const activationOperation = defineOperation<{ x: tf.Tensor }, Attributes, tf.Tensor, 'x'>({
  name: 'Activation',
  summary: 'silu, gelu (exact or tanh), relu or squared relu of every element',
  source: 'https://arxiv.org/abs/1606.08415 (GELU), https://arxiv.org/abs/2109.08668 (squared ReLU)',
  reference: ({ x }, { activation }) => activations[activation].value(x),
  gradient: {
    inputs: ['x'],
    backward: (dy, { x }, _, attributes) => ({ x: activationGradOperation.run({ dy, x }, attributes) }),
  },
})

/**
 * An activation of every element.
 * @param x any shape.
 * @param name `gelu` is the exact one, `geluTanh` its tanh approximation, `relu2` = max(0, x)².
 */
export function activation<T extends tf.Tensor>(x: T, name: ActivationName): T {
  expect(
    'activation',
    name in activations,
    () => `unknown activation ${name}; known: ${Object.keys(activations).join(', ')}`,
  )
  return activationOperation.run({ x }, { activation: name }) as T
}

/** x · Φ(x), exact. */
export const gelu = <T extends tf.Tensor>(x: T): T => activation(x, 'gelu')
/** max(0, x)². */
export const relu2 = <T extends tf.Tensor>(x: T): T => activation(x, 'relu2')
/** x · σ(x). */
export const silu = <T extends tf.Tensor>(x: T): T => activation(x, 'silu')
