// Capacity limits: what a member gets beyond its capacity is dropped (member −1). Integers only, hence off the tape.
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { untaped } from '../tape.ts'
import { tf } from '../tf.ts'

export type CapacityPolicy = 'position' | 'priority'
type Attributes = { memberCount: number; capacity: number; by: CapacityPolicy }

export const capacityOperation = defineOperation<{ members: tf.Tensor; weights: tf.Tensor }, Attributes, tf.Tensor>({
  name: 'Capacity',
  summary: 'Drops the pairs beyond a capacity of each member, by position or by weight',
  source: 'https://arxiv.org/abs/2006.16668 (position), https://arxiv.org/abs/2106.05974 (priority)',
  // On the host: a sort with ties by position is no operation of TensorFlow.js.
  reference({ members, weights }, { memberCount, capacity, by }) {
    const kept = members.dataSync<'int32'>().slice()
    const weight = weights.dataSync<'float32'>()
    const order = Array.from(kept.keys())
    if (by === 'priority') order.sort((a, b) => weight[b]! - weight[a]! || a - b)
    const load = new Int32Array(memberCount)
    for (const pair of order) {
      const member = kept[pair]!
      if (member >= 0 && load[member]!++ >= capacity) kept[pair] = -1
    }
    return tf.tensor(kept, members.shape, 'int32')
  },
})

/**
 * Members with the pairs beyond each member's capacity dropped.
 * @param members int32 [T, k].
 * @param weights float32 [T, k]; read by `priority` only.
 * @param options capacity: pairs a member takes. by `position`: the earlier pair t·k + j stays (GShard); by `priority`:
 *   the larger weight stays, ties by position (batch-prioritised routing, Riquelme et al. 2021, section 4).
 * @returns int32 [T, k], −1 where dropped.
 */
export function applyCapacity(members: tf.Tensor2D, weights: tf.Tensor2D, options: Attributes): tf.Tensor2D {
  const { memberCount, capacity, by } = options
  expectTensor('applyCapacity', 'members', members, ['T', 'k'], 'int32')
  expectTensor('applyCapacity', 'weights', weights, members.shape)
  expect(
    'applyCapacity',
    Number.isInteger(capacity) && capacity >= 0,
    () => `capacity is ${capacity}, expected a whole number of pairs`,
  )
  expect(
    'applyCapacity',
    by === 'position' || by === 'priority',
    () => `by is ${JSON.stringify(by)}, expected position or priority`,
  )
  return untaped(() => capacityOperation.run({ members, weights }, { memberCount, capacity, by })) as tf.Tensor2D
}
