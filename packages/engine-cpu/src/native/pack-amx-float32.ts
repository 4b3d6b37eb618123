// Packing of float32 for AMX, as high, middle and low parts of bfloat16: strips like those of pack-amx.ts, in which the three
// parts of 32 steps follow one another, and steps j and 16 + j, j < 16, make a pair. Squares of 16 rows and 32 steps are read
// where they lie; those that are not whole, or of which nothing lies side by side, are copied first.
import { amxDepth, amxStrips } from './amx-product.ts'
import type { Int, Place, Program, Vector } from './program.ts'
import { transposeColumns } from './transpose.ts'

/** Rows of a square, and lanes of a vector: half of its steps. */
const side = 16
const lineBytes = 64

/** Of the copy of a square. */
export const squareBytes = 4 * side * amxDepth

/** Rows of an operand that are packed, from their first step on. */
export interface Rows {
  readonly from: Int
  readonly to: Int
  readonly rows: Int
  readonly steps: Int
  /** Bytes. */
  readonly rowStride: Int
  readonly stepStride: Int
  readonly stripBytes: Int
  /** Room for the copy of a square. */
  readonly copy: Int
  /** Of each strip a word, which becomes other than 0 where a number is infinite, NaN or too large for AMX. */
  readonly odd: Int
}

/** From here on numbers are too large: there is enough below for a product with what parts that are subnormal leave out. */
const tooLarge = 2 ** 62

/** A strip of the left operand or of the right one. */
type Width = (typeof amxStrips)['rows' | 'columns']
/** What are neighbours in memory. */
type Neighbours = 'rows' | 'steps' | 'none'

/** Packs rows as strips that follow one another; the last one's rows, and steps, are filled up with zeros. */
export function packFloat32(p: Program, width: Width, rows: Rows): void {
  const { rowStride, stepStride } = rows
  const pack = (neighbours: Neighbours) => () => packStrips(p, width, neighbours, rows)
  p.if(rowStride, '==', 4, pack('rows'), () => p.if(stepStride, '==', 4, pack('steps'), pack('none')))
}

/** Along what lies side by side: of 32 steps the squares of all strips, or of a strip all its steps. */
function packStrips(p: Program, width: Width, neighbours: Neighbours, all: Rows): void {
  const { from, to, rows, steps, rowStride, stepStride, stripBytes } = all
  const eachStep = (at: Int, target: Int, visit: (at: Int, target: Int, stepsLeft: Int) => void) => {
    const [source, block, stepsLeft] = [p.copy(at), p.copy(target), p.copy(steps)]
    p.while(stepsLeft, '>', 0, () => {
      visit(source, block, stepsLeft)
      p.increase(source, p.times(stepStride, amxDepth))
      p.increase(block, 3 * width * lineBytes)
      p.increase(stepsLeft, -amxDepth)
    })
  }
  const eachStrip = (at: Int, target: Int, visit: (at: Int, target: Int, rowsLeft: Int, odd: Int) => void) => {
    const [source, strip, rowsLeft, odd] = [p.copy(at), p.copy(target), p.copy(rows), p.copy(all.odd)]
    p.while(rowsLeft, '>', 0, () => {
      visit(source, strip, rowsLeft, odd)
      p.increase(odd, 4)
      p.increase(source, p.times(rowStride, width))
      p.increase(strip, stripBytes)
      p.increase(rowsLeft, -width)
    })
  }
  /** The squares of a strip's 32 steps. */
  const pack = (at: Int, target: Int, rowsOfStrip: Int, stepsLeft: Int, odd: Int) => {
    const [source, lines, rowsLeft] = [p.copy(at), p.copy(target), p.copy(rowsOfStrip)]
    p.range(0, width / side, 1, () => {
      packSquare(p, width, neighbours, { ...all, from: source, to: lines, rows: rowsLeft, steps: stepsLeft, odd })
      p.increase(source, p.times(rowStride, side))
      p.increase(lines, lineBytes)
      p.increase(rowsLeft, -side)
    })
  }
  if (neighbours === 'rows')
    eachStep(from, to, (at, block, stepsLeft) =>
      eachStrip(at, block, (source, target, rowsLeft, odd) => pack(source, target, rowsLeft, stepsLeft, odd)),
    )
  else
    eachStrip(from, to, (at, strip, rowsLeft, odd) =>
      eachStep(at, strip, (source, target, stepsLeft) => pack(source, target, rowsLeft, stepsLeft, odd)),
    )
}

/** Where the vectors of a square lie: the first, what is between them, and between the halves of its steps. */
interface Square {
  readonly at: Int
  readonly stride: Int
  readonly half: Int
  /** Bytes from there to what is packed some squares later, which is asked for. */
  readonly ahead: number
}

const squaresAhead = 2

