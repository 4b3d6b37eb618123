// Packing of operands into strips: the twin of `packStrips` in assembly/pack.ts, which tells the layout. Neighbouring rows
// are copied, several strips at a time since they share cache lines; what lies along the depth is transposed in
// registers. With bfloat16, a strip holds pairs of steps: for each row the numbers of steps 2i and 2i + 1 in one word.
import type { Write } from './kernel.ts'
import type { Int, Mask, Program, Vector } from './program.ts'
import { stripShape } from './product.ts'
import { findRecord } from './records.ts'

/** Strips that are copied together. */
const together = 8

const word = { source: 0, target: 1, rows: 2, depth: 3, rowStride: 4, depthStride: 5, first: 6, width: 7 } as const

interface Strips {
  readonly from: Int
  readonly to: Int
  /** Rows from the first strip to the operand's end. */
  readonly rows: Int
  readonly depth: Int
  /** Bytes. */
  readonly rowStride: Int
  readonly depthStride: Int
  readonly stripBytes: Int
}

/** args: records, count of records. Item: a strip. */
const packStrips =
  (bfloat16: boolean): Write =>
  (frame) => {
    const { p, begin, end, memory } = frame
    const { rows: left, columns: right } = stripShape[p.instructionSet]
    const item = p.copy(begin)
    p.while(item, '<', end, () => {
      const record = findRecord(frame, item, 8, word.first)
      const field = (name: keyof typeof word) => p.loadInt({ base: record, displacement: 4 * word[name] }, 'int32')
      const address = (name: 'source' | 'target') =>
        p.plus(p.loadUnsigned({ base: record, displacement: 4 * word[name] }), memory)
      const strip = p.minus(item, field('first'))
      const width = field('width')
      const depth = field('depth')
      const row = p.times(strip, width)
      const rowStride = p.shifted(field('rowStride'), 'left', 2)
      const words = bfloat16 ? p.shifted(p.plus(depth, 1), 'right', 1) : depth
      const stripBytes = p.shifted(p.times(width, words), 'left', 2)
      const strips: Strips = {
        from: p.plus(address('source'), p.times(row, rowStride)),
        to: p.plus(address('target'), p.times(strip, stripBytes)),
        rows: p.minus(field('rows'), row),
        depth,
        rowStride,
        depthStride: p.shifted(field('depthStride'), 'left', 2),
        stripBytes,
      }
      // As many strips as are asked for, and as the operand has whole.
      const count = p.smaller(p.minus(end, item), p.quotient(strips.rows, width))
      p.if(count, '>', together, () => p.set(count, together))
      p.if(count, '<', 1, () => p.set(count, 1))
      for (const size of [left, right]) {
        p.if(width, '==', size, () =>
          p.if(
            rowStride,
            '==',
            4,
            () => across(p, bfloat16, size, strips, count),
            () => {
              p.set(count, 1)
              along(p, bfloat16, size, strips)
            },
          ),
        )
      }
      p.increase(item, count)
    })
  }

/** The vectors of a strip's step, with masks for those that are not whole. */
function vectorsOf(p: Program, size: number, rows: Int): { at: number; present: Mask; kept?: Mask }[] {
  return Array.from({ length: Math.ceil(size / p.lanes) }, (_, i) => {
    const lanes = size - i * p.lanes
    return {
      at: i * p.width,
      present: p.firstLanesOf(p.minus(p.smallerThan(rows, size), i * p.lanes)),
      ...(lanes < p.lanes && { kept: p.firstLanes(p.int(lanes)) }),
    }
  })
}

/** Rows are neighbours in memory. */
function across(p: Program, bfloat16: boolean, size: number, strips: Strips, count: Int): void {
  const vectors = vectorsOf(p, size, strips.rows)
  const step = p.int(0)
  const source = p.copy(strips.from)
  const target = p.copy(strips.to)
  p.while(step, '<', strips.depth, () => {
    const from = p.copy(source)
    const to = p.copy(target)
    p.range(0, count, 1, () => {
      for (const { at, present, kept } of vectors) {
        const place = { base: to, displacement: at }
        const first = p.load({ base: from, displacement: at }, present)
        if (!bfloat16) p.store(place, first, kept)
        else {
          const second = p.zero()
          p.if(p.minus(strips.depth, step), '>', 1, () => {
            p.loadInto(second, { base: from, index: strips.depthStride, displacement: at }, present)
          })
          p.store(place, pairs(p, first, second), kept)
        }
      }
      p.increase(from, 4 * size)
      p.increase(to, strips.stripBytes)
    })
    p.increase(source, bfloat16 ? p.shifted(strips.depthStride, 'left', 1) : strips.depthStride)
    p.increase(target, 4 * size)
    p.increase(step, bfloat16 ? 2 : 1)
  })
}

/** In every lane x as bfloat16, and above it y. */
function pairs(p: Program, x: Vector, y: Vector): Vector {
  const [low, high] = [x, y].map((value) => p.two('widen', p.two('narrowToBfloat16', value)))
  return p.three('or', low!, p.shift(high!, 'left', 16))
}

/** Rows are anywhere; steps, as a rule, are neighbours. */
function along(p: Program, bfloat16: boolean, size: number, strips: Strips): void {
  p.if(
    strips.depthStride,
    '==',
    4,
    () =>
      p.if(
        strips.rows,
        '>=',
        size,
        () => transposed(p, bfloat16, size, strips, false),
        () => transposed(p, bfloat16, size, strips, true),
      ),
    () => scattered(p, bfloat16, size, strips),
  )
}

