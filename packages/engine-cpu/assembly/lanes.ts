// Four float32 lanes at a time over lengths that need not be multiples of four. A tail is loaded lane by lane into a
// vector whose other lanes are zero and goes through the same arithmetic as the body, so that a value never depends
// on its position; nothing outside the row is ever read or written.

/** Elements in an item of an elementwise kernel. */
export const BLOCK: i32 = 2048

/** The first `count` (1 to 3) words at p, other lanes zero. */
export function loadTail(p: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(p)
  const two = v128.load64_zero(p)
  return count == 2 ? two : v128.load32_lane(p + 8, two, 2)
}

export function storeTail(p: usize, x: v128, count: i32): void {
  if (count == 1) {
    v128.store32_lane(p, x, 0)
    return
  }
  v128.store64_lane(p, x, 0)
  if (count == 3) v128.store32_lane(p + 8, x, 2)
}

/** Four words at p, or as many as are left. */
@inline export function load4(p: usize, left: i32): v128 {
  return left >= 4 ? v128.load(p) : loadTail(p, left)
}

@inline export function store4(p: usize, x: v128, left: i32): void {
  if (left >= 4) v128.store(p, x)
  else storeTail(p, x, left)
}

/** All ones in the lanes below `left`. */
@inline export function laneMask(left: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left))
}

/** Sum of the four lanes, always in the order (0 + 2) + (1 + 3). */
@inline export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** Largest lane; NaN if any lane is NaN. */
@inline export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

/** How many float32 are added in float32 before the sum goes on in float64. */
const RUN: i32 = 256

/** Sum of n float32: 16 lanes within runs of 256, float64 from run to run. */
export function sumRow(p: usize, n: i32): f64 {
  let total: f64 = 0
  for (let start = 0; start < n; start += RUN) {
    const end = min(n, start + RUN)
    let a = f32x4.splat(0)
    let b = a
    let c = a
    let d = a
    let i = start
    for (; i <= end - 16; i += 16) {
      const at = p + (<usize>i << 2)
      a = f32x4.add(a, v128.load(at))
      b = f32x4.add(b, v128.load(at, 16))
      c = f32x4.add(c, v128.load(at, 32))
      d = f32x4.add(d, v128.load(at, 48))
    }
    for (; i < end; i += 4) a = f32x4.add(a, load4(p + (<usize>i << 2), end - i))
    total += <f64>sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
  }
  return total
}

/** Σ a·b over n float32, added as in sumRow. */
export function dotRow(p: usize, q: usize, n: i32): f64 {
  let total: f64 = 0
  for (let start = 0; start < n; start += RUN) {
    const end = min(n, start + RUN)
    let a = f32x4.splat(0)
    let b = a
    let c = a
    let d = a
    let i = start
    for (; i <= end - 16; i += 16) {
      const at = <usize>i << 2
      a = f32x4.relaxed_madd(v128.load(p + at), v128.load(q + at), a)
      b = f32x4.relaxed_madd(v128.load(p + at, 16), v128.load(q + at, 16), b)
      c = f32x4.relaxed_madd(v128.load(p + at, 32), v128.load(q + at, 32), c)
      d = f32x4.relaxed_madd(v128.load(p + at, 48), v128.load(q + at, 48), d)
    }
    for (; i < end; i += 4) {
      const at = <usize>i << 2
      a = f32x4.relaxed_madd(load4(p + at, end - i), load4(q + at, end - i), a)
    }
    total += <f64>sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
  }
  return total
}

/**
 * Largest of n float32, NaN if one of them is; −Infinity for n = 0. One instruction finds the larger of two numbers
 * where NaN need not be minded (f32x4.pmax), many where it must (f32x4.max), so NaN is looked for apart.
 */
export function maxRow(p: usize, n: i32): f32 {
  const lowest = f32x4.splat(-Infinity)
  let a = lowest
  let b = lowest
  let isNaN = i32x4.splat(0)
  let i = 0
  for (; i <= n - 8; i += 8) {
    const at = p + (<usize>i << 2)
    const x = v128.load(at)
    const y = v128.load(at, 16)
    a = f32x4.pmax(a, x)
    b = f32x4.pmax(b, y)
    isNaN = v128.or(isNaN, v128.or(f32x4.ne(x, x), f32x4.ne(y, y)))
  }
  for (; i < n; i += 4) {
    const left = n - i
    const x = v128.bitselect(load4(p + (<usize>i << 2), left), lowest, laneMask(left))
    a = f32x4.pmax(a, x)
    isNaN = v128.or(isNaN, f32x4.ne(x, x))
  }
  return v128.any_true(isNaN) ? NaN : maxLanes(f32x4.pmax(a, b))
}

/** Copies n float32. A loop, since V8's memory.copy leaves WebAssembly, which costs more than a short row. */
export function copyRow(to: usize, from: usize, n: i32): void {
  if (n >= 1024) {
    memory.copy(to, from, <usize>n << 2)
    return
  }
  for (let i = 0; i < n; i += 4) store4(to + (<usize>i << 2), load4(from + (<usize>i << 2), n - i), n - i)
}

export function zeroRow(to: usize, n: i32): void {
  const zero = f32x4.splat(0)
  for (let i = 0; i < n; i += 4) store4(to + (<usize>i << 2), zero, n - i)
}
