// Packing of operands for AMX, rounded to bfloat16: strips of 16 rows of the left operand, in which each row's 32 steps lie
// side by side, and of 32 columns of the right one, in which each column's two steps do, as tiles are read. Squares of 16
// rows and 32 steps are made of what lies side by side in memory, and transposed in registers if that is the other way
// round. A strip's steps are filled up to a multiple of 32, and its rows to whole strips, with zeros.
import { amxDepth, amxStrips } from './amx-product.ts'
import type { KernelFrame, Write } from './kernel.ts'
import { eachStrips, pairs, type Strips } from './pack.ts'
import type { Int, Mask, Program, Vector } from './program.ts'
import { transpose } from './transpose.ts'

/** Rows of a square; words of a row. */
const side = 16
const lineBytes = 64

/** Of 32 steps of a strip. */
const blockBytes = (width: number) => width * lineBytes

/** A strip of the left operand or of the right one. */
type Width = (typeof amxStrips)['rows' | 'columns']
/** What are neighbours in memory. */
type Neighbours = 'rows' | 'steps'

/** args: records, count of records. Item: a strip. */
function packAmx(frame: KernelFrame): void {
  const { p } = frame
  const words = (depth: Int) => p.shifted(p.shifted(p.plus(depth, amxDepth - 1), 'right', 5), 'left', 4)
  eachStrips(frame, words, (strips, width, count) => {
    for (const size of [amxStrips.rows, amxStrips.columns]) {
      p.if(width, '==', size, () =>
        p.if(
          strips.rowStride,
          '==',
          4,
          () => squares(p, size, 'rows', strips, count),
          () =>
            p.if(
              strips.depthStride,
              '==',
              4,
              () => squares(p, size, 'steps', strips, count),
              () => scattered(p, size, strips),
            ),
        ),
      )
    }
  })
}

interface Square {
  readonly from: Int
  readonly to: Int
  /** To the operand's end. */
  readonly rows: Int
  readonly steps: Int
  readonly rowStride: Int
  readonly depthStride: Int
}

/** Of 32 steps, the squares of all strips; then of the next. */
function squares(p: Program, width: Width, neighbours: Neighbours, strips: Strips, count: Int): void {
  const { rowStride, depthStride, stripBytes } = strips
  const [source, target] = [p.copy(strips.from), p.copy(strips.to)]
  const steps = p.copy(strips.depth)
  p.while(steps, '>', 0, () => {
    const [from, to] = [p.copy(source), p.copy(target)]
    const rows = p.copy(strips.rows)
    p.range(0, count, 1, () => {
      const at = p.copy(to)
      p.range(0, width / side, 1, () => {
        const square: Square = { from, to: at, rows, steps, rowStride, depthStride }
        const isWhole = p.smaller(p.minus(rows, side), p.minus(steps, amxDepth))
        const write = (whole: boolean) => () => writeSquare(p, width, neighbours, square, whole)
        p.if(isWhole, '>=', 0, write(true), write(false))
        p.increase(from, p.times(rowStride, side))
        p.increase(rows, -side)
        p.increase(at, lineBytes)
      })
      p.increase(to, stripBytes)
    })
    p.increase(source, p.times(depthStride, amxDepth))
    p.increase(target, blockBytes(width))
    p.increase(steps, -amxDepth)
  })
}

/** 16 rows and 32 steps, as lines of 16 words: a row's, or those of two steps of all rows. */
function writeSquare(p: Program, width: Width, neighbours: Neighbours, square: Square, whole: boolean): void {
  const wanted: Neighbours = width === amxStrips.rows ? 'steps' : 'rows'
  const lineStride = width === amxStrips.rows ? lineBytes : (width / side) * lineBytes
  const line = (neighbours === 'rows' ? linesOfRows : linesOfSteps)(p, square, whole)
  const store = (x: Vector, i: number) => p.store({ base: square.to, displacement: i * lineStride }, x)
  const indices = Array.from({ length: side }, (_, i) => i)
  if (wanted === neighbours) for (const i of indices) store(line(i), i)
  else for (const [i, x] of transpose(p, indices.map(line)).entries()) store(x, i)
}

/** Line i is row i's. Lines are asked for in order. */
function linesOfSteps(p: Program, { from, rows, steps, rowStride }: Square, whole: boolean): (i: number) => Vector {
  const at = p.copy(from)
  const masks = whole ? [] : [p.firstLanesOf(steps), p.firstLanesOf(p.minus(steps, p.lanes))]
  const read = () => {
    const [low, high] = [0, 1].map((i) => p.load({ base: at, displacement: i * p.width }, masks[i]))
    return p.three('toBfloat16', high!, low!)
  }
  return (i) => {
    if (whole) {
      const line = read()
      p.increase(at, rowStride)
      return line
    }
    const line = p.zero()
    p.if(rows, '>', i, () => p.assign(line, read()))
    p.increase(at, rowStride)
    return line
  }
}

/** Line i is that of steps 2i and 2i + 1. Lines are asked for in order. */
function linesOfRows(p: Program, { from, rows, steps, depthStride }: Square, whole: boolean): (i: number) => Vector {
  const at = p.copy(from)
  const present = whole ? undefined : p.firstLanesOf(rows)
  const read = (step: number): Vector => {
    if (whole) return p.load({ base: at })
    const line = p.zero()
    p.if(steps, '>', step, () => p.loadInto(line, { base: at }, present as Mask))
    return line
  }
  return (i) => {
    const [first, second] = [0, 1].map((j) => {
      const line = read(2 * i + j)
      p.increase(at, depthStride)
      return line
    })
    return pairs(p, first!, second!)
  }
}

/** Neither are neighbours: two numbers at a time. */
function scattered(p: Program, width: Width, { from, to, rows, depth, rowStride, depthStride }: Strips): void {
  const isLeft = width === amxStrips.rows
  const one = p.firstLanes(p.int(1))
  const [source, target] = [p.copy(from), p.copy(to)]
  const step = p.int(0)
  p.while(step, '<', depth, () => {
    const block = p.copy(target)
    p.range(0, side, 1, () => {
      const [at, place] = [p.copy(source), p.copy(block)]
      p.range(0, width, 1, (row) => {
        const [first, second] = [0, 1].map((j) => {
          const value = p.zero()
          p.if(row, '<', rows, () =>
            p.if(p.minus(depth, step), '>', j, () =>
              p.loadInto(value, j === 0 ? { base: at } : { base: at, index: depthStride }, one),
            ),
          )
          return value
        })
        p.store({ base: place }, pairs(p, first!, second!), one)
        p.increase(at, rowStride)
        p.increase(place, isLeft ? lineBytes : 4)
      })
      p.increase(source, p.plus(depthStride, depthStride))
      p.increase(block, isLeft ? 4 : 4 * width)
      p.increase(step, 2)
    })
    p.increase(target, blockBytes(width))
  })
}

export const packAmxKernels: Readonly<Record<string, Write>> = { packStripsAmx: packAmx }
