// Products of packed strips: the twin of `multiplyTiles` in assembly/matmul.ts. A tile of the result is cut into blocks
// of 14 × 32 (AVX-512) or 6 × 16 (AVX2), whose sums stay in registers: two registers for the right operand's step,
// one or two for the left's numbers. Each element is the same chain of fused multiply-adds in ascending order of the depth as
// WebAssembly computes. With bfloat16 a step of the packed strips is a pair of numbers of each row (avx512_bf16).
import type { InstructionSet } from './assembler.ts'
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Mask, Program, Vector } from './program.ts'
import { findRecord } from './records.ts'
import { expm1, sigmoid } from './vector-math.ts'

/** Rows of a strip of the left operand, columns of one of the right operand. */
export const stripShape: Record<InstructionSet, { readonly rows: number; readonly columns: number }> = {
  avx2: { rows: 6, columns: 16 },
  avx512: { rows: 14, columns: 32 },
}

/** DEPTH of assembly/matmul.ts: 32 KiB of the right operand stay in the first-level cache. */
const depthOfPass = 256

/** Words of a record: see assembly/matmul.ts. */
const word = { left: 0, right: 1, result: 2, m: 3, n: 4, k: 5, first: 6, tilesN: 7, resultRow: 8, bias: 9 } as const

/** args: records, count of records, tileM, tileN, activation, its parameter. Item: a tile. */
export const multiplyTiles =
  (dot: 'fma231' | 'dotBfloat16'): Write =>
  (frame) => {
    const { p, begin, end, memory } = frame
    p.range(begin, end, 1, (item) => {
      const record = findRecord(frame, item, 16, word.first)
      const field = (name: keyof typeof word) => p.loadInt({ base: record, displacement: 4 * word[name] }, 'int32')
      const address = (name: 'left' | 'right' | 'result') =>
        p.plus(p.loadUnsigned({ base: record, displacement: 4 * word[name] }), memory)
      const tile = p.minus(item, field('first'))
      const tilesN = field('tilesN')
      const tileRow = p.quotient(tile, tilesN)
      const column = p.times(p.minus(tile, p.times(tileRow, tilesN)), frame.integer(3))
      const row = p.times(tileRow, frame.integer(2))
      const rows = p.smaller(frame.integer(2), p.minus(field('m'), row))
      const columns = p.smaller(frame.integer(3), p.minus(field('n'), column))
      const depth = field('k')
      const stride = p.shifted(field('resultRow'), 'left', 2)
      const left = p.address({ base: address('left'), index: p.times(row, depth), scale: 4 })
      const right = p.address({ base: address('right'), index: p.times(column, depth), scale: 4 })
      const result = p.plus(p.address({ base: address('result'), index: column, scale: 4 }), p.times(row, stride))
      multiplyTile(p, dot, { left, right, result, rows, columns, depth, stride })
      finishTile(frame, record, { result, rows, columns, stride, column })
    })
  }

interface Tile {
  readonly left: Int
  readonly right: Int
  readonly result: Int
  readonly rows: Int
  readonly columns: Int
  /** Steps. */
  readonly depth: Int
  /** Bytes from row to row of the result. */
  readonly stride: Int
}

function multiplyTile(p: Program, dot: 'fma231' | 'dotBfloat16', tile: Tile): void {
  const { rows: stripRows, columns: stripColumns } = stripShape[p.instructionSet]
  const { left, right, result, rows, columns, depth, stride } = tile
  const done = p.int(0)
  p.while(done, '<', depth, () => {
    const steps = p.minus(depth, done)
    p.if(steps, '>', depthOfPass, () => p.set(steps, depthOfPass))
    const b = p.plus(right, p.times(done, 4 * stripColumns))
    const c = p.copy(result)
    const columnsLeft = p.copy(columns)
    p.while(columnsLeft, '>', 0, () => {
      const masks = () => [p.firstLanesOf(columnsLeft), p.firstLanesOf(p.minus(columnsLeft, p.lanes))] as const
      // With AVX2 masks are vectors, for which there is no room while the sums are made.
      const kept = p.lanes === 16 ? masks() : undefined
      const a = p.plus(left, p.times(done, 4 * stripRows))
      const to = p.copy(c)
      const rowsLeft = p.copy(rows)
      const block = (count: number) =>
        strip(p, dot, count, { a, b, c: to, steps, stride, done, masks: () => kept ?? masks() })
      p.while(rowsLeft, '>=', stripRows, () => {
        block(stripRows)
        p.increase(a, p.times(depth, 4 * stripRows))
        p.increase(rowsLeft, -stripRows)
      })
      for (let count = 1; count < stripRows; count++) p.if(rowsLeft, '==', count, () => block(count))
      p.increase(c, 4 * stripColumns)
      p.increase(b, p.times(depth, 4 * stripColumns))
      p.increase(columnsLeft, -stripColumns)
    })
    p.increase(done, depthOfPass)
  })
}

