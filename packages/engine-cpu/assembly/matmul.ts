// Float32 matrix products over packed strips (pack.ts). One element of the result is always the same chain of fused
// multiply-adds over the depth in ascending order, from zero, but for products of few rows whose operands both lie along
// the depth, which are dot products of 16 sums: it does not depend on the other rows and columns, on how the result is cut
// into tiles, or on the thread.
//
// A record is 16 words: left, right, result, rows M, columns N, depth K, first item, tiles along N, row stride of the
// result, bias (0: none), then for few rows: left row stride, left depth stride, right depth stride, right column
// stride. Strides are in elements. An item is one tile of tileM × tileN elements of the result.
import { load4, store4, sumLanes } from './lanes'
import { expm1, sigmoid } from './math'
import { floatArgument, intArgument, pointerArgument, threadIndex } from './thread'

const RECORD: i32 = 6 // log2 of the bytes
const DEPTH: i32 = 256 // steps of one pass: 8 KiB of the right operand stay in the first-level cache
const ROWS: i32 = 6
const COLUMNS: i32 = 8

@inline function word(record: usize, i: i32): i32 {
  return load<i32>(record + (<usize>i << 2))
}

/** args: records, count of records, tileM, tileN, activation, its parameter, work area (256 bytes a thread). */
export function multiplyTiles(args: usize, begin: i32, end: i32): void {
  eachTile(args, begin, end, true)
}

/** The same of products of few rows, whose operands are read where they lie. */
export function multiplyFew(args: usize, begin: i32, end: i32): void {
  eachTile(args, begin, end, false)
}

@inline function eachTile(args: usize, begin: i32, end: i32, packed: bool): void {
  const records = pointerArgument(args, 0)
  const tileM = intArgument(args, 2)
  const tileN = intArgument(args, 3)
  const activation = intArgument(args, 4)
  const parameter = floatArgument(args, 5)
  const work = pointerArgument(args, 6) + (<usize>threadIndex << 8)
  for (let item = begin; item < end; item++) {
    let low = 0
    let high = intArgument(args, 1)
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (word(records + (<usize>middle << RECORD), 6) <= item) low = middle
      else high = middle
    }
    const record = records + (<usize>low << RECORD)
    const tile = item - word(record, 6)
    const tilesN = word(record, 7)
    const m = (tile / tilesN) * tileM
    const n = (tile % tilesN) * tileN
    const rows = min(tileM, word(record, 3) - m)
    const columns = min(tileN, word(record, 4) - n)
    if (packed) packedTile(record, m, n, rows, columns, work)
    else fewRows(record, rows, n, columns, work)
    const bias = <usize>word(record, 9)
    if (bias != 0 || activation != 0) {
      const stride = <usize>word(record, 8) << 2
      const c = <usize>word(record, 2) + <usize>m * stride + (<usize>n << 2)
      finish(c, stride, rows, columns, bias == 0 ? 0 : bias + (<usize>n << 2), activation, parameter)
    }
  }
}

function packedTile(record: usize, m: i32, n: i32, rows: i32, columns: i32, work: usize): void {
  const depth = word(record, 5)
  const stride = <usize>word(record, 8) << 2
  const left = <usize>word(record, 0) + (<usize>m * depth << 2)
  const right = <usize>word(record, 1) + (<usize>n * depth << 2)
  const result = <usize>word(record, 2) + <usize>m * stride + (<usize>n << 2)
  const leftStrip = <usize>(ROWS * depth) << 2
  const rightStrip = <usize>(COLUMNS * depth) << 2
  let k = 0
  do {
    const steps = min(DEPTH, depth - k)
    let b = right + (<usize>(k * COLUMNS) << 2)
    for (let j = 0; j < columns; j += COLUMNS) {
      let a = left + (<usize>(k * ROWS) << 2)
      let c = result + (<usize>j << 2)
      const width = min(COLUMNS, columns - j)
      for (let i = 0; i < rows; i += ROWS) {
        if (width == COLUMNS && rows - i >= ROWS) tileKernel(a, b, c, stride, steps, k)
        else edge(a, b, c, stride, steps, k, min(ROWS, rows - i), width, work)
        a += leftStrip
        c += ROWS * stride
      }
      b += rightStrip
    }
    k += DEPTH
  } while (k < depth)
}

/** A tile that sticks out of the result: the same kernel, on a copy. */
function edge(
  a: usize, b: usize, c: usize, stride: usize, steps: i32, k: i32, rows: i32, columns: i32, work: usize,
): void {
  if (k > 0) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        store<f32>(work + (<usize>(i * COLUMNS + j) << 2), load<f32>(c + <usize>i * stride + (<usize>j << 2)))
      }
    }
  }
  tileKernel(a, b, work, COLUMNS << 2, steps, k)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      store<f32>(c + <usize>i * stride + (<usize>j << 2), load<f32>(work + (<usize>(i * COLUMNS + j) << 2)))
    }
  }
}

/**
 * c[6 × 8] = (accumulate ? c : 0) + a · b over `steps`, a packed by 6, b by 8; `stride` is the bytes of a row of c.
 * This is the function that a native kernel replaces.
 */
