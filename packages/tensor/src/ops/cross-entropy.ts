// Cross-entropy from logits, with ignored targets and z-loss. The log-sum-exp of each row is kept for the backward pass.
import { expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { untaped } from '../tape.ts'
import { tf } from '../tf.ts'

type Attributes = { ignoreIndex: number; zLoss: number }

/** [T, V] as bool: true at each row's target. */
const isTarget = (logits: tf.Tensor, targets: tf.Tensor): tf.Tensor =>
  tf.equal(tf.expandDims(targets, 1), tf.range(0, logits.shape[1]!, 1, 'int32'))

/** 1 for each row that counts, 0 for ignored ones. */
const kept = (targets: tf.Tensor, ignoreIndex: number): tf.Tensor =>
  tf.cast(tf.notEqual(targets, tf.scalar(ignoreIndex, 'int32')), 'float32')

export const crossEntropyGradOperation = defineOperation<
  { dlosses: tf.Tensor; logits: tf.Tensor; targets: tf.Tensor; lse: tf.Tensor },
  Attributes,
  tf.Tensor
>({
  name: 'CrossEntropyGrad',
  summary: 'Gradient of CrossEntropy by the logits',
  reference({ dlosses, logits, targets, lse }, { ignoreIndex, zLoss }) {
    if (logits.size === 0) return tf.zerosLike(logits)
    const column = tf.expandDims(lse, 1)
    const probabilities = tf.exp(tf.sub(logits, column))
    const onehot = tf.cast(isTarget(logits, targets), 'float32')
    const scaled = tf.mul(probabilities, tf.add(tf.mul(column, 2 * zLoss), 1))
    return tf.mul(tf.sub(scaled, onehot), tf.expandDims(tf.mul(dlosses, kept(targets, ignoreIndex)), 1))
  },
})

export const crossEntropyOperation = defineOperation<
  { logits: tf.Tensor; targets: tf.Tensor },
  Attributes,
  [losses: tf.Tensor, lse: tf.Tensor],
  'logits' | 'targets'
>({
  name: 'CrossEntropy',
  summary: 'lse(logits) − logits[target] + zLoss · lse² of each row',
  source: 'https://arxiv.org/abs/2204.02311 (z-loss, section 5)',
  reference({ logits, targets }, { ignoreIndex, zLoss }) {
    if (logits.size === 0) return [tf.zeros(targets.shape), tf.zeros(targets.shape)]
    const lse = tf.logSumExp(logits, 1)
    const chosen = isTarget(logits, targets)
    const target = tf.sum(tf.where(chosen, logits, tf.zerosLike(logits)), 1)
    const losses = tf.add(tf.sub(lse, target), tf.mul(tf.square(lse), zLoss))
    return [tf.mul(losses, kept(targets, ignoreIndex)), lse]
  },
  gradient: {
    inputs: ['logits', 'targets'],
    outputs: [1],
    backward: (dlosses, { logits, targets }, [lse], attributes) => ({
      logits: crossEntropyGradOperation.run({ dlosses, logits, targets, lse: lse! }, attributes),
    }),
  },
})

export interface CrossEntropy {
  /** Mean over the kept rows, in nats; 0 if there are none. */
  readonly loss: tf.Scalar
  /** [T], 0 at ignored rows. */
  readonly losses: tf.Tensor1D
  /** How many rows are kept. */
  readonly count: tf.Scalar
}

/**
 * Cross-entropy of softmax(logits) against class indices, in nats.
 * @param logits [T, V].
 * @param targets int32 [T], each below V, or ignoreIndex.
 * @param options zLoss adds zLoss · lse² to each row, which keeps the softmax's normaliser near 1 (Chowdhery et al. 2022).
 */
export function crossEntropy(
  logits: tf.Tensor2D,
  targets: tf.Tensor1D,
  { ignoreIndex = -100, zLoss = 0 }: { ignoreIndex?: number; zLoss?: number } = {},
): CrossEntropy {
  expectTensor('crossEntropy', 'logits', logits, ['T', 'V'])
  expectTensor('crossEntropy', 'targets', targets, [logits.shape[0]], 'int32')
  const [losses] = crossEntropyOperation.run({ logits, targets }, { ignoreIndex, zLoss }) as [tf.Tensor1D, tf.Tensor1D]
  const count = untaped(() => tf.tidy(() => tf.sum<tf.Scalar>(kept(targets, ignoreIndex))))
  return { loss: tf.div<tf.Scalar>(tf.sum(losses), tf.maximum(count, 1)), losses, count }
}