function packSquare(p: Program, width: Width, neighbours: Neighbours, given: Rows): void {
  const { from, rows, steps, rowStride, stepStride, copy } = given
  const asRows = neighbours === 'rows'
  const square: Square = {
    at: p.copy(from),
    stride: p.copy(asRows ? stepStride : rowStride),
    half: asRows ? p.times(stepStride, side) : p.int(lineBytes),
    ahead: squaresAhead * (asRows ? 1 : 2) * lineBytes,
  }
  const readCopy = () => {
    p.set(square.at, copy)
    p.set(square.stride, asRows ? lineBytes : 2 * lineBytes)
    p.set(square.half, asRows ? side * lineBytes : lineBytes)
  }
  if (neighbours === 'none') {
    copyNumbers(p, given)
    readCopy()
  } else
    p.if(p.smaller(p.minus(rows, side), p.minus(steps, amxDepth)), '<', 0, () => {
      copyVectors(p, neighbours, given)
      readCopy()
    })
  const lineStride = width === amxStrips.rows ? lineBytes : (width / side) * lineBytes
  // A line of the left operand is a row's steps, of the right one a step of all rows.
  const isAcross = (width === amxStrips.columns) === asRows
  const eachLine = isAcross ? eachVector : eachTransposed
  const scaled = p.zero()
  const scale = p.constant(2 ** 128 / tooLarge)
  eachLine(p, square, (i, x, y) => {
    for (const each of [x, y]) p.accumulate(scaled, each, scale)
    const [lower, upper] = [partsOf(p, x), partsOf(p, y)]
    for (const [part, word] of pairs(p, lower, upper).entries())
      p.store({ base: given.to, displacement: part * width * lineBytes + i * lineStride }, word)
  })
  // Times zero: NaN of what is not finite.
  const zeros = p.mul(scaled, p.constant(0))
  const found = p.maskBits(p.compare(zeros, 'unordered', zeros))
  p.storeInt({ base: given.odd }, p.larger(p.loadInt({ base: given.odd }, 'int32'), found), 4)
}

/** Visits vector i of both halves. */
type EachLine = (p: Program, square: Square, visit: (i: number, x: Vector, y: Vector) => void) => void

const eachVector: EachLine = (p, { at, stride, half, ahead }, visit) => {
  const [low, high] = [p.copy(at), p.plus(at, half)]
  for (let i = 0; i < side; i++) {
    for (const base of [low, high]) p.prefetch({ base, displacement: ahead })
    visit(i, p.load({ base: low }), p.load({ base: high }))
    p.increase(low, stride)
    p.increase(high, stride)
  }
}

const eachTransposed: EachLine = (p, { at, stride, half, ahead }, visit) => {
  const three = p.plus(stride, p.plus(stride, stride))
  const rowsFrom = (first: Int): Place[] => {
    const bases = [p.copy(first)]
    for (let i = 1; i < side / 4; i++) bases.push(p.plus(bases[i - 1]!, p.plus(three, stride)))
    return bases.flatMap((base) => [
      { base },
      { base, index: stride },
      { base, index: stride, scale: 2 as const },
      { base, index: three },
    ])
  }
  const halves = [rowsFrom(at), rowsFrom(p.plus(at, half))]
  for (const place of halves.flat()) p.prefetch({ ...place, displacement: ahead })
  for (let first = 0; first < side; first += 4) {
    const [low, high] = halves.map((rows) => transposeColumns(p, rows, first)) as [Vector[], Vector[]]
    for (const [i, x] of low.entries()) visit(first + i, x, high[i]!)
  }
}

/** The high, middle and low part of a number, which bfloat16 has exactly: the nearest, ties away from zero, and so on. */
function partsOf(p: Program, x: Vector): [high: Vector, middle: Vector, low: Vector] {
  const nearest = (y: Vector) => p.three('and', p.three('addInt', y, p.bits(0x8000)), p.bits(0xffff0000))
  const high = nearest(x)
  const rest = p.sub(x, high)
  const middle = nearest(rest)
  return [high, middle, p.sub(rest, middle)]
}

/** In every lane a number of `lower`, and above it one of `upper`; part by part. */
const pairs = (p: Program, lower: readonly Vector[], upper: readonly Vector[]): Vector[] =>
  lower.map((x, part) => {
    // The low part of a very small number is subnormal, and has digits below those of bfloat16.
    const above = part === 2 ? p.three('and', upper[part]!, p.bits(0xffff0000)) : upper[part]!
    return p.three('or', p.shift(x, 'right', 16), above)
  })

/** Copies what a square has, vector by vector, and zeros for the rest. */
function copyVectors(p: Program, neighbours: 'rows' | 'steps', { from, rows, steps, ...more }: Rows): void {
  const { rowStride, stepStride, copy } = more
  const [at, to] = [p.copy(from), p.copy(copy)]
  const asRows = neighbours === 'rows'
  const [vectors, lanes] = asRows ? [steps, rows] : [rows, steps]
  const parts = (asRows ? [0] : [0, 1]).map((i) => ({
    displacement: i * lineBytes,
    mask: p.firstLanesOf(p.minus(lanes, side * i)),
  }))
  p.range(0, asRows ? amxDepth : side, 1, (i) => {
    for (const { displacement, mask } of parts) {
      const x = p.zero()
      p.if(vectors, '>', i, () => p.loadInto(x, { base: at, displacement }, mask))
      p.store({ base: to, displacement }, x)
    }
    p.increase(at, asRows ? stepStride : rowStride)
    p.increase(to, parts.length * lineBytes)
  })
}

/** The same number by number, as rows. */
function copyNumbers(p: Program, { from, rows, steps, rowStride, stepStride, copy }: Rows): void {
  const [row, to] = [p.copy(from), p.copy(copy)]
  p.range(0, side, 1, (i) => {
    const at = p.copy(row)
    p.range(0, amxDepth, 1, (j) => {
      const x = p.zero()
      p.if(rows, '>', i, () => p.if(steps, '>', j, () => p.assign(x, p.loadScalar({ base: at }, 4))))
      p.storeScalar({ base: to }, x, 4)
      p.increase(at, stepStride)
      p.increase(to, 4)
    })
    p.increase(row, rowStride)
  })
}
