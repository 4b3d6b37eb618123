// Packing of operands into strips: the twin of `packStrips` in assembly/pack.ts, which tells the layout. Neighbouring rows
// are copied, several strips at a time since they share cache lines; what lies along the depth is transposed in
// registers. With bfloat16, a strip holds pairs of steps: for each row the numbers of steps 2i and 2i + 1 in one word.
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Mask, Program, Vector } from './program.ts'
import { stripShape } from './product.ts'
import { findRecord } from './records.ts'
import { transpose } from './transpose.ts'

/** Strips that are copied together. */
const together = 8

const word = { source: 0, target: 1, rows: 2, depth: 3, rowStride: 4, depthStride: 5, first: 6, width: 7 } as const

/** Numbers as they are; rounded to those that bfloat16 has; or pairs of bfloat16. */
type Form = 'float32' | 'rounded' | 'pairs'

export interface Strips {
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

/**
 * args: records, count of records. Item: a strip. Visits strips of an operand together, at most eight.
 * @param words of a strip's row, of so many numbers
 */
export function eachStrips(
  frame: KernelFrame,
  words: (depth: Int) => Int,
  visit: (strips: Strips, width: Int, count: Int) => void,
): void {
  const { p, begin, end, memory } = frame
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
    const stripBytes = p.shifted(p.times(width, words(depth)), 'left', 2)
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
    // What is no neighbour shares no cache lines.
    p.if(rowStride, '!=', 4, () => p.set(count, 1))
    visit(strips, width, count)
    p.increase(item, count)
  })
}

const packStrips =
  (form: Form): Write =>
  (frame) => {
    const { p } = frame
    const { rows: left, columns: right } = stripShape[p.instructionSet]
    const words = (depth: Int) => (form === 'pairs' ? p.shifted(p.plus(depth, 1), 'right', 1) : depth)
    eachStrips(frame, words, (strips, width, count) => {
      for (const size of [left, right]) {
        p.if(width, '==', size, () =>
          p.if(
            strips.rowStride,
            '==',
            4,
            () => across(p, form, size, strips, count),
            () => along(p, form, size, strips),
          ),
        )
      }
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
function across(p: Program, form: Form, size: number, strips: Strips, count: Int): void {
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
        if (form !== 'pairs') p.store(place, form === 'rounded' ? rounded(p, first) : first, kept)
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
    p.increase(source, form === 'pairs' ? p.shifted(strips.depthStride, 'left', 1) : strips.depthStride)
    p.increase(target, 4 * size)
    p.increase(step, form === 'pairs' ? 2 : 1)
  })
}

/** The nearest bfloat16, ties to even, as float32. */
function rounded(p: Program, x: Vector): Vector {
  const odd = p.three('and', p.shift(x, 'right', 16), p.bits(1))
  const up = p.three('addInt', x, p.three('addInt', odd, p.bits(0x7fff)))
  // The addition would carry a NaN into the sign.
  const quiet = p.three('or', x, p.bits(0x400000))
  return p.three('and', p.select(p.compare(x, 'unordered', x), quiet, up), p.bits(0xffff0000))
}

/** In every lane x as bfloat16, and above it y. */
export function pairs(p: Program, x: Vector, y: Vector): Vector {
  const [low, high] = [x, y].map((value) => p.two('widen', p.two('narrowToBfloat16', value)))
  return p.three('or', low!, p.shift(high!, 'left', 16))
}

/** Rows are anywhere; steps, as a rule, are neighbours. */
function along(p: Program, form: Form, size: number, strips: Strips): void {
  p.if(
    strips.depthStride,
    '==',
    4,
    () =>
      p.if(
        strips.rows,
        '>=',
        size,
        () => transposed(p, form, size, strips, false),
        () => transposed(p, form, size, strips, true),
      ),
    () => scattered(p, form, size, strips),
  )
}

/** Squares of as many rows and words as a vector has lanes. */
function transposed(p: Program, form: Form, size: number, strips: Strips, partial: boolean): void {
  const stepsOfSquare = form === 'pairs' ? 2 * p.lanes : p.lanes
  for (let first = 0; first < size; first += p.lanes) {
    const used = Math.min(p.lanes, size - first)
    const from = p.copy(strips.from)
    if (partial) p.if(strips.rows, '>', first, () => p.increase(from, p.times(strips.rowStride, first)))
    else if (first > 0) p.increase(from, p.times(strips.rowStride, first))
    const to = p.plus(strips.to, 4 * first)
    const left = p.copy(strips.depth)
    const rowsLeft = p.minus(strips.rows, first)
    const square = (count?: Int) => {
      const rows = readRows(p, form, {
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
        if (count) p.if(count, '>', form === 'pairs' ? 2 * i : i, write)
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

function readRows(p: Program, form: Form, { from, rowStride, used, count, rowsLeft }: Rows): Vector[] {
  const masks = count && [p.firstLanesOf(count), p.firstLanesOf(p.minus(count, p.lanes))]
  const at = p.copy(from)
  return Array.from({ length: p.lanes }, (_, row) => {
    const value = p.zero()
    if (row >= used) return value
    const read = (displacement: number, mask?: Mask) =>
      mask ? p.load({ base: at, displacement }, mask) : p.load({ base: at, displacement })
    const fill = () => {
      const low = read(0, masks?.[0])
      if (form === 'pairs') p.assign(value, p.three('toBfloat16', read(p.width, masks?.[1]), low))
      else p.assign(value, form === 'rounded' ? rounded(p, low) : low)
      p.increase(at, rowStride)
    }
    if (rowsLeft) p.if(rowsLeft, '>', row, fill)
    else fill()
    return value
  })
}

/** Neither are neighbours: one number at a time. */
function scattered(p: Program, form: Form, size: number, strips: Strips): void {
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
        if (form === 'rounded') p.assign(value, rounded(p, value))
        if (form !== 'pairs') return
        const second = p.zero()
        p.if(p.minus(depth, step), '>', 1, () => p.loadInto(second, { base: at, index: depthStride }, one))
        p.assign(value, pairs(p, value, second))
      })
      p.store({ base: target }, value, one)
      p.increase(at, rowStride)
      p.increase(target, 4)
    })
    p.increase(source, form === 'pairs' ? p.shifted(depthStride, 'left', 1) : depthStride)
    p.increase(step, form === 'pairs' ? 2 : 1)
  })
}

export const packKernels: Readonly<Record<string, Write>> = {
  packStrips: packStrips('float32'),
  packStripsRounded: packStrips('rounded'),
  packStripsBfloat16: packStrips('pairs'),
}
