// Products of bfloat16 by AMX, or of float32 in three parts (amx-float32.ts): sums of 32 × 32 in four tiles of 16 × 16, 32
// steps of the depth at a time. What is packed for it (pack-amx.ts) has no partial steps and no partial rows, so that tiles
// have one shape for a whole call; a block at the result's edge is stored beside it, and what is in the result is copied.
//
// An instruction (tdpbf16ps) makes two sums of 16 products, of even and of odd steps, from zero, each product and sum
// rounded once, then adds both and adds that to what there was; to the nearest, and subnormals, read or made, are zeros.
import type { KernelFrame } from './kernel.ts'
import type { Tile } from './product.ts'
import type { Int, Program } from './program.ts'

/** Rows and columns of a tile of sums, and its bytes from row to row. */
const side = 16
const tileRowBytes = 64
const tileBytes = side * tileRowBytes

/** Of what is packed: see pack-amx.ts. */
export const amxStrips = { rows: side, columns: 2 * side } as const
/** Rows and columns of a block of sums. */
const blockSide = 2 * side

/** Steps are packed in multiples of this. */
export const amxDepth = 32
/** Words that a row's 32 steps take, of one part. */
const wordsOfDepth = 16

/** Numbers of bfloat16 that a number is packed as. */
export type Parts = 1 | 3
/** Which parts of the left and of the right operand are multiplied, the largest last; one of both is always that of before. */
const products: Readonly<Record<Parts, readonly (readonly [left: number, right: number])[]>> = {
  1: [[0, 0]],
  3: [
    [2, 0],
    [1, 0],
    [1, 1],
    [0, 1],
    [0, 2],
    [0, 0],
  ],
}

/** Shapes of the tiles, and a block of sums. */
export const configurationBytes = 64
const blockRowBytes = 2 * tileRowBytes
/** Of the work area, a thread. */
export const amxWorkBytes = configurationBytes + 2 * side * blockRowBytes

/** Gives all tiles their shape, which they keep until they are released. Returns where a block of sums has room. */
export function configureAmx({ p }: KernelFrame, work: Int): Int {
  // Palette 1; then of eight tiles the bytes of a row, 16 bits each; then, from byte 48, their rows, 8 bits each.
  const words = [1, 0, 0, 0, ...four(0x400040), 0, 0, 0, 0, 0x10101010, 0x10101010, 0, 0]
  for (const [i, value] of words.entries()) p.storeInt({ base: work, displacement: 4 * i }, p.int(value), 4)
  p.configureTiles({ base: work })
  return p.plus(work, configurationBytes)
}

const four = (value: number) => Array.from({ length: 4 }, () => value)

/** A packed tile of the result: strips of columns, and for each of them two strips of rows at a time. */
export interface AmxTile extends Pick<Tile, 'left' | 'right' | 'result' | 'rows' | 'columns' | 'stride'> {
  readonly leftStrip: Int
  readonly rightStrip: Int
  /** Of a strip's row. */
  readonly words: Int
  readonly parts: Parts
  /** Passes before this one, where there may be some: sums then go on from the result. */
  readonly done?: Int
  readonly work: Int
}

export function multiplyByAmx(p: Program, tile: AmxTile): void {
  const { left, right, result, rows, columns, leftStrip, rightStrip } = tile
  const b = p.copy(right)
  const c = p.copy(result)
  const columnsLeft = p.copy(columns)
  p.while(columnsLeft, '>', 0, () => {
    const a = p.copy(left)
    const to = p.copy(c)
    const rowsLeft = p.copy(rows)
    p.while(rowsLeft, '>', 0, () => {
      const block = (down: Tiles, across: Tiles) => () =>
        multiplyBlock(p, { ...tile, a, b, c: to, rowsLeft, columnsLeft, down, across })
      const blocks = (down: Tiles) => () => p.if(columnsLeft, '>', side, block(down, 2), block(down, 1))
      p.if(rowsLeft, '>', side, blocks(2), blocks(1))
      p.increase(a, p.plus(leftStrip, leftStrip))
      p.increase(to, p.times(tile.stride, blockSide))
      p.increase(rowsLeft, -blockSide)
    })
    p.increase(c, 4 * blockSide)
    p.increase(b, rightStrip)
    p.increase(columnsLeft, -blockSide)
  })
}

type Tiles = 1 | 2

interface Block extends Pick<AmxTile, 'words' | 'parts' | 'done' | 'stride' | 'leftStrip' | 'work'> {
  readonly a: Int
  readonly b: Int
  readonly c: Int
  /** Of the result, from here on. */
  readonly rowsLeft: Int
  readonly columnsLeft: Int
  /** Tiles of the block. */
  readonly down: Tiles
  readonly across: Tiles
}

