// Products of the small matrices that attention is made of, on 6 × 8 tiles held in registers. The right operand and
// the result have their columns side by side, padded to multiples of 8; the left one is read a number at a time, either
// along its rows or across them, so that nothing is transposed but the queries. Results are written in whole strips of
// 6 rows: the memory behind them has room. An element is a chain of fused multiply-adds in ascending order.
import { Attention, clamp, COLUMNS, endQuery, firstQuery, ROWS, STRIDE } from './attention-shape'
import { load4, store4 } from './lanes'

/**
 * c[6, columns] = (accumulate ? c : 0) + a[6, steps] · b[steps, columns]. Strides in bytes. Of a, only `rows` rows are
 * read; the others repeat the last of them.
 */
export function multiplyRows(
  c: usize, cStride: usize, a: usize, aStride: usize, rows: i32, b: usize, bStride: usize, columns: i32, steps: i32,
  accumulate: bool,
): void {
  const last = rows - 1
  const a1 = a + <usize>min(1, last) * aStride, a2 = a + <usize>min(2, last) * aStride
  const a3 = a + <usize>min(3, last) * aStride, a4 = a + <usize>min(4, last) * aStride
  const a5 = a + <usize>min(5, last) * aStride
  for (let j = 0; j < columns; j += COLUMNS) {
    let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0)
    let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0)
    let c40 = f32x4.splat(0), c41 = f32x4.splat(0), c50 = f32x4.splat(0), c51 = f32x4.splat(0)
    let row = c
    if (accumulate) {
      c00 = v128.load(row), c01 = v128.load(row, 16), row += cStride
      c10 = v128.load(row), c11 = v128.load(row, 16), row += cStride
      c20 = v128.load(row), c21 = v128.load(row, 16), row += cStride
      c30 = v128.load(row), c31 = v128.load(row, 16), row += cStride
      c40 = v128.load(row), c41 = v128.load(row, 16), row += cStride
      c50 = v128.load(row), c51 = v128.load(row, 16)
    }
    let p0 = a, p1 = a1, p2 = a2, p3 = a3, p4 = a4, p5 = a5
    let q = b
    for (let k = 0; k < steps; k++) {
      const b0 = v128.load(q), b1 = v128.load(q, 16)
      let x = v128.load_splat<f32>(p0)
      c00 = f32x4.relaxed_madd(x, b0, c00), c01 = f32x4.relaxed_madd(x, b1, c01)
      x = v128.load_splat<f32>(p1)
      c10 = f32x4.relaxed_madd(x, b0, c10), c11 = f32x4.relaxed_madd(x, b1, c11)
      x = v128.load_splat<f32>(p2)
      c20 = f32x4.relaxed_madd(x, b0, c20), c21 = f32x4.relaxed_madd(x, b1, c21)
      x = v128.load_splat<f32>(p3)
      c30 = f32x4.relaxed_madd(x, b0, c30), c31 = f32x4.relaxed_madd(x, b1, c31)
      x = v128.load_splat<f32>(p4)
      c40 = f32x4.relaxed_madd(x, b0, c40), c41 = f32x4.relaxed_madd(x, b1, c41)
      x = v128.load_splat<f32>(p5)
      c50 = f32x4.relaxed_madd(x, b0, c50), c51 = f32x4.relaxed_madd(x, b1, c51)
      p0 += 4, p1 += 4, p2 += 4, p3 += 4, p4 += 4, p5 += 4
      q += bStride
    }
    row = c
    v128.store(row, c00), v128.store(row, c01, 16), row += cStride
    v128.store(row, c10), v128.store(row, c11, 16), row += cStride
    v128.store(row, c20), v128.store(row, c21, 16), row += cStride
    v128.store(row, c30), v128.store(row, c31, 16), row += cStride
    v128.store(row, c40), v128.store(row, c41, 16), row += cStride
    v128.store(row, c50), v128.store(row, c51, 16)
    c += 4 * COLUMNS
    b += 4 * COLUMNS
  }
}