function tileKernel(a: usize, b: usize, c: usize, stride: usize, steps: i32, accumulate: i32): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0)
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0), c50 = f32x4.splat(0), c51 = f32x4.splat(0)
  let row = c
  if (accumulate) {
    c00 = v128.load(row), c01 = v128.load(row, 16), row += stride
    c10 = v128.load(row), c11 = v128.load(row, 16), row += stride
    c20 = v128.load(row), c21 = v128.load(row, 16), row += stride
    c30 = v128.load(row), c31 = v128.load(row, 16), row += stride
    c40 = v128.load(row), c41 = v128.load(row, 16), row += stride
    c50 = v128.load(row), c51 = v128.load(row, 16)
  }
  for (let k = 0; k < steps; k++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let x = v128.load_splat<f32>(a)
    c00 = f32x4.relaxed_madd(x, b0, c00), c01 = f32x4.relaxed_madd(x, b1, c01)
    x = v128.load_splat<f32>(a, 4)
    c10 = f32x4.relaxed_madd(x, b0, c10), c11 = f32x4.relaxed_madd(x, b1, c11)
    x = v128.load_splat<f32>(a, 8)
    c20 = f32x4.relaxed_madd(x, b0, c20), c21 = f32x4.relaxed_madd(x, b1, c21)
    x = v128.load_splat<f32>(a, 12)
    c30 = f32x4.relaxed_madd(x, b0, c30), c31 = f32x4.relaxed_madd(x, b1, c31)
    x = v128.load_splat<f32>(a, 16)
    c40 = f32x4.relaxed_madd(x, b0, c40), c41 = f32x4.relaxed_madd(x, b1, c41)
    x = v128.load_splat<f32>(a, 20)
    c50 = f32x4.relaxed_madd(x, b0, c50), c51 = f32x4.relaxed_madd(x, b1, c51)
    a += 24
    b += 32
  }
  row = c
  v128.store(row, c00), v128.store(row, c01, 16), row += stride
  v128.store(row, c10), v128.store(row, c11, 16), row += stride
  v128.store(row, c20), v128.store(row, c21, 16), row += stride
  v128.store(row, c30), v128.store(row, c31, 16), row += stride
  v128.store(row, c40), v128.store(row, c41, 16), row += stride
  v128.store(row, c50), v128.store(row, c51, 16)
}

/** Up to 5 rows: packing would cost more than it saves. Columns n … n + columns, 8 at a time. */
function fewRows(record: usize, rows: i32, n: i32, columns: i32, work: usize): void {
  const depth = word(record, 5)
  const aRow = <usize>word(record, 10) << 2
  const aDepth = <usize>word(record, 11) << 2
  const bDepth = <usize>word(record, 12) << 2
  const bColumn = <usize>word(record, 13) << 2
  const stride = <usize>word(record, 8) << 2
  const left = <usize>word(record, 0)
  const right = <usize>word(record, 1) + <usize>n * bColumn
  const result = <usize>word(record, 2) + (<usize>n << 2)
  if (aDepth == 4 && bDepth == 4) {
    for (let i = 0; i < rows; i++) {
      dots(left + <usize>i * aRow, right, result + <usize>i * stride, depth, bColumn, columns)
    }
    return
  }
  let done = 0
  if (bColumn == 4) {
    for (; done <= columns - 4 * COLUMNS; done += 4 * COLUMNS) {
      for (let i = 0; i < rows; i++) {
        const c = result + <usize>i * stride + (<usize>done << 2)
        rowAcrossFour(left + <usize>i * aRow, right + (<usize>done << 2), c, depth, aDepth, bDepth)
      }
    }
  }
  for (let j = done; j < columns; j += COLUMNS) {
    const b = right + <usize>j * bColumn
    const width = min(COLUMNS, columns - j)
    for (let i = 0; i < rows; i++) {
      const a = left + <usize>i * aRow
      const c = result + <usize>i * stride + (<usize>j << 2)
      if (width < COLUMNS) fewColumns(a, b, c, depth, aDepth, bDepth, bColumn, width)
      else if (bColumn == 4) rowAcross(a, b, c, depth, aDepth, bDepth)
      else fewColumns(a, b, c, depth, aDepth, bDepth, bColumn, width)
    }
  }
}

/** One row times 8 columns whose elements of a step are neighbours. */
function rowAcross(a: usize, b: usize, c: usize, depth: i32, aDepth: usize, bDepth: usize): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0)
  for (let k = 0; k < depth; k++) {
    const x = v128.load_splat<f32>(a)
    c0 = f32x4.relaxed_madd(x, v128.load(b), c0)
    c1 = f32x4.relaxed_madd(x, v128.load(b, 16), c1)
    a += aDepth
    b += bDepth
  }
  v128.store(c, c0)
  v128.store(c, c1, 16)
}