interface Block {
  readonly a: Int
  readonly b: Int
  /** Moves on to the row after the block. */
  readonly c: Int
  readonly steps: Int
  readonly stride: Int
  /** Steps that were done before: where there are any, sums go on from the result. */
  readonly done: Int
  readonly masks: () => readonly [low: Mask, high: Mask]
}

/** `count` rows of a strip of the left operand times one strip of the right one. */
function strip(p: Program, dot: 'fma231' | 'dotBfloat16', count: number, block: Block): void {
  const { a, b, c, steps, stride, done, masks } = block
  const sums = Array.from({ length: count }, () => [p.zero(), p.zero()] as const)
  const eachRow = (visit: (at: Int, sums: readonly [Vector, Vector]) => void) => {
    const at = p.copy(c)
    for (const pair of sums) {
      visit(at, pair)
      p.increase(at, stride)
    }
    return at
  }
  p.if(done, '>', 0, () => {
    const [low, high] = masks()
    eachRow((at, [first, second]) => {
      p.loadInto(first, { base: at }, low)
      p.loadInto(second, { base: at, displacement: p.width }, high)
    })
  })
  const { rows, columns } = stripShape[p.instructionSet]
  const [from, of, left] = [p.copy(a), p.copy(b), p.copy(steps)]
  p.while(left, '>', 0, () => {
    const [first, second] = [p.load({ base: of }), p.load({ base: of, displacement: p.width })]
    for (const [row, pair] of sums.entries()) {
      const value = p.broadcast({ base: from, displacement: 4 * row })
      p.accumulate(pair[0], value, first, dot)
      p.accumulate(pair[1], value, second, dot)
    }
    p.increase(from, 4 * rows)
    p.increase(of, 4 * columns)
    p.increase(left, -1)
  })
  const [low, high] = masks()
  const after = eachRow((at, [first, second]) => {
    p.store({ base: at }, first, low)
    p.store({ base: at, displacement: p.width }, second, high)
  })
  p.set(c, after)
}

/** Bias and activation of a tile that is multiplied: 1 relu, 2 relu6, 3 leakyrelu, 4 sigmoid, 5 elu. */
function finishTile(
  { p, memory, integer, float }: KernelFrame,
  record: Int,
  { result, rows, columns, stride, column }: Pick<Tile, 'result' | 'rows' | 'columns' | 'stride'> & { column: Int },
): void {
  const bias = p.loadUnsigned({ base: record, displacement: 4 * word.bias })
  const eachVector = (change: (x: Vector, at: Int, mask?: Mask) => Vector) => {
    const row = p.copy(result)
    p.range(0, rows, 1, () => {
      p.elements(columns, (at, mask) => {
        const place = { base: row, index: at }
        p.store(place, change(p.load(place, mask), at, mask), mask)
      })
      p.increase(row, stride)
    })
  }
  p.if(bias, '!=', 0, () => {
    const from = p.address({ base: p.plus(bias, memory), index: column, scale: 4 })
    eachVector((x, at, mask) => p.add(x, p.load({ base: from, index: at }, mask)))
  })
  const activation = integer(4)
  const zero = () => p.constant(0)
  const activations: readonly ((x: Vector) => Vector)[] = [
    (x) => p.select(p.compare(x, 'unordered', x), x, p.max(x, zero())),
    (x) => p.select(p.compare(x, 'unordered', x), x, p.min(p.max(x, zero()), p.constant(6))),
    (x) => p.select(p.compare(x, 'less', zero()), p.mul(x, float(5)), x),
    (x) => sigmoid(p, x),
    (x) => p.select(p.compare(x, 'less', zero()), expm1(p, x), x),
  ]
  for (const [i, activate] of activations.entries()) p.if(activation, '==', i + 1, () => eachVector((x) => activate(x)))
}

export const productKernels: Readonly<Record<string, Write>> = {
  multiplyTiles: multiplyTiles('fma231'),
  multiplyTilesBfloat16: multiplyTiles('dotBfloat16'),
}