/** Squares of as many rows and words as a vector has lanes. */
function transposed(p: Program, bfloat16: boolean, size: number, strips: Strips, partial: boolean): void {
  const stepsOfSquare = bfloat16 ? 2 * p.lanes : p.lanes
  for (let first = 0; first < size; first += p.lanes) {
    const used = Math.min(p.lanes, size - first)
    const from = p.copy(strips.from)
    if (partial) p.if(strips.rows, '>', first, () => p.increase(from, p.times(strips.rowStride, first)))
    else if (first > 0) p.increase(from, p.times(strips.rowStride, first))
    const to = p.plus(strips.to, 4 * first)
    const left = p.copy(strips.depth)
    const rowsLeft = p.minus(strips.rows, first)
    const square = (count?: Int) => {
      const rows = readRows(p, bfloat16, {
        from,
        rowStride: strips.rowStride,
        used,
        count,
        ...(partial && { rowsLeft }),
      })
      const columns = transpose(p, rows)
      const kept = used < p.lanes ? p.firstLanes(p.int(used)) : undefined
      for (const [i, column] of columns.entries()) {
        const place = { base: to, displacement: 4 * size * i }
        const write = () => p.store(place, column, kept)
        if (count) p.if(count, '>', bfloat16 ? 2 * i : i, write)
        else write()
      }
    }
    p.while(left, '>=', stepsOfSquare, () => {
      square()
      p.increase(from, 4 * stepsOfSquare)
      p.increase(to, 4 * size * p.lanes)
      p.increase(left, -stepsOfSquare)
    })
    p.if(left, '>', 0, () => square(left))
  }
}

interface Rows {
  readonly from: Int
  readonly rowStride: Int
  /** Rows that are read; the others are zeros. */
  readonly used: number
  /** Steps to read, where not all of a square. */
  readonly count: Int | undefined
  /** Rows that there are, where these may be fewer. */
  readonly rowsLeft?: Int
}

function readRows(p: Program, bfloat16: boolean, { from, rowStride, used, count, rowsLeft }: Rows): Vector[] {
  const masks = count && [p.firstLanesOf(count), p.firstLanesOf(p.minus(count, p.lanes))]
  const at = p.copy(from)
  return Array.from({ length: p.lanes }, (_, row) => {
    const value = p.zero()
    if (row >= used) return value
    const read = (displacement: number, mask?: Mask) =>
      mask ? p.load({ base: at, displacement }, mask) : p.load({ base: at, displacement })
    const fill = () => {
      const low = read(0, masks?.[0])
      p.assign(value, bfloat16 ? p.three('toBfloat16', read(p.width, masks?.[1]), low) : low)
      p.increase(at, rowStride)
    }
    if (rowsLeft) p.if(rowsLeft, '>', row, fill)
    else fill()
    return value
  })
}

function transpose(p: Program, rows: Vector[]): Vector[] {
  const pairsOf = (
    vectors: readonly Vector[],
    distance: number,
    low: (a: Vector, b: Vector) => Vector,
    high: typeof low,
  ) => {
    const result = [...vectors]
    for (let i = 0; i < vectors.length; i++) {
      if (i & distance) continue
      const [a, b] = [vectors[i]!, vectors[i + distance]!]
      result[i] = low(a, b)
      result[i + distance] = high(a, b)
    }
    return result
  }
  const singles = pairsOf(
    rows,
    1,
    (a, b) => p.three('unpackLow', a, b),
    (a, b) => p.three('unpackHigh', a, b),
  )
  // Of rows 0 … 3: quarter q of vector j is now column 4q + j.
  const doubles = pairsOf(
    singles,
    2,
    (a, b) => p.three('unpackLowPairs', a, b),
    (a, b) => p.three('unpackHighPairs', a, b),
  )
  // Where columns 0 … 3 of four rows are after both steps.
  const order = [0, 2, 1, 3]
  const part = (group: number, column: number) => doubles[4 * group + order[column]!]!
  if (p.lanes === 8) {
    return Array.from({ length: 8 }, (_, column) =>
      p.shaped('swapHalves', part(0, column & 3), part(1, column & 3), column < 4 ? 0x20 : 0x31),
    )
  }
  const columns: Vector[] = []
  for (let column = 0; column < 4; column++) {
    const halves = [0, 2].map((group) => [part(group, column), part(group + 1, column)] as const)
    for (const [step, immediate] of [0x88, 0xdd].entries()) {
      const [low, high] = halves.map(([a, b]) => p.shaped('shuffleQuarters', a, b, immediate))
      columns[column + 4 * step] = p.shaped('shuffleQuarters', low!, high!, 0x88)
      columns[column + 4 * step + 8] = p.shaped('shuffleQuarters', low!, high!, 0xdd)
    }
  }
  return columns
}

/** Neither are neighbours: one number at a time. */
function scattered(p: Program, bfloat16: boolean, size: number, strips: Strips): void {
  const { from, to, rows, depth, rowStride, depthStride } = strips
  const one = p.firstLanes(p.int(1))
  const source = p.copy(from)
  const target = p.copy(to)
  const step = p.int(0)
  p.while(step, '<', depth, () => {
    const at = p.copy(source)
    p.range(0, size, 1, (row) => {
      const value = p.zero()
      p.if(row, '<', rows, () => {
        p.loadInto(value, { base: at }, one)
        if (!bfloat16) return
        const second = p.zero()
        p.if(p.minus(depth, step), '>', 1, () => p.loadInto(second, { base: at, index: depthStride }, one))
        p.assign(value, pairs(p, value, second))
      })
      p.store({ base: target }, value, one)
      p.increase(at, rowStride)
      p.increase(target, 4)
    })
    p.increase(source, bfloat16 ? p.shifted(depthStride, 'left', 1) : depthStride)
    p.increase(step, bfloat16 ? 2 : 1)
  })
}

export const packKernels: Readonly<Record<string, Write>> = {
  packStrips: packStrips(false),
  packStripsBfloat16: packStrips(true),
}
