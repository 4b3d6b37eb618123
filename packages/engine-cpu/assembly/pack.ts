// Packing: an operand of a matrix product is rewritten as strips of `width` rows (6 of the left, 8 of the
// right one; 6 and 16 for AVX2, 14 and 32 for AVX-512), each strip holding, for every step along the depth, its `width` values side by side. The micro-kernel then reads
// both operands strictly forwards, whatever their layout was. Rows past the end are zeros. What is here only moves
// data, or rounds each value by itself, so the result is the same however the work is divided.
//
// A record is 8 words: source, target, rows, depth, row stride, depth stride (in elements), first item, width.
// An item is one strip.
import { load4, store4 } from './lanes'
import { intArgument, pointerArgument } from './thread'

const RECORD: i32 = 5 // log2 of the bytes
const TOGETHER: i32 = 8

@inline function word(record: usize, i: i32): i32 {
  return load<i32>(record + (<usize>i << 2))
}

/** args: records, count of records. */
export function packStrips(args: usize, begin: i32, end: i32): void { packRecords(false, args, begin, end) }
/** The same, every value rounded to one that bfloat16 has. */
export function packStripsRounded(args: usize, begin: i32, end: i32): void { packRecords(true, args, begin, end) }

@inline function packRecords(bfloat16: bool, args: usize, begin: i32, end: i32): void {
  const records = pointerArgument(args, 0)
  let low = 0
  let high = intArgument(args, 1)
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (word(records + (<usize>middle << RECORD), 6) <= begin) low = middle
    else high = middle
  }
  const count = intArgument(args, 1)
  for (let item = begin; item < end; low++) {
    const record = records + (<usize>low << RECORD)
    const first = word(record, 6)
    const next = low + 1 < count ? min(end, word(record + (1 << RECORD), 6)) : end
    if (next > item) {
      packRecord(record, item - first, next - first)
      if (bfloat16) roundRecord(record, item - first, next - first)
    }
    item = next
  }
}

/** Rounds packed strips to the values that bfloat16 has, still as float32; they are in the cache from packing. */
function roundRecord(record: usize, begin: i32, end: i32): void {
  const floats = word(record, 7) * word(record, 3)
  roundRow(<usize>word(record, 1) + (<usize>(begin * floats) << 2), (end - begin) * floats)
}

/** To the nearest bfloat16, ties to even: half of the last place kept, less one unless that is odd, is added. */
function roundRow(p: usize, n: i32): void {
  const half = i32x4.splat(0x7fff)
  const one = i32x4.splat(1)
  const upper = i32x4.splat(0xffff0000)
  const quiet = i32x4.splat(0x00400000)
  for (let i = 0; i < n; i += 4) {
    const at = p + (<usize>i << 2)
    const x = load4(at, n - i)
    const odd = v128.and(i32x4.shr_u(x, 16), one)
    const rounded = v128.and(i32x4.add(x, i32x4.add(half, odd)), upper)
    // The addition would carry a NaN into the sign.
    const still = v128.or(v128.and(x, upper), quiet)
    store4(at, v128.bitselect(still, rounded, f32x4.ne(x, x)), n - i)
  }
}

