// The norm of all gradients together and the factor that clips it; both stay on the device.
import { expect } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'
import { listed, named, type NamedTensors } from './tensor-lists.ts'

export const globalNormOperation = defineOperation<NamedTensors, { count: number }, tf.Tensor>({
  name: 'GlobalNorm',
  summary: 'Euclidean norm of a list of tensors, accumulated in float64',
  // On the host: TensorFlow.js has no float64.
  reference(inputs, { count }) {
    let sum = 0
    for (const tensor of listed(inputs, 'g', count))
      for (const value of tensor.dataSync<'float32'>()) sum += value * value
    return tf.scalar(Math.sqrt(sum))
  },
})

/** √(Σ g²) over all elements of all tensors; 0 for none. */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  return globalNormOperation.run(named({ g: tensors }), { count: tensors.length }) as tf.Scalar
}

/** min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ scales. */
export function clipScale(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  expect('clipScale', maxNorm > 0, () => `maxNorm is ${maxNorm}, expected a positive number`)
  return tf.tidy(() => tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1))
}
