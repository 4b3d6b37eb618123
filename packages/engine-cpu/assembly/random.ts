// Philox4x32-10 (Salmon et al., SC 2011), four counters at a time in SIMD lanes. Element i of a tensor takes word i mod 4
// of the block with counter offset + ⌊i / 4⌋, so that a draw depends on its place alone.
import { BLOCK, load4, store4 } from './lanes'
import { intArgument, pointerArgument } from './thread'

const WORDS: i32 = 0 // raw words, for the known-answer test
const UNIFORM: i32 = 1 // (word >>> 8) · 2^-24
const DROPOUT: i32 = 2

const MULTIPLIERS: usize = memory.data<u32>([0xd2511f53, 0xcd9e8d57])

/** An unsigned 32-bit argument. */
@inline function wordArgument(args: usize, i: i32): i32 {
  return <i32>(<i64>load<f64>(args + (i << 3)))
}

/**
 * args: x (dropout only), y, n, seed0, seed1, offset (below 2^53), –, threshold (dropout: keep if word >>> 8 is at least this),
 * scale. Item: a block of 2048 elements.
 */
@inline function draw(kind: i32, args: usize, begin: i32, end: i32): void {
  const x = pointerArgument(args, 0)
  const y = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  const key0 = wordArgument(args, 3)
  const key1 = wordArgument(args, 4)
  const offset = <u64>(<i64>load<f64>(args, 40))
  const threshold = i32x4.splat(intArgument(args, 7))
  const scale = f32x4.splat(<f32>load<f64>(args, 64))
  const m0 = v128.load32_splat(MULTIPLIERS)
  const m1 = v128.load32_splat(MULTIPLIERS, 4)
  for (let i = begin * BLOCK; i < last; i += 16) {
    const counter = offset + <u64>(i >> 2)
    const low = i64x2(<i64>counter, <i64>(counter + 1))
    const high = i64x2(<i64>(counter + 2), <i64>(counter + 3))
    let c0 = i32x4.shuffle(low, high, 0, 2, 4, 6)
    let c1 = i32x4.shuffle(low, high, 1, 3, 5, 7)
    let c2 = i32x4.splat(0)
    let c3 = i32x4.splat(0)
    let k0 = key0
    let k1 = key1
    for (let round = 0; round < 10; round++) {
      const a = i64x2.extmul_low_i32x4_u(c0, m0)
      const b = i64x2.extmul_high_i32x4_u(c0, m0)
      const c = i64x2.extmul_low_i32x4_u(c2, m1)
      const d = i64x2.extmul_high_i32x4_u(c2, m1)
      c0 = v128.xor(v128.xor(i32x4.shuffle(c, d, 1, 3, 5, 7), c1), i32x4.splat(k0))
      c1 = i32x4.shuffle(c, d, 0, 2, 4, 6)
      c2 = v128.xor(v128.xor(i32x4.shuffle(a, b, 1, 3, 5, 7), c3), i32x4.splat(k1))
      c3 = i32x4.shuffle(a, b, 0, 2, 4, 6)
      k0 += 0x9e3779b9
      k1 += 0xbb67ae85
    }
    // one counter's four words side by side
    const p = i32x4.shuffle(c0, c1, 0, 4, 1, 5)
    const q = i32x4.shuffle(c2, c3, 0, 4, 1, 5)
    const r = i32x4.shuffle(c0, c1, 2, 6, 3, 7)
    const s = i32x4.shuffle(c2, c3, 2, 6, 3, 7)
    const left = last - i
    emit(kind, x, y, i, i64x2.shuffle(p, q, 0, 2), left, threshold, scale)
    if (left > 4) emit(kind, x, y, i + 4, i64x2.shuffle(p, q, 1, 3), left - 4, threshold, scale)
    if (left > 8) emit(kind, x, y, i + 8, i64x2.shuffle(r, s, 0, 2), left - 8, threshold, scale)
    if (left > 12) emit(kind, x, y, i + 12, i64x2.shuffle(r, s, 1, 3), left - 12, threshold, scale)
  }
}

@inline function emit(
  kind: i32, from: usize, to: usize, i: i32, words: v128, left: i32, threshold: v128, scale: v128,
): void {
  const at = <usize>i << 2
  const y = to + at
  if (kind == WORDS) {
    store4(y, words, left)
    return
  }
  const top = i32x4.shr_u(words, 8)
  if (kind == UNIFORM) {
    store4(y, f32x4.mul(f32x4.convert_i32x4_s(top), f32x4.splat(5.9604644775390625e-8)), left)
    return
  }
  const x = load4(from + at, left)
  store4(y, v128.and(f32x4.mul(x, scale), i32x4.ge_s(top, threshold)), left)
}

export function philoxWords(args: usize, begin: i32, end: i32): void { draw(WORDS, args, begin, end) }
export function randomUniform(args: usize, begin: i32, end: i32): void { draw(UNIFORM, args, begin, end) }
export function dropout(args: usize, begin: i32, end: i32): void { draw(DROPOUT, args, begin, end) }
