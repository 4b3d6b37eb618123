// Products of float32 by AMX. A number is the sum of three of bfloat16, high + middle + low, of which each has 8 of its 24
// digits, and a product that of the parts' products; those of middle and low, and of low and low, are below 2⁻²⁶ of it and
// left out. The six others take less than half of the time that AVX-512 takes, and far fewer sums are rounded: the error is
// smaller. Subnormal parts are zeros, so that a number below 2⁻¹⁰² loses digits.
//
// A thread packs what its tile needs in the cache, some steps of the depth at a time. What is infinite has no parts, and what
// is very large may make much of a part that was left out: sums of strips with such numbers are computed once more, as the
// chains of fused multiply-adds that other kernels compute. Which ones they are does not depend on the tile.
import { amxDepth, amxStrips, amxWorkBytes, multiplyByAmx } from './amx-product.ts'
import { packFloat32, squareBytes } from './pack-amx-float32.ts'
import type { Tile } from './product.ts'
import type { Int, Place, Program } from './program.ts'

const parts = 3
/** Steps that are packed and multiplied at a time. */
const depthOfPass = 256
/** Words of a row of a strip. */
const wordsOfPass = (depthOfPass / 2) * parts

/** A word for each strip of an operand that has odd numbers: of tiles with up to so many. */
const oddBytes = 4 * 32

/** A thread's work area, for tiles up to this size, is so much and so much for each of their rows and columns. */
export const amxFloat32Work = { bytes: amxWorkBytes + squareBytes + 2 * oddBytes, perLine: 4 * wordsOfPass } as const

interface Float32Tile extends Omit<Tile, 'rightStrip'> {
  /** Bytes from column to column. */
  readonly rightColumn: Int
  /** For a block. */
  readonly work: Int
}

/** What a thread has packed of the tile before: of which product, and from which row of the left operand on. */
export interface Kept {
  readonly record: Int
  readonly row: Int
}

/** 1 if the left operand of this tile is packed, of one pass, else 0; now it is that of this tile. */
function keep(p: Program, { record, row }: Kept, kept: Kept, depth: Int): Int {
  const isKept = p.int(0)
  p.if(record, '==', kept.record, () =>
    p.if(row, '==', kept.row, () => p.if(depth, '<=', depthOfPass, () => p.set(isKept, 1))),
  )
  p.set(kept.record, record)
  p.set(kept.row, row)
  return isKept
}

/**
 * A tile of the result, of operands where they lie.
 * @param room for what is packed
 */
export function multiplyFloat32ByAmx(p: Program, tile: Float32Tile, room: Int, of: Kept, kept: Kept): void {
  const { left, right, result, rows, columns, depth, stride, leftRow, leftStep, rightStep, rightColumn, work } = tile
  const oddLeft = p.plus(room, squareBytes)
  const oddRight = p.plus(oddLeft, oddBytes)
  const packedLeft = p.plus(oddRight, oddBytes)
  const isKept = keep(p, of, kept, depth)
  const clear = (odd: Int) => {
    for (let at = 0; at < oddBytes; at += p.width) p.store({ base: odd, displacement: at }, p.zero())
  }
  p.if(isKept, '==', 0, () => clear(oddLeft))
  clear(oddRight)
  const [fromLeft, fromRight, stepsLeft, done] = [p.copy(left), p.copy(right), p.copy(depth), p.int(0)]
  p.while(stepsLeft, '>', 0, () => {
    const steps = p.smallerThan(stepsLeft, depthOfPass)
    const words = p.times(p.shifted(p.plus(steps, amxDepth - 1), 'right', 5), (parts * amxDepth) / 2)
    const leftStrip = p.times(words, 4 * amxStrips.rows)
    const rightStrip = p.times(words, 4 * amxStrips.columns)
    const strips = p.quotient(p.plus(rows, amxStrips.rows - 1), p.int(amxStrips.rows))
    const packedRight = p.plus(packedLeft, p.times(strips, leftStrip))
    const both = { steps, copy: room } as const
    const ofLeft = { from: fromLeft, to: packedLeft, rows, rowStride: leftRow, stepStride: leftStep }
    const ofRight = { from: fromRight, to: packedRight, rows: columns, rowStride: rightColumn, stepStride: rightStep }
    p.if(isKept, '==', 0, () =>
      packFloat32(p, amxStrips.rows, { ...both, ...ofLeft, stripBytes: leftStrip, odd: oddLeft }),
    )
    packFloat32(p, amxStrips.columns, { ...both, ...ofRight, stripBytes: rightStrip, odd: oddRight })
    const packed = { left: packedLeft, right: packedRight, leftStrip, rightStrip, words, parts, done } as const
    multiplyByAmx(p, { ...packed, result, rows, columns, stride, work })
    p.increase(fromLeft, p.times(leftStep, depthOfPass))
    p.increase(fromRight, p.times(rightStep, depthOfPass))
    p.increase(stepsLeft, -depthOfPass)
    p.increase(done, 1)
  })
  repair(p, tile, oddLeft, oddRight)
}

