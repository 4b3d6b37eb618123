// Tables of records that jobs of products and packing work through: an item belongs to the last record that starts at or
// before it.
import type { KernelFrame } from './kernel.ts'
import type { Int } from './program.ts'

/** Words of a product's record: see assembly/matmul.ts. Strides are in elements. */
export const productWord = {
  left: 0,
  right: 1,
  result: 2,
  m: 3,
  n: 4,
  k: 5,
  first: 6,
  tilesN: 7,
  resultRow: 8,
  bias: 9,
} as const

/** The record of an item. args: records, count of records; `first` is the word that holds a record's first item. */
export function findRecord({ p, pointer, integer }: KernelFrame, item: Int, words: 8 | 16, first: number): Int {
  const records = pointer(0)
  const low = p.int(0)
  const high = p.copy(integer(1))
  const between = p.minus(high, low)
  const at = (index: Int) =>
    p.address({ base: records, index: p.shifted(index, 'left', words === 8 ? 3 : 4), scale: 4 })
  p.while(between, '>', 1, () => {
    const middle = p.shifted(p.plus(low, high), 'right', 1)
    const start = p.loadInt({ base: at(middle), displacement: 4 * first }, 'int32')
    p.if(
      start,
      '<=',
      item,
      () => p.set(low, middle),
      () => p.set(high, middle),
    )
    p.set(between, p.minus(high, low))
  })
  return at(low)
}