/** The same for 32 columns: whole cache lines, and enough independent sums to hide the latency of an addition. */
function rowAcrossFour(a: usize, b: usize, c: usize, depth: i32, aDepth: usize, bDepth: usize): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
  let c4 = f32x4.splat(0), c5 = f32x4.splat(0), c6 = f32x4.splat(0), c7 = f32x4.splat(0)
  for (let k = 0; k < depth; k++) {
    const x = v128.load_splat<f32>(a)
    c0 = f32x4.relaxed_madd(x, v128.load(b), c0), c1 = f32x4.relaxed_madd(x, v128.load(b, 16), c1)
    c2 = f32x4.relaxed_madd(x, v128.load(b, 32), c2), c3 = f32x4.relaxed_madd(x, v128.load(b, 48), c3)
    c4 = f32x4.relaxed_madd(x, v128.load(b, 64), c4), c5 = f32x4.relaxed_madd(x, v128.load(b, 80), c5)
    c6 = f32x4.relaxed_madd(x, v128.load(b, 96), c6), c7 = f32x4.relaxed_madd(x, v128.load(b, 112), c7)
    a += aDepth
    b += bDepth
  }
  v128.store(c, c0), v128.store(c, c1, 16), v128.store(c, c2, 32), v128.store(c, c3, 48)
  v128.store(c, c4, 64), v128.store(c, c5, 80), v128.store(c, c6, 96), v128.store(c, c7, 112)
}

/** One row times columns, all along the depth: of each product 16 sums side by side, which are added up at the end. */
function dots(a: usize, b: usize, c: usize, depth: i32, bColumn: usize, columns: i32): void {
  for (let j = 0; j < columns; j++) {
    let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
    let p = a
    let q = b
    let left = depth
    for (; left >= 16; left -= 16) {
      c0 = f32x4.relaxed_madd(v128.load(p), v128.load(q), c0)
      c1 = f32x4.relaxed_madd(v128.load(p, 16), v128.load(q, 16), c1)
      c2 = f32x4.relaxed_madd(v128.load(p, 32), v128.load(q, 32), c2)
      c3 = f32x4.relaxed_madd(v128.load(p, 48), v128.load(q, 48), c3)
      p += 64
      q += 64
    }
    if (left > 0) {
      c0 = f32x4.relaxed_madd(some4(p, left), some4(q, left), c0)
      c1 = f32x4.relaxed_madd(some4(p + 16, left - 4), some4(q + 16, left - 4), c1)
      c2 = f32x4.relaxed_madd(some4(p + 32, left - 8), some4(q + 32, left - 8), c2)
      c3 = f32x4.relaxed_madd(some4(p + 48, left - 12), some4(q + 48, left - 12), c3)
    }
    store<f32>(c, sumLanes(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3))))
    b += bColumn
    c += 4
  }
}

/** Four words, as many as are left, or none. */
@inline function some4(p: usize, left: i32): v128 {
  return left > 0 ? load4(p, left) : f32x4.splat(0)
}

/** Fewer than 8 columns, one at a time in a lane, so that the arithmetic is that of the others. */
function fewColumns(
  a: usize, b: usize, c: usize, depth: i32, aDepth: usize, bDepth: usize, bColumn: usize, columns: i32,
): void {
  for (let j = 0; j < columns; j++) {
    let sum = f32x4.splat(0)
    let p = a
    let q = b
    for (let k = 0; k < depth; k++) {
      sum = f32x4.relaxed_madd(v128.load_splat<f32>(p), v128.load32_zero(q), sum)
      p += aDepth
      q += bDepth
    }
    v128.store32_lane(c, sum, 0)
    b += bColumn
    c += 4
  }
}

/** Rows of a product that was computed elsewhere. args: result, columns, its row stride, bias, activation, parameter. */
export function finishRows(args: usize, begin: i32, end: i32): void {
  const columns = intArgument(args, 1)
  const stride = <usize>intArgument(args, 2) << 2
  const c = pointerArgument(args, 0) + <usize>begin * stride
  const bias = pointerArgument(args, 3)
  finish(c, stride, end - begin, columns, bias, intArgument(args, 4), floatArgument(args, 5))
}

/** Adds the bias to each row and applies the activation: 1 relu, 2 relu6, 3 leakyrelu, 4 sigmoid, 5 elu. */
function finish(c: usize, stride: usize, rows: i32, columns: i32, bias: usize, activation: i32, parameter: f32): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j += 4) {
      const left = columns - j
      const at = c + (<usize>j << 2)
      let x = load4(at, left)
      if (bias != 0) x = f32x4.add(x, load4(bias + (<usize>j << 2), left))
      store4(at, activate(x, activation, parameter), left)
    }
    c += stride
  }
}

function activate(x: v128, activation: i32, parameter: f32): v128 {
  const zero = f32x4.splat(0)
  if (activation == 1) return f32x4.max(x, zero)
  if (activation == 2) return f32x4.min(f32x4.max(x, zero), f32x4.splat(6))
  if (activation == 3) return v128.bitselect(f32x4.mul(x, f32x4.splat(parameter)), x, f32x4.lt(x, zero))
  if (activation == 4) return sigmoid(x)
  if (activation == 5) return v128.bitselect(expm1(x), x, f32x4.lt(x, zero))
  return x
}
