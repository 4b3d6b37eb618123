// From "who chose whom" to work sorted by member: a stable counting sort. Integers only, hence off the tape.
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { untaped } from '../tape.ts'
import { tf } from '../tf.ts'

export const dispatchOperation = defineOperation<
  { members: tf.Tensor },
  { memberCount: number },
  [rows: tf.Tensor, offsets: tf.Tensor, pairs: tf.Tensor]
>({
  name: 'Dispatch',
  summary: 'Counting sort of (row, member) pairs by member',
  source: 'https://arxiv.org/abs/2211.15841',
  // On the host: a stable sort by key is no operation of TensorFlow.js.
  reference({ members }, { memberCount }) {
    const k = members.shape[1]!
    const chosen = members.dataSync<'int32'>()
    const offsets = new Int32Array(memberCount + 1)
    for (const member of chosen) if (member >= 0) offsets[member + 1]!++
    for (let e = 0; e < memberCount; e++) offsets[e + 1]! += offsets[e]!
    const next = offsets.slice(0, memberCount)
    const pairs = new Int32Array(chosen.length).fill(-1)
    for (const [pair, member] of chosen.entries()) if (member >= 0) pairs[next[member]!++] = pair
    const rows = pairs.map((pair) => (pair < 0 ? -1 : Math.floor(pair / k)))
    return [tf.tensor1d(rows, 'int32'), tf.tensor1d(offsets, 'int32'), tf.tensor1d(pairs, 'int32')]
  },
})

export interface Dispatch {
  /** int32 [N], N = T·k: the row that slot n carries; −1 in unused slots at the end. */
  readonly rows: tf.Tensor1D
  /** int32 [E+1]: member e owns slots offsets[e] … offsets[e+1]. */
  readonly offsets: tf.Tensor1D
  /** int32 [N]: the pair t·k + j that slot n carries; −1 in unused slots. */
  readonly pairs: tf.Tensor1D
}

/**
 * Sorts the pairs (row t, member) by member, rows ascending within a member.
 * @param members int32 [T, k], each below memberCount; −1 drops the pair.
 */
export function dispatch(members: tf.Tensor2D, memberCount: number): Dispatch {
  expectTensor('dispatch', 'members', members, ['T', 'k'], 'int32')
  expect(
    'dispatch',
    Number.isInteger(memberCount) && memberCount >= 1,
    () => `memberCount is ${memberCount}, expected 1 or more`,
  )
  const [rows, offsets, pairs] = untaped(() => dispatchOperation.run({ members }, { memberCount })) as tf.Tensor1D[]
  return { rows: rows!, offsets: offsets!, pairs: pairs! }
}
