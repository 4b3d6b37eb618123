// Kernels over rows that are found by index: gathers, sums of rows that belong together, a mixture's combination; and sums
// over columns. Twins of assembly/gather.ts, routing.ts, rotary.ts and reduce.ts.
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Mask, Program, Vector } from './program.ts'
import { sumLanes } from './transpose.ts'

const rowAt = (p: Program, base: Int, row: Int, width: Int): Int =>
  p.address({ base, index: p.times(row, width), scale: 4 })

function fillRow(p: Program, to: Int, width: Int): void {
  const none = p.zero()
  p.elements(width, (at, mask) => p.store({ base: to, index: at }, none, mask))
}

const int32 = (p: Program, base: Int, index: Int, displacement = 0): Int =>
  p.loadInt({ base, index, scale: 4, displacement }, 'int32')

/** args: dy [n, width], offsets, order (of sortByKey), out [buckets, width], width. Item: a row of out. */
function addSortedFloat({ p, begin, end, integer, pointer }: KernelFrame): void {
  const width = integer(4)
  p.range(begin, end, 1, (row) => {
    const slot = int32(p, pointer(1), row)
    const last = int32(p, pointer(1), row, 4)
    const out = rowAt(p, pointer(3), row, width)
    const from = () => rowAt(p, pointer(0), int32(p, pointer(2), slot), width)
    p.if(
      slot,
      '==',
      last,
      () => fillRow(p, out, width),
      () => {
        const first = from()
        p.elements(width, (at, mask) =>
          p.store({ base: out, index: at }, p.load({ base: first, index: at }, mask), mask),
        )
        p.increase(slot, 1)
      },
    )
    p.while(slot, '<', last, () => {
      const next = from()
      p.elements(width, (at, mask) => {
        const place = { base: out, index: at }
        p.store(place, p.add(p.load(place, mask), p.load({ base: next, index: at }, mask)), mask)
      })
      p.increase(slot, 1)
    })
  })
}

/** args: ys [n, width], weights [n], offsets, order (of sortByKey over the rows), y [rows, width], width. Item: a row. */
function combine({ p, begin, end, integer, pointer }: KernelFrame): void {
  const width = integer(5)
  p.range(begin, end, 1, (row) => {
    const slot = int32(p, pointer(2), row)
    const last = int32(p, pointer(2), row, 4)
    const y = rowAt(p, pointer(4), row, width)
    const term = () => {
      const position = int32(p, pointer(3), slot)
      const weight = p.broadcast({ base: pointer(1), index: position, scale: 4 })
      const from = rowAt(p, pointer(0), position, width)
      return { weight, value: (at: Int, mask?: Mask) => p.load({ base: from, index: at }, mask) }
    }
    p.if(
      slot,
      '==',
      last,
      () => fillRow(p, y, width),
      () => {
        const { weight, value } = term()
        p.elements(width, (at, mask) => p.store({ base: y, index: at }, p.mul(weight, value(at, mask)), mask))
        p.increase(slot, 1)
      },
    )
    p.while(slot, '<', last, () => {
      const { weight, value } = term()
      p.elements(width, (at, mask) => {
        const place = { base: y, index: at }
        p.store(place, p.fma(weight, value(at, mask), p.load(place, mask)), mask)
      })
      p.increase(slot, 1)
    })
  })
}

/** args: dy [rows, width], ys [n, width], target [n], weights [n], dys [n, width], dweights [n], width, rows. Item: a slot. */
function combineGrad({ p, begin, end, integer, pointer }: KernelFrame): void {
  const width = integer(6)
  p.range(begin, end, 1, (slot) => {
    const dys = rowAt(p, pointer(4), slot, width)
    const row = int32(p, pointer(2), slot)
    const rows = integer(7)
    p.if(row, '<', 0, () => p.set(row, rows))
    p.if(
      row,
      '>=',
      rows,
      () => {
        fillRow(p, dys, width)
        p.storeScalar({ base: pointer(5), index: slot, scale: 4 }, p.zero(), 4)
      },
      () => {
        const dy = rowAt(p, pointer(0), row, width)
        const ys = rowAt(p, pointer(1), slot, width)
        const weight = p.broadcast({ base: pointer(3), index: slot, scale: 4 })
        const dot = p.zero()
        p.elements(width, (at, mask) => {
          const d = p.load({ base: dy, index: at }, mask)
          p.accumulate(dot, d, p.load({ base: ys, index: at }, mask))
          p.store({ base: dys, index: at }, p.mul(weight, d), mask)
        })
        p.storeScalar({ base: pointer(5), index: slot, scale: 4 }, sumLanes(p, dot), 4)
      },
    )
  })
}

/** Columns of an item: COLUMNS of assembly/reduce.ts. */
const columnBlock = 1024

/**
 * args: x [outer, length, width], out [outer, chunks, width], length, width, chunk, chunks, blocks (of 1024 columns),
 * scale. Item: (outer, chunk, block). A vector of columns after the other, so that the sums stay in registers.
 */