/** Computes those parts of a tile anew, element by element, whose strips have odd numbers. */
function repair(p: Program, tile: Float32Tile, oddLeft: Int, oddRight: Int): void {
  const { left, right, result, rows, columns, stride, leftRow, rightColumn } = tile
  const [ofRows, row, to, rowsLeft] = [p.copy(oddLeft), p.copy(left), p.copy(result), p.copy(rows)]
  p.while(rowsLeft, '>', 0, () => {
    const oddRows = p.loadInt({ base: ofRows }, 'int32')
    const [ofColumns, column, at, columnsLeft] = [p.copy(oddRight), p.copy(right), p.copy(to), p.copy(columns)]
    p.while(columnsLeft, '>', 0, () => {
      p.if(p.plus(oddRows, p.loadInt({ base: ofColumns }, 'int32')), '!=', 0, () =>
        multiplyChains(p, tile, {
          left: row,
          right: column,
          result: at,
          rows: p.smallerThan(rowsLeft, amxStrips.rows),
          columns: p.smallerThan(columnsLeft, amxStrips.columns),
        }),
      )
      p.increase(ofColumns, 4)
      p.increase(column, p.times(rightColumn, amxStrips.columns))
      p.increase(at, 4 * amxStrips.columns)
      p.increase(columnsLeft, -amxStrips.columns)
    })
    p.increase(ofRows, 4)
    p.increase(row, p.times(leftRow, amxStrips.rows))
    p.increase(to, p.times(stride, amxStrips.rows))
    p.increase(rowsLeft, -amxStrips.rows)
  })
}

/** Chains of fused multiply-adds in ascending order of the depth, as all other kernels have them. */
function multiplyChains(
  p: Program,
  { depth, stride, leftRow, leftStep, rightStep, rightColumn }: Float32Tile,
  { left, right, result, rows, columns }: Pick<Float32Tile, 'left' | 'right' | 'result' | 'rows' | 'columns'>,
): void {
  const [row, to] = [p.copy(left), p.copy(result)]
  const three = p.plus(rightColumn, p.plus(rightColumn, rightColumn))
  /** Some columns at a time, which do not wait for one another. */
  const chains = (column: Int, at: Int, count: 1 | 4) => {
    const [a, b] = [p.copy(row), p.copy(column)]
    const sums = Array.from({ length: count }, () => p.zero())
    const places: Place[] = [{ base: b }, { base: b, index: rightColumn }, { base: b, index: rightColumn, scale: 2 }]
    places.push({ base: b, index: three })
    p.range(0, depth, 1, () => {
      const x = p.loadScalar({ base: a }, 4)
      for (const [i, sum] of sums.entries()) p.accumulate(sum, x, p.loadScalar(places[i]!, 4))
      p.increase(a, leftStep)
      p.increase(b, rightStep)
    })
    for (const [i, sum] of sums.entries()) p.storeScalar({ base: at, displacement: 4 * i }, sum, 4)
  }
  p.range(0, rows, 1, () => {
    const [column, at, columnsLeft] = [p.copy(right), p.copy(to), p.copy(columns)]
    const each = (count: 1 | 4) =>
      p.while(columnsLeft, '>=', count, () => {
        chains(column, at, count)
        p.increase(column, p.times(rightColumn, count))
        p.increase(at, 4 * count)
        p.increase(columnsLeft, -count)
      })
    each(4)
    each(1)
    p.increase(row, leftRow)
    p.increase(to, stride)
  })
}
