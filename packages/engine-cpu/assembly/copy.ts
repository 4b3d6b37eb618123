// Rearrangement: everything that moves elements without computing is one strided copy (slices, pads, concatenation,
// tiling, reversal, general transposition), except the transposition of two axes, which goes through 4×4 registers.
import { copyRow } from './lanes'
import { intArgument, pointerArgument } from './thread'

/** Elements of a contiguous run in one item. */
const RUN: i32 = 8192

/**
 * args: source, target, bytes (of an element: 4 or 1), length, sourceStep, targetStep (inner axis), blocks (of 8192
 * along it), rank, then rank × (size, sourceStride, targetStride), outermost first. Strides are in elements; a stride
 * may be 0 (repeat) or negative (reverse). Item: one block of one inner row.
 */
export function copyStrided(args: usize, begin: i32, end: i32): void {
  const bytes = intArgument(args, 2)
  const length = intArgument(args, 3)
  const sourceStep = intArgument(args, 4)
  const targetStep = intArgument(args, 5)
  const blocks = intArgument(args, 6)
  const rank = intArgument(args, 7)
  if (bytes == 4 && blocks == 1 && rank <= 3) {
    copyRows(args, begin, end, length, sourceStep, targetStep, rank)
    return
  }
  for (let item = begin; item < end; item++) {
    let row = blocks == 1 ? item : item / blocks
    const first = (item - row * blocks) * RUN
    const n = min(length - first, RUN)
    let from: i32 = first * sourceStep
    let to: i32 = first * targetStep
    for (let axis = rank - 1; axis >= 0; axis--) {
      const slot = 8 + axis * 3
      const size = intArgument(args, slot)
      const rest = axis == 0 ? 0 : row / size
      const index = row - rest * size
      from += index * intArgument(args, slot + 1)
      to += index * intArgument(args, slot + 2)
      row = rest
    }
    const source = pointerArgument(args, 0) + <usize>(from * bytes)
    const target = pointerArgument(args, 1) + <usize>(to * bytes)
    if (bytes == 4) copyWords(source, target, n, sourceStep, targetStep)
    else copySingleBytes(source, target, n, sourceStep, targetStep)
  }
}

/** Rows of words under at most three outer axes, whose indices are counted up from row to row. */
function copyRows(args: usize, begin: i32, end: i32, n: i32, sourceStep: i32, targetStep: i32, rank: i32): void {
  const inner = 8 + 3 * (rank - 1)
  const size2 = rank > 0 ? intArgument(args, inner) : 1
  const source2 = rank > 0 ? intArgument(args, inner + 1) : 0
  const target2 = rank > 0 ? intArgument(args, inner + 2) : 0
  const size1 = rank > 1 ? intArgument(args, inner - 3) : 1
  const source1 = rank > 1 ? intArgument(args, inner - 2) : 0
  const target1 = rank > 1 ? intArgument(args, inner - 1) : 0
  const source0 = rank > 2 ? intArgument(args, inner - 5) : 0
  const target0 = rank > 2 ? intArgument(args, inner - 4) : 0
  const source = pointerArgument(args, 0)
  const target = pointerArgument(args, 1)
  let index1 = begin / size2
  let index2 = begin - index1 * size2
  let index0 = index1 / size1
  index1 -= index0 * size1
  for (let row = begin; row < end; row++) {
    const from = index0 * source0 + index1 * source1 + index2 * source2
    const to = index0 * target0 + index1 * target1 + index2 * target2
    copyWords(source + (<usize>from << 2), target + (<usize>to << 2), n, sourceStep, targetStep)
    if (++index2 < size2) continue
    index2 = 0
    if (++index1 < size1) continue
    index1 = 0
    index0++
  }
}

@inline function copyWords(source: usize, target: usize, n: i32, sourceStep: i32, targetStep: i32): void {
  if (sourceStep == 1 && targetStep == 1) {
    copyRow(target, source, n)
    return
  }
  for (let i = 0; i < n; i++) {
    store<i32>(target + (<usize>(i * targetStep) << 2), load<i32>(source + (<usize>(i * sourceStep) << 2)))
  }
}

@inline function copySingleBytes(source: usize, target: usize, n: i32, sourceStep: i32, targetStep: i32): void {
  for (let i = 0; i < n; i++) store<u8>(target + <usize>(i * targetStep), load<u8>(source + <usize>(i * sourceStep)))
}

/** Rows of the result in one item: 64 bytes of every source row. */
const TILE: i32 = 16

/** args: source [batch, rows, columns], target [batch, columns, rows], rows, columns, tiles (of 16 columns). Item: (batch, tile). */
export function transposeWords(args: usize, begin: i32, end: i32): void {
  const rows = intArgument(args, 2)
  const columns = intArgument(args, 3)
  const tiles = intArgument(args, 4)
  const sourceStride = <usize>columns << 2
  const targetStride = <usize>rows << 2
  for (let item = begin; item < end; item++) {
    const batch = item / tiles
    const first = (item - batch * tiles) * TILE
    const last = min(columns, first + TILE)
    const base = <usize>batch * <usize>rows * sourceStride
    const source = pointerArgument(args, 0) + base
    const target = pointerArgument(args, 1) + base
    let row = 0
    for (; row <= rows - 4; row += 4) {
      let column = first
      for (; column <= last - 4; column += 4) {
        const from = source + <usize>row * sourceStride + (<usize>column << 2)
        const to = target + <usize>column * targetStride + (<usize>row << 2)
        const a = v128.load(from)
        const b = v128.load(from + sourceStride)
        const c = v128.load(from + sourceStride * 2)
        const d = v128.load(from + sourceStride * 3)
        const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
        const cd = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
        const ab2 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
        const cd2 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
        v128.store(to, i64x2.shuffle(ab, cd, 0, 2))
        v128.store(to + targetStride, i64x2.shuffle(ab, cd, 1, 3))
        v128.store(to + targetStride * 2, i64x2.shuffle(ab2, cd2, 0, 2))
        v128.store(to + targetStride * 3, i64x2.shuffle(ab2, cd2, 1, 3))
      }
      for (; column < last; column++) for (let r = 0; r < 4; r++) move(source, target, row + r, column, rows, columns)
    }
    for (; row < rows; row++) {
      for (let column = first; column < last; column++) move(source, target, row, column, rows, columns)
    }
  }
}

@inline function move(source: usize, target: usize, row: i32, column: i32, rows: i32, columns: i32): void {
  store<i32>(target + (<usize>(column * rows + row) << 2), load<i32>(source + (<usize>(row * columns + column) << 2)))
}
