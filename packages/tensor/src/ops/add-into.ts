// Adds into an existing tensor: gradient accumulation, counters.
import { expectTensor } from '../check.ts'
import { elementsInPlace } from '../in-place.ts'
import { defineOperation } from '../operation.ts'
import { untaped } from '../tape.ts'
import type { tf } from '../tf.ts'

export const addIntoOperation = defineOperation<{ a: tf.Tensor; x: tf.Tensor }, Record<string, never>, []>({
  name: 'AddInto',
  summary: 'a ← a + x, in place',
  reference({ a, x }) {
    const target = elementsInPlace(a)
    const values = x.dataSync<'float32' | 'int32'>()
    for (let i = 0; i < target.length; i++) target[i]! += values[i]!
    return []
  },
})

/**
 * a ← a + x, in place; both float32 or both int32, of one shape. Not recorded by a gradient that is being taken: use it on
 * counters and sums that no gradient reads.
 */
export function addInto(a: tf.Tensor, x: tf.Tensor): void {
  expectTensor('addInto', 'x', x, a.shape, a.dtype === 'int32' ? 'int32' : 'float32')
  untaped(() => addIntoOperation.run({ a, x }, {}))
}
