// Products of at most five rows, as a token's in generation: the twin of `multiplyFew` in assembly/matmul.ts. They wait for
// memory, so both operands are read where they lie, the right one once. Where both lie along the depth, as a token and a
// weight [out, in], an element is a dot product of 16 sums side by side, which are added up at the end in an order that
// all instruction sets keep; elsewhere it is the same chain of fused multiply-adds in ascending order of the depth as in the
// packed products.
import { multiplyDots } from './dots.ts'
import type { KernelFrame, Write } from './kernel.ts'
import { finishTile } from './product.ts'
import type { Int, Mask, Place, Program } from './program.ts'
import { findRecord, productWord } from './records.ts'

/** Rows at most, but of a product without depth: fewRows of src/few-products.ts. */
export const fewRows = 5

/** Words of a record: behind the common ones, strides in elements. */
const word = {
  ...productWord,
  leftRow: 10,
  leftDepth: 11,
  rightDepth: 12,
  rightColumn: 13,
} as const

/** Strides are in bytes. */
export interface Few {
  readonly left: Int
  readonly right: Int
  readonly result: Int
  readonly rows: Int
  readonly columns: Int
  readonly depth: Int
  readonly leftRow: Int
  readonly leftDepth: Int
  readonly rightDepth: Int
  readonly rightColumn: Int
  /** From row to row of the result. */
  readonly stride: Int
}

/** args: records, count of records, (unused), tileN, activation, its parameter. Item: all rows of tileN columns. */
function multiplyFew(frame: KernelFrame): void {
  const { p, begin, end, memory } = frame
  p.range(begin, end, 1, (item) => {
    const record = findRecord(frame, item, 16, word.first)
    const field = (name: keyof typeof word) => p.loadInt({ base: record, displacement: 4 * word[name] }, 'int32')
    const bytes = (name: keyof typeof word) => p.shifted(field(name), 'left', 2)
    const address = (name: 'left' | 'right' | 'result') =>
      p.plus(p.loadUnsigned({ base: record, displacement: 4 * word[name] }), memory)
    const column = p.times(p.minus(item, field('first')), frame.integer(3))
    const columns = p.smaller(frame.integer(3), p.minus(field('n'), column))
    const rightColumn = bytes('rightColumn')
    const few: Few = {
      left: address('left'),
      right: p.plus(address('right'), p.times(column, rightColumn)),
      result: p.address({ base: address('result'), index: column, scale: 4 }),
      rows: field('m'),
      columns,
      depth: field('k'),
      leftRow: bytes('leftRow'),
      leftDepth: bytes('leftDepth'),
      rightDepth: bytes('rightDepth'),
      rightColumn,
      stride: bytes('resultRow'),
    }
    const general = () => multiplyGeneral(p, few)
    p.if(few.rows, '>', fewRows, general, () =>
      p.if(
        few.rightDepth,
        '==',
        4,
        () => p.if(few.leftDepth, '==', 4, () => multiplyDots(p, few), general),
        () => p.if(rightColumn, '==', 4, () => multiplyAcross(p, few), general),
      ),
    )
    finishTile(frame, record, { result: few.result, rows: few.rows, columns, stride: few.stride, column })
  })
}

/** Reads the left operand's numbers of a step, and goes on to the next. */
function leftReader(p: Program, { leftRow, leftDepth }: Few, from: Int, count: number) {
  const at = p.copy(from)
  const places: Omit<Place, 'displacement'>[] = [
    { base: at },
    { base: at, index: leftRow },
    { base: at, index: leftRow, scale: 2 },
  ]
  if (count > 3) places.push({ base: at, index: p.plus(p.plus(leftRow, leftRow), leftRow) })
  places.push({ base: at, index: leftRow, scale: 4 })
  return { at, read: (row: number) => p.broadcast(places[row]!), next: () => p.increase(at, leftDepth) }
}

/** Columns side by side; at most five rows. */
export function multiplyAcross(p: Program, few: Few): void {
  const { rows } = few
  for (let count = 1; count <= fewRows; count++) p.if(rows, '==', count, () => acrossRows(p, few, count))
}

function acrossRows(p: Program, few: Few, count: number): void {
  const [b, c, columnsLeft] = [p.copy(few.right), p.copy(few.result), p.copy(few.columns)]
  const most = p.lanes === 16 ? (count <= 2 ? 8 : 4) : count <= 2 ? 4 : 2
  for (const vectors of new Set([most, Math.min(most, 4), 1])) {
    p.while(columnsLeft, '>=', vectors * p.lanes, () => {
      across(p, few, count, vectors, b, c)
      for (const pointer of [b, c]) p.increase(pointer, vectors * p.width)
      p.increase(columnsLeft, -vectors * p.lanes)
    })
  }
  p.if(columnsLeft, '>', 0, () => across(p, few, count, 1, b, c, p.firstLanes(columnsLeft)))
}

function across(p: Program, few: Few, count: number, vectors: number, b: Int, c: Int, mask?: Mask): void {
  const sums = Array.from({ length: count }, () => Array.from({ length: vectors }, () => p.zero()))
  const { read, next } = leftReader(p, few, few.left, count)
  const from = p.copy(b)
  const place = (base: Int, i: number) => ({ base, displacement: i * p.width })
  p.range(0, few.depth, 1, () => {
    const right = Array.from({ length: vectors }, (_, i) => p.load(place(from, i), mask))
    for (const [row, own] of sums.entries()) {
      const value = read(row)
      for (const [i, sum] of own.entries()) p.accumulate(sum, value, right[i]!)
    }
    next()
    p.increase(from, few.rightDepth)
  })
  const row = p.copy(c)
  for (const own of sums) {
    for (const [i, sum] of own.entries()) p.store(place(row, i), sum, mask)
    p.increase(row, few.stride)
  }
}

/** Any strides, one element at a time. */
function multiplyGeneral(p: Program, few: Few): void {
  const [leftRow, resultRow] = [p.copy(few.left), p.copy(few.result)]
  p.range(0, few.rows, 1, () => {
    const [column, c] = [p.copy(few.right), p.copy(resultRow)]
    p.range(0, few.columns, 1, () => {
      const [a, b, sum] = [p.copy(leftRow), p.copy(column), p.zero()]
      p.range(0, few.depth, 1, () => {
        p.accumulate(sum, p.loadScalar({ base: a }, 4), p.loadScalar({ base: b }, 4))
        p.increase(a, few.leftDepth)
        p.increase(b, few.rightDepth)
      })
      p.storeScalar({ base: c }, sum, 4)
      p.increase(c, 4)
      p.increase(column, few.rightColumn)
    })
    p.increase(leftRow, few.leftRow)
    p.increase(resultRow, few.stride)
  })
}

export const fewKernels: Readonly<Record<string, Write>> = { multiplyFew }
