// Products of at most five rows, as a token's in generation: the twin of `multiplyFew` in assembly/matmul.ts. They wait for
// memory, so both operands are read where they lie, the right one once. Each element is the same chain of fused
// multiply-adds in ascending order of the depth as that of the packed products. Where columns lie along the depth, as in a
// weight [out, in], that order costs a transposition in registers for every block of 16 × 16 (AVX2: 8 × 8), which takes
// less time than the block's way from memory; dot products, which would need none, would add up in another order.
import type { KernelFrame, Write } from './kernel.ts'
import { finishTile } from './product.ts'
import type { Int, Mask, Place, Program, Vector } from './program.ts'
import { findRecord, productWord } from './records.ts'
import { transpose, transposeFrom } from './transpose.ts'

/** Rows at most, but of a product without depth: fewRows of src/few-products.ts. */
const fewRows = 5

/** Words of a record: behind the common ones, strides in elements. */
const word = {
  ...productWord,
  leftRow: 10,
  leftDepth: 11,
  rightDepth: 12,
  rightColumn: 13,
} as const

/** Strides are in bytes. */
interface Few {
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
        () => multiplyAlong(p, few),
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

/** Columns along the depth: those of a vector's lanes together, transposed a block at a time. */
function multiplyAlong(p: Program, few: Few): void {
  const { left, right, result, columns, rows, rightColumn } = few
  const [b, c, columnsLeft] = [p.copy(right), p.copy(result), p.copy(columns)]
  const wholes = (count: number, groups: number) =>
    p.while(columnsLeft, '>=', groups * p.lanes, () => {
      alongWhole(p, few, count, groups, b, c)
      p.increase(b, p.times(rightColumn, groups * p.lanes))
      p.increase(c, groups * p.width)
      p.increase(columnsLeft, -groups * p.lanes)
    })
  for (let count = 1; count <= fewRows; count++) {
    p.if(rows, '==', count, () => {
      // Two groups at a time, where one alone would wait for its chain of additions rather than for memory.
      if (count <= 2) wholes(count, 2)
      wholes(count, 1)
    })
  }
  p.if(columnsLeft, '>', 0, () => {
    const a = p.copy(left)
    p.range(0, rows, 1, () => {
      alongPart(p, few, a, b, c, columnsLeft)
      p.increase(a, few.leftRow)
      p.increase(c, few.stride)
    })
  })
}

/** `count` rows by `groups` times as many columns as there are lanes. */
function alongWhole(p: Program, few: Few, count: number, groups: number, b: Int, c: Int): void {
  const { rightColumn, stride } = few
  const three = p.plus(p.plus(rightColumn, rightColumn), rightColumn)
  const blocks = Array.from({ length: groups }, (_, i) => {
    const first = i === 0 ? b : p.plus(b, p.times(rightColumn, i * p.lanes))
    return { ...columnReader(p, first, rightColumn, three), sums: Array.from({ length: count }, () => p.zero()) }
  })
  along(p, few, few.left, blocks)
  const row = p.copy(c)
  for (let i = 0; i < count; i++) {
    for (const [group, { sums }] of blocks.entries()) p.store({ base: row, displacement: group * p.width }, sums[i]!)
    p.increase(row, stride)
  }
}

/** As many columns as a vector has lanes, and their sums with each row. */
interface Block {
  readonly sums: readonly Vector[]
  /** A vector across the columns of each step; with a mask, of the steps in it. */
  load(mask?: Mask): Vector[]
  advance(): void
}

/** Reads whole groups of columns: sixteen of them from three, the distance between two, and three times it. */
function columnReader(p: Program, first: Int, distance: Int, three: Int): Pick<Block, 'load' | 'advance'> {
  const at = p.copy(first)
  const third = p.plus(first, three)
  const tenth =
    p.lanes === 8
      ? at
      : p.address({ base: p.address({ base: first, index: distance, scale: 4 }), index: three, scale: 2 })
  const places: readonly Omit<Place, 'displacement'>[] = [
    { base: at },
    { base: at, index: distance },
    { base: at, index: distance, scale: 2 },
    { base: third },
    { base: at, index: distance, scale: 4 },
    { base: third, index: distance, scale: 2 },
    { base: at, index: three, scale: 2 },
    { base: third, index: distance, scale: 4 },
    { base: at, index: distance, scale: 8 },
    { base: third, index: three, scale: 2 },
    { base: tenth },
    { base: third, index: distance, scale: 8 },
    { base: at, index: three, scale: 4 },
    { base: tenth, index: three },
    { base: tenth, index: distance, scale: 4 },
    { base: third, index: three, scale: 4 },
  ]
  return {
    load(mask) {
      const own = places.slice(0, p.lanes)
      return mask
        ? transpose(
            p,
            own.map((place) => p.load(place, mask)),
          )
        : transposeFrom(p, own)
    },
    advance() {
      for (const base of new Set([at, third, tenth])) p.increase(base, p.width)
    },
  }
}

/** One row by fewer columns than a vector has lanes: the last of them stands in for those that are not there. */
function alongPart(p: Program, few: Few, a: Int, b: Int, c: Int, columns: Int): void {
  const from = p.copy(b)
  const sum = p.zero()
  const load = (mask?: Mask) => {
    const at = p.copy(from)
    const vectors = [p.load({ base: at }, mask)]
    while (vectors.length < p.lanes) {
      p.if(columns, '>', vectors.length, () => p.increase(at, few.rightColumn))
      vectors.push(p.load({ base: at }, mask))
    }
    return transpose(p, vectors)
  }
  along(p, few, a, [{ sums: [sum], load, advance: () => p.increase(from, p.width) }])
  p.store({ base: c }, sum, p.firstLanes(columns))
}

/** Adds up the sums of all blocks. */
function along(p: Program, few: Few, left: Int, blocks: readonly Block[]): void {
  const from = p.copy(left)
  const stepsLeft = p.copy(few.depth)
  const each = (mask: Mask | undefined, visit: (i: number, step: () => void) => void) => {
    for (const { sums, load, advance } of blocks) {
      const { at, read, next } = leftReader(p, few, from, sums.length)
      for (const [i, column] of load(mask).entries())
        visit(i, () => {
          for (const [row, sum] of sums.entries()) p.accumulate(sum, read(row), column)
          next()
        })
      advance()
      if (blocks.at(-1)!.sums === sums) p.set(from, at)
    }
  }
  p.while(stepsLeft, '>=', p.lanes, () => {
    each(undefined, (_, step) => step())
    p.increase(stepsLeft, -p.lanes)
  })
  p.if(stepsLeft, '>', 0, () => {
    each(p.firstLanes(stepsLeft), (i, step) => {
      if (i < p.lanes - 1) p.if(stepsLeft, '>', i, step)
    })
  })
}

/** Columns side by side. */
function multiplyAcross(p: Program, few: Few): void {
  const { rows } = few
  for (let count = 1; count <= fewRows; count++) p.if(rows, '==', count, () => acrossRows(p, few, count))
}

function acrossRows(p: Program, few: Few, count: number): void {
  const [b, c, columnsLeft] = [p.copy(few.right), p.copy(few.result), p.copy(few.columns)]
  const most = p.lanes === 16 ? (count <= 2 ? 8 : 4) : count <= 2 ? 4 : 2
  for (const vectors of [most, 1]) {
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