function packRecord(record: usize, begin: i32, end: i32): void {
  const rows = word(record, 2)
  const depth = word(record, 3)
  const width = word(record, 7)
  const rowStride = <usize>word(record, 4) << 2
  const depthStride = <usize>word(record, 5) << 2
  const source = <usize>word(record, 0)
  const target = <usize>word(record, 1)
  const stripBytes = <usize>(width * depth) << 2
  const whole = min(end, rows / width)
  let strip = begin
  if (rowStride == 4 && whole > strip) {
    for (; strip < whole; strip += TOGETHER) {
      const strips = min(TOGETHER, whole - strip)
      const from = source + (<usize>(strip * width) << 2)
      const to = target + <usize>strip * stripBytes
      if (width == 8) across(8, from, to, strips, depth, depthStride, stripBytes)
      else if (width == 6) across(6, from, to, strips, depth, depthStride, stripBytes)
      else if (width == 32) across(32, from, to, strips, depth, depthStride, stripBytes)
      else if (width == 16) across(16, from, to, strips, depth, depthStride, stripBytes)
      else across(14, from, to, strips, depth, depthStride, stripBytes)
    }
    strip = whole
  } else if (depthStride == 4) {
    for (; strip < whole; strip++) {
      const from = source + <usize>(strip * width) * rowStride
      const to = target + <usize>strip * stripBytes
      if (width == 8) along(8, from, to, depth, rowStride)
      else if (width == 6) along(6, from, to, depth, rowStride)
      else if (width == 32) along(32, from, to, depth, rowStride)
      else if (width == 16) along(16, from, to, depth, rowStride)
      else along(14, from, to, depth, rowStride)
    }
  }
  for (; strip < end; strip++) {
    anyStrip(
      source + <usize>(strip * width) * rowStride, target + <usize>strip * stripBytes,
      min(width, rows - strip * width), width, depth, rowStride, depthStride,
    )
  }
}

/** Rows are neighbours in memory: whole strips are copied, several at a time since they share cache lines. */
@inline function across(
  width: i32, from: usize, to: usize, strips: i32, depth: i32, depthStride: usize, stripBytes: usize,
): void {
  const bytes = <usize>width << 2
  for (let k = 0; k < depth; k++) {
    let p = from
    let q = to
    for (let s = 0; s < strips; s++) {
      for (let at: usize = 0; at <= bytes - 16; at += 16) v128.store(q + at, v128.load(p + at))
      if (width & 2) store<u64>(q + bytes - 8, load<u64>(p + bytes - 8))
      p += bytes
      q += stripBytes
    }
    from += depthStride
    to += bytes
  }
}

/** Transposes 4 rows × 4 steps and stores step j at to + j · step. */
@inline function transposeFour(p: usize, rowStride: usize, to: usize, step: usize): void {
  const r0 = v128.load(p)
  const r1 = v128.load(p + rowStride)
  const r2 = v128.load(p + 2 * rowStride)
  const r3 = v128.load(p + 3 * rowStride)
  const a = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const b = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const c = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const d = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<i64>(a, b, 0, 2))
  v128.store(to + step, v128.shuffle<i64>(a, b, 1, 3))
  v128.store(to + 2 * step, v128.shuffle<i64>(c, d, 0, 2))
  v128.store(to + 3 * step, v128.shuffle<i64>(c, d, 1, 3))
}

/** Steps along the depth are neighbours in memory: blocks are transposed. */
@inline function along(width: i32, from: usize, to: usize, depth: i32, rowStride: usize): void {
  const bytes = <usize>width << 2
  let k = 0
  for (; k <= depth - 4; k += 4) {
    for (let row = 0; row <= width - 4; row += 4) {
      transposeFour(from + <usize>row * rowStride, rowStride, to + (<usize>row << 2), bytes)
    }
    if (width & 2) {
      const p = from + <usize>(width - 2) * rowStride
      const q = to + bytes - 8
      const r4 = v128.load(p)
      const r5 = v128.load(p + rowStride)
      const low = v128.shuffle<f32>(r4, r5, 0, 4, 1, 5)
      const high = v128.shuffle<f32>(r4, r5, 2, 6, 3, 7)
      v128.store64_lane(q, low, 0)
      v128.store64_lane(q + bytes, low, 1)
      v128.store64_lane(q + 2 * bytes, high, 0)
      v128.store64_lane(q + 3 * bytes, high, 1)
    }
    from += 16
    to += 4 * bytes
  }
  anyStrip(from, to, width, width, depth - k, rowStride, 4)
}

function anyStrip(
  from: usize, to: usize, rows: i32, width: i32, depth: i32, rowStride: usize, depthStride: usize,
): void {
  for (let k = 0; k < depth; k++) {
    let p = from
    for (let i = 0; i < width; i++) {
      store<f32>(to, i < rows ? load<f32>(p) : <f32>0)
      p += rowStride
      to += 4
    }
    from += depthStride
  }
}