function sumColumnsFloat({ p, begin, end, integer, pointer, float }: KernelFrame): void {
  p.range(begin, end, 1, (item) => {
    const [length, width, chunk, chunks, blocks] = [2, 3, 4, 5, 6].map(integer) as [Int, Int, Int, Int, Int]
    const part = p.quotient(item, blocks)
    const column = p.times(p.minus(item, p.times(part, blocks)), columnBlock)
    const columns = p.smallerThan(p.minus(width, column), columnBlock)
    const outer = p.quotient(part, chunks)
    const first = p.times(p.minus(part, p.times(outer, chunks)), chunk)
    const rows = p.smaller(chunk, p.minus(length, first))
    const out = p.address({ base: rowAt(p, pointer(1), part, width), index: column, scale: 4 })
    const row = p.plus(p.times(outer, length), first)
    const x = p.address({ base: rowAt(p, pointer(0), row, width), index: column, scale: 4 })
    const stride = p.shifted(width, 'left', 2)
    const scale = float(7)
    const sumInto = (at: Int, vectors: number, mask?: Mask) => {
      const from = p.plus(x, at)
      const load = (i: number) => p.load({ base: from, displacement: i * p.width }, mask)
      const sums = Array.from({ length: vectors }, (_, i) => load(i))
      p.range(1, rows, 1, () => {
        p.increase(from, stride)
        for (const [i, sum] of sums.entries()) p.update('add', sum, load(i))
      })
      for (const [i, sum] of sums.entries())
        p.store({ base: out, index: at, displacement: i * p.width }, p.mul(sum, scale), mask)
    }
    const at = p.int(0)
    const left = p.copy(columns)
    for (const vectors of [4, 1]) {
      p.while(left, '>=', vectors * p.lanes, () => {
        sumInto(at, vectors)
        p.increase(at, vectors * p.width)
        p.increase(left, -vectors * p.lanes)
      })
    }
    p.if(left, '>', 0, () => sumInto(at, 1, p.firstLanes(left)))
  })
}

/** args: x [B, T, H, D], y, cos [T, R/2], sin [T, R/2], T, H, D, R, interleaved, inverse. Item: (batch, position). */
function rotaryHalves({ p, begin, end, integer, pointer }: KernelFrame): void {
  const [positions, heads, width, turned] = [4, 5, 6, 7].map(integer) as [Int, Int, Int, Int]
  const half = p.shifted(turned, 'right', 1)
  const sign = p.zero()
  p.if(integer(9), '!=', 0, () => p.assign(sign, p.broadcast(p.bits(0x80000000))))
  p.range(begin, end, 1, (item) => {
    const position = p.minus(item, p.times(p.quotient(item, positions), positions))
    const [cos, sin] = [2, 3].map((i) => rowAt(p, pointer(i), position, half)) as [Int, Int]
    const row = p.times(p.times(item, heads), width)
    const x = p.address({ base: pointer(0), index: row, scale: 4 })
    const y = p.address({ base: pointer(1), index: row, scale: 4 })
    p.range(0, heads, 1, () => {
      turnRow(p, { x, y, cos, sin, half, width, sign })
      for (const at of [x, y]) p.increase(at, p.shifted(width, 'left', 2))
    })
  })
}

interface Turn {
  readonly x: Int
  readonly y: Int
  /** Of the row's position. */
  readonly cos: Int
  readonly sin: Int
  /** Pairs of elements. */
  readonly half: Int
  readonly width: Int
  /** The sign bits of the other way round. */
  readonly sign?: Vector
}

/** y is x, whose element i and element half + i turn by angle i; the rest is copied. */
export function turnRow(p: Program, { x, y, cos, sin, half, width, sign }: Turn): void {
  const [upperX, upperY] = [x, y].map((base) => p.address({ base, index: half, scale: 4 })) as [Int, Int]
  p.elements(half, (at, mask) => {
    const a = p.load({ base: x, index: at }, mask)
    const b = p.load({ base: upperX, index: at }, mask)
    const c = p.load({ base: cos, index: at }, mask)
    const angle = p.load({ base: sin, index: at }, mask)
    const s = sign ? p.three('xor', angle, sign) : angle
    p.store({ base: y, index: at }, p.sub(p.mul(a, c), p.mul(b, s)), mask)
    p.store({ base: upperY, index: at }, p.add(p.mul(b, c), p.mul(a, s)), mask)
  })
  const [restX, restY] = [upperX, upperY].map((base) => p.address({ base, index: half, scale: 4 })) as [Int, Int]
  copyElements(p, restX, restY, p.minus(width, p.plus(half, half)))
}

export function copyElements(p: Program, from: Int, to: Int, count: Int): void {
  p.elements(count, (at, mask) => p.store({ base: to, index: at }, p.load({ base: from, index: at }, mask), mask))
}

export const rowKernels: Readonly<Record<string, Write>> = {
  addSortedFloat,
  combine,
  combineGrad,
  sumColumnsFloat,
  rotaryHalves,
}
