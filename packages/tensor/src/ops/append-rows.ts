// Writes new keys or values into a preallocated cache, in place.
import { expect, expectTensor } from '../check.ts'
import { elementsInPlace } from '../in-place.ts'
import { defineOperation } from '../operation.ts'
import { refuseTape } from '../tape.ts'
import type { tf } from '../tf.ts'

export const appendRowsOperation = defineOperation<{ cache: tf.Tensor; x: tf.Tensor }, { position: number }, []>({
  name: 'AppendRows',
  summary: 'Writes rows into a key-value cache, in place',
  reference({ cache, x }, { position }) {
    const [batch, keys, groups, width] = cache.shape as [number, number, number, number]
    const row = groups * width
    const size = x.shape[1]! * row
    const target = elementsInPlace(cache)
    const values = x.dataSync<'float32'>()
    for (let b = 0; b < batch; b++) target.set(values.subarray(b * size, (b + 1) * size), (b * keys + position) * row)
    return []
  },
})

/**
 * cache[:, position … position + T) = x, in place.
 * @param cache [B, S, G, D].
 * @param x [B, T, G, D].
 * @throws MixlabError if the rows do not fit, or while a gradient is being taken.
 */
export function appendRows(cache: tf.Tensor4D, x: tf.Tensor4D, position: number): void {
  refuseTape('appendRows')
  expectTensor('appendRows', 'cache', cache, ['B', 'S', 'G', 'D'])
  const [batch, keys, groups, width] = cache.shape
  expectTensor('appendRows', 'x', x, [batch, 'T', groups, width])
  const end = position + x.shape[1]
  expect(
    'appendRows',
    Number.isInteger(position) && position >= 0 && end <= keys,
    () => `rows ${position} … ${end} do not fit a cache of ${keys}`,
  )
  appendRowsOperation.run({ cache, x }, { position })
}