/** Which tile is what: sums from 0, two of the left operand from 4, two of the right one from 6. */
const sums = ({ down, across }: Pick<Block, 'down' | 'across'>) =>
  Array.from({ length: down * across }, (_, i) => {
    const [row, column] = [Math.floor(i / across), i % across]
    return { sum: 2 * row + column, row, column, left: 4 + row, right: 6 + column }
  })

function multiplyBlock(p: Program, block: Block): void {
  const { a, b, c, rowsLeft, columnsLeft, words, parts, done, stride, leftStrip, work, down, across } = block
  const tiles = sums(block)
  const [leftRow, rightRow] = [p.int(tileRowBytes), p.int(blockRowBytes)]
  const lefts = Array.from({ length: down }, (_, row) => (row === 0 ? p.copy(a) : p.plus(a, leftStrip)))
  const from = p.copy(b)
  const isWhole = p.smaller(p.minus(rowsLeft, side * down), p.minus(columnsLeft, side * across))
  const eachSum = (base: Int, row: Int, visit: (sum: number, place: { base: Int; displacement: number }) => void) => {
    const lower = p.plus(base, p.times(row, side))
    for (const { sum, row: half, column } of tiles)
      visit(sum, { base: half === 0 ? base : lower, displacement: tileRowBytes * column })
  }
  const zero = () => {
    for (const { sum } of tiles) p.zeroTile(sum)
  }
  const load = (base: Int, row: Int) => eachSum(base, row, (sum, place) => p.loadTile(sum, place, row))
  const goOn = () =>
    p.if(
      isWhole,
      '>=',
      0,
      () => load(c, stride),
      () => {
        copyBlock(p, block, 'from the result')
        load(work, rightRow)
      },
    )
  if (done) p.if(done, '>', 0, goOn, zero)
  else zero()
  // The result's lines are asked for some rows a step: all at once would be in the way of what is read, and without
  // that the stores at the end would wait. Behind the block lie those that follow.
  const line = p.copy(c)
  p.range(0, words, parts * wordsOfDepth, () => {
    for (let row = 0; row < 2 * parts; row++) {
      for (let i = 0; i < across; i++) p.prefetchToWrite({ base: line, displacement: tileRowBytes * i })
      p.increase(line, stride)
    }
    for (const [i, [leftPart, rightPart]] of products[parts].entries()) {
      const [leftBefore, rightBefore] = products[parts][i - 1] ?? []
      const [leftNext, rightNext] = products[parts][i + 1] ?? []
      for (const { sum, row, column, left, right } of tiles) {
        const inRight = rightPart * 2 * tileBytes + tileRowBytes * column
        if (column === 0 && leftPart !== leftBefore)
          p.loadTile(left, { base: lefts[row]!, displacement: leftPart * tileBytes }, leftRow, true)
        if (row === 0 && rightPart !== rightBefore) p.loadTile(right, { base: from, displacement: inRight }, rightRow)
        p.multiplyTiles(sum, left, right)
        // A tile that holds something takes one of the few places for what is being loaded and multiplied.
        if (column === across - 1 && leftPart !== leftNext) p.zeroTile(left)
        if (row === down - 1 && rightPart !== rightNext) p.zeroTile(right)
      }
    }
    for (const left of lefts) p.increase(left, parts * tileBytes)
    p.increase(from, parts * 2 * tileBytes)
  })
  const store = (base: Int, row: Int) => eachSum(base, row, (sum, place) => p.storeTile(sum, place, row))
  p.if(
    isWhole,
    '>=',
    0,
    () => store(c, stride),
    () => {
      store(work, rightRow)
      copyBlock(p, block, 'to the result')
    },
  )
}

/** Copies what the result has of a block of sums. */
function copyBlock(
  p: Program,
  { c, rowsLeft, columnsLeft, stride, work, down, across }: Block,
  way: 'to the result' | 'from the result',
): void {
  const [inWork, inResult] = [p.copy(work), p.copy(c)]
  const [from, to] = way === 'to the result' ? [inWork, inResult] : [inResult, inWork]
  const masks = Array.from({ length: across }, (_, i) => p.firstLanesOf(p.minus(columnsLeft, side * i)))
  p.range(0, p.smallerThan(rowsLeft, side * down), 1, () => {
    for (const [i, mask] of masks.entries()) {
      const displacement = tileRowBytes * i
      p.store({ base: to, displacement }, p.load({ base: from, displacement }, mask), mask)
    }
    p.increase(inWork, blockRowBytes)
    p.increase(inResult, stride)
  })
}