/** c[6, columns] += aᵀ · b[steps, columns], where a is [steps, 6 …]. Strides in bytes. */
export function multiplyColumns(
  c: usize, cStride: usize, a: usize, aStride: usize, b: usize, bStride: usize, columns: i32, steps: i32,
): void {
  for (let j = 0; j < columns; j += COLUMNS) {
    let row = c
    let c00 = v128.load(row), c01 = v128.load(row, 16)
    row += cStride
    let c10 = v128.load(row), c11 = v128.load(row, 16)
    row += cStride
    let c20 = v128.load(row), c21 = v128.load(row, 16)
    row += cStride
    let c30 = v128.load(row), c31 = v128.load(row, 16)
    row += cStride
    let c40 = v128.load(row), c41 = v128.load(row, 16)
    row += cStride
    let c50 = v128.load(row), c51 = v128.load(row, 16)
    let p = a
    let q = b
    for (let k = 0; k < steps; k++) {
      const b0 = v128.load(q), b1 = v128.load(q, 16)
      let x = v128.load_splat<f32>(p)
      c00 = f32x4.relaxed_madd(x, b0, c00), c01 = f32x4.relaxed_madd(x, b1, c01)
      x = v128.load_splat<f32>(p, 4)
      c10 = f32x4.relaxed_madd(x, b0, c10), c11 = f32x4.relaxed_madd(x, b1, c11)
      x = v128.load_splat<f32>(p, 8)
      c20 = f32x4.relaxed_madd(x, b0, c20), c21 = f32x4.relaxed_madd(x, b1, c21)
      x = v128.load_splat<f32>(p, 12)
      c30 = f32x4.relaxed_madd(x, b0, c30), c31 = f32x4.relaxed_madd(x, b1, c31)
      x = v128.load_splat<f32>(p, 16)
      c40 = f32x4.relaxed_madd(x, b0, c40), c41 = f32x4.relaxed_madd(x, b1, c41)
      x = v128.load_splat<f32>(p, 20)
      c50 = f32x4.relaxed_madd(x, b0, c50), c51 = f32x4.relaxed_madd(x, b1, c51)
      p += aStride
      q += bStride
    }
    row = c
    v128.store(row, c00), v128.store(row, c01, 16), row += cStride
    v128.store(row, c10), v128.store(row, c11, 16), row += cStride
    v128.store(row, c20), v128.store(row, c21, 16), row += cStride
    v128.store(row, c30), v128.store(row, c31, 16), row += cStride
    v128.store(row, c40), v128.store(row, c41, 16), row += cStride
    v128.store(row, c50), v128.store(row, c51, 16)
    c += 4 * COLUMNS
    b += 4 * COLUMNS
  }
}

/** c[key][query] = left[key] · right[query] for the visible strips of a block: `left` as stored, `right` transposed. */
export function blockProduct(
  a: Attention, c: usize, left: usize, leftRow: usize, right: usize, depth: i32, s0: i32, n: i32, t0: i32, nt: i32,
): void {
  for (let i = 0; i < n; i += ROWS) {
    const rows = min(ROWS, n - i)
    const low = clamp(firstQuery(a, s0 + i) - t0, 0, nt) & -COLUMNS
    const high = clamp(endQuery(a, s0 + i + rows - 1) - t0, 0, nt)
    if (low >= high) continue
    const from = left + <usize>(s0 + i) * leftRow
    const to = c + <usize>i * STRIDE + (<usize>low << 2)
    multiplyRows(to, STRIDE, from, leftRow, rows, right + (<usize>low << 2), STRIDE, high - low, depth, false)
  }
}

/** to[padded, width up to a multiple of 8] = scale · from[rows, width], the rest zeros. */
export function packRows(
  to: usize, from: usize, fromStride: usize, rows: i32, padded: i32, width: i32, scale: f32,
): void {
  const factor = f32x4.splat(scale)
  const whole = width & ~3
  const wide = (width + 7) & ~7
  for (let i = 0; i < rows; i++) {
    let j = 0
    for (; j < whole; j += 4) {
      const at = <usize>j << 2
      v128.store(to + at, f32x4.mul(v128.load(from + at), factor))
    }
    for (; j < wide; j += 4) {
      const at = <usize>j << 2
      v128.store(to + at, j < width ? f32x4.mul(load4(from + at, width - j), factor) : f32x4.splat(0))
    }
    from += fromStride
    to += <usize>wide << 2
  }
  zero(to, (padded - rows) * wide)
}

/** to[rows, width] = scale · from, whose rows are packed. */
export function unpackRow(to: usize, from: usize, width: i32, scale: f32): void {
  const factor = f32x4.splat(scale)
  for (let j = 0; j < width; j += 4) {
    const at = <usize>j << 2
    store4(to + at, f32x4.mul(v128.load(from + at), factor), width - j)
  }
}

/** to[width, rows] = from[rows, width] transposed; rows and width multiples of 4, strides in bytes. */
export function transpose(to: usize, toStride: usize, from: usize, fromStride: usize, rows: i32, width: i32): void {
  for (let i = 0; i < rows; i += 4) {
    let p = from + <usize>i * fromStride
    let q = to + (<usize>i << 2)
    for (let j = 0; j < width; j += 4) {
      const r0 = v128.load(p), r1 = v128.load(p + fromStride)
      const r2 = v128.load(p + 2 * fromStride), r3 = v128.load(p + 3 * fromStride)
      const a = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), b = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
      const c = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7), d = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
      v128.store(q, v128.shuffle<i64>(a, b, 0, 2))
      v128.store(q + toStride, v128.shuffle<i64>(a, b, 1, 3))
      v128.store(q + 2 * toStride, v128.shuffle<i64>(c, d, 0, 2))
      v128.store(q + 3 * toStride, v128.shuffle<i64>(c, d, 1, 3))
      p += 16
      q += 4 * toStride
    }
  }
}

/** Zeros; count a multiple of 4. */
export function zero(to: usize, count: i32): void {
  const none = f32x4.splat(0)
  for (let i = 0; i < count; i += 4) v128.store(to + (<usize>i << 2), none)
}
