// Products of the small matrices that attention is made of: blocks of 8 rows (AVX2: 4) by one or two vectors, straight from
// work memory, in which all columns are padded to multiples of 16 and all rows to multiples of 8.
import type { Int, Place, Program, Vector } from './program.ts'

/** Floats from row to row of a block of scores: queries in a block, and as many keys. */
export const blockSize = 64
export const scoreStride = 4 * blockSize

export const rowsOf = (p: Program): 4 | 8 => (p.lanes === 16 ? 8 : 4)

/** How the left operand lies: its rows side by side, in a block of scores, or each row by itself. */
type Left =
  | { readonly kind: 'columns'; readonly at: Int }
  | { readonly kind: 'scores'; readonly at: Int }
  /** A row's numbers are neighbours, as many as a multiple of four; `row` bytes from row to row. */
  | { readonly kind: 'rows'; readonly at: Int; readonly row: Int }

export interface SmallProduct {
  readonly left: Left
  readonly right: Int
  /** Bytes from step to step. */
  readonly rightStride: Int | number
  readonly result: Int
  readonly resultStride: Int | number
  readonly steps: Int
  /** A multiple of a vector. */
  readonly columns: Int
  readonly accumulate: boolean
  /** Of each row, by which what is accumulated to is multiplied before. */
  readonly factors?: Int
}

/** result[rows, columns] = (accumulate ? result : 0) + left[rows, steps] · right[steps, columns]. */
export function multiplySmall(p: Program, product: SmallProduct): void {
  const { right, result, columns } = product
  const [b, c, left] = [p.copy(right), p.copy(result), p.copy(columns)]
  for (const vectors of [2, 1]) {
    p.while(left, '>=', vectors * p.lanes, () => {
      block(p, product, b, c, vectors)
      for (const pointer of [b, c]) p.increase(pointer, vectors * p.width)
      p.increase(left, -vectors * p.lanes)
    })
  }
}

function block(p: Program, product: SmallProduct, right: Int, result: Int, vectors: number): void {
  const { left, rightStride, resultStride, steps, accumulate, factors } = product
  const rows = rowsOf(p)
  const eachRow = (visit: (at: Int, row: number) => void) => {
    const at = p.copy(result)
    for (let row = 0; row < rows; row++) {
      visit(at, row)
      p.increase(at, resultStride)
    }
  }
  const place = (at: Int, i: number) => ({ base: at, displacement: i * p.width })
  const sums: Vector[][] = []
  if (accumulate) {
    eachRow((at, row) => {
      const factor = factors && p.broadcast({ base: factors, displacement: 4 * row })
      const before = Array.from({ length: vectors }, (_, i) => p.load(place(at, i)))
      sums.push(factor ? before.map((x) => p.mul(x, factor)) : before)
    })
  } else for (let row = 0; row < rows; row++) sums.push(Array.from({ length: vectors }, () => p.zero()))
  const { read, advance, unroll } = reader(p, left)
  const b = p.copy(right)
  const count = p.copy(steps)
  p.while(count, '>', 0, () => {
    for (let step = 0; step < unroll; step++) {
      const of = Array.from({ length: vectors }, (_, i) => p.load(place(b, i)))
      for (let row = 0; row < rows; row++) {
        const value = p.broadcast(read(row, step))
        for (let i = 0; i < vectors; i++) p.accumulate(sums[row]![i]!, value, of[i]!)
      }
      p.increase(b, rightStride)
    }
    advance()
    p.increase(count, -unroll)
  })
  eachRow((at, row) => {
    for (let i = 0; i < vectors; i++) p.store(place(at, i), sums[row]![i]!)
  })
}

interface Reader {
  read(row: number, step: number): Place
  advance(): void
  /** Steps between two calls of `advance`. */
  readonly unroll: number
}

function reader(p: Program, left: Left): Reader {
  const at = p.copy(left.at)
  if (left.kind === 'columns')
    return {
      read: (row) => ({ base: at, displacement: 4 * row }),
      advance: () => p.increase(at, scoreStride),
      unroll: 1,
    }
  if (left.kind === 'scores')
    return {
      read: (row) => ({ base: at, displacement: scoreStride * row }),
      advance: () => p.increase(at, 4),
      unroll: 1,
    }
  // Eight rows by two bases, a stride and three times it: 0 1 2 4 from the first, 3 and 6 by the triple, 5 and 7 from row 1.
  const stride = left.row
  const triple = p.plus(stride, stride)
  p.increase(triple, stride)
  const second = p.plus(at, stride)
  const places: readonly Omit<Place, 'displacement'>[] = [
    { base: at },
    { base: second },
    { base: at, index: stride, scale: 2 },
    { base: at, index: triple },
    { base: at, index: stride, scale: 4 },
    { base: second, index: stride, scale: 4 },
    { base: at, index: triple, scale: 2 },
    { base: second, index: triple, scale: 2 },
  ]
  return {
    read: (row, step) => ({ ...places[row]!, displacement: 4 * step }),
    advance() {
      for (const base of [at, second]) p.increase(base, 16)
    },
    unroll: 4,
  }
}
