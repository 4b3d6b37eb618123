// Comparisons, logic, selection and casts: whatever reads or writes booleans, which are bytes 0 and 1. Binary kernels
// are walked as in broadcast.ts.
import { ONLY_A, ONLY_B, rowOffset, rowStride } from './broadcast'
import { BLOCK, load4, store4 } from './lanes'
import { intArgument, pointerArgument } from './thread'

const EQUAL: i32 = 0
const NOT_EQUAL: i32 = 1
const LESS: i32 = 2
const LESS_EQUAL: i32 = 3
const GREATER: i32 = 4
const GREATER_EQUAL: i32 = 5
const AND: i32 = 6
const OR: i32 = 7

@inline function compare(int: bool, op: i32, a: v128, b: v128): v128 {
  if (op == EQUAL) return int ? i32x4.eq(a, b) : f32x4.eq(a, b)
  if (op == NOT_EQUAL) return int ? i32x4.ne(a, b) : f32x4.ne(a, b)
  if (op == LESS) return int ? i32x4.lt_s(a, b) : f32x4.lt(a, b)
  if (op == LESS_EQUAL) return int ? i32x4.le_s(a, b) : f32x4.le(a, b)
  if (op == GREATER) return int ? i32x4.gt_s(a, b) : f32x4.gt(a, b)
  return int ? i32x4.ge_s(a, b) : f32x4.ge(a, b)
}

/** Four lanes of all ones or all zeros as the bytes 1 and 0. */
@inline function maskBytes(mask: v128): i32 {
  return (i32x4.bitmask(mask) * 0x00204081) & 0x01010101
}

@inline function storeBytes(to: usize, bytes: i32, left: i32): void {
  if (left >= 4) {
    store<i32>(to, bytes)
    return
  }
  for (let i = 0; i < left; i++) store<u8>(to + i, <u8>(bytes >> (i << 3)))
}

@inline function map(int: bool, op: i32, args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 3)
  const blocks = intArgument(args, 4)
  const mode = intArgument(args, 5)
  const simple = intArgument(args, 6) <= 1
  const strideA = rowStride(args, 0)
  const strideB = rowStride(args, 1)
  const aBase = pointerArgument(args, 0)
  const bBase = pointerArgument(args, 1)
  const outBase = pointerArgument(args, 2)
  for (let item = begin; item < end; item++) {
    const row = blocks == 1 ? item : item / blocks
    const first = (item - row * blocks) * BLOCK
    const last = min(length, first + BLOCK)
    const a = aBase + ((simple ? <usize>(row * strideA) : rowOffset(args, row, 0)) << 2)
    const b = bBase + ((simple ? <usize>(row * strideB) : rowOffset(args, row, 1)) << 2)
    const out = outBase + <usize>row * <usize>length
    const oneA = mode == ONLY_B ? v128.load32_splat(a) : f32x4.splat(0)
    const oneB = mode == ONLY_A ? v128.load32_splat(b) : f32x4.splat(0)
    for (let i = first; i < last; i += 4) {
      const at = <usize>i << 2
      const left = last - i
      const x = mode == ONLY_B ? oneA : load4(a + at, left)
      const y = mode == ONLY_A ? oneB : load4(b + at, left)
      storeBytes(out + i, maskBytes(compare(int, op, x, y)), left)
    }
  }
}

/** Booleans in, booleans out, a byte at a time. */
@inline function mapBool(op: i32, args: usize, begin: i32, end: i32): void {
  const length = intArgument(args, 3)
  const blocks = intArgument(args, 4)
  const mode = intArgument(args, 5)
  const simple = intArgument(args, 6) <= 1
  const strideA = rowStride(args, 0)
  const strideB = rowStride(args, 1)
  const aBase = pointerArgument(args, 0)
  const bBase = pointerArgument(args, 1)
  const outBase = pointerArgument(args, 2)
  for (let item = begin; item < end; item++) {
    const row = blocks == 1 ? item : item / blocks
    const first = (item - row * blocks) * BLOCK
    const last = min(length, first + BLOCK)
    const a = aBase + (simple ? <usize>(row * strideA) : rowOffset(args, row, 0))
    const b = bBase + (simple ? <usize>(row * strideB) : rowOffset(args, row, 1))
    const out = outBase + <usize>row * <usize>length
    for (let i = first; i < last; i++) {
      const x: i32 = load<u8>(mode == ONLY_B ? a : a + i)
      const y: i32 = load<u8>(mode == ONLY_A ? b : b + i)
      let z: bool
      if (op == AND) z = bool(x) && bool(y)
      else if (op == OR) z = bool(x) || bool(y)
      else if (op == EQUAL) z = x == y
      else z = x != y
      store<u8>(out + i, <u8>z)
    }
  }
}

export function equalFloat(args: usize, begin: i32, end: i32): void { map(false, EQUAL, args, begin, end) }
export function notEqualFloat(args: usize, begin: i32, end: i32): void { map(false, NOT_EQUAL, args, begin, end) }
export function lessFloat(args: usize, begin: i32, end: i32): void { map(false, LESS, args, begin, end) }
export function lessEqualFloat(args: usize, begin: i32, end: i32): void { map(false, LESS_EQUAL, args, begin, end) }
export function greaterFloat(args: usize, begin: i32, end: i32): void { map(false, GREATER, args, begin, end) }
export function greaterEqualFloat(args: usize, begin: i32, end: i32): void { map(false, GREATER_EQUAL, args, begin, end) }
export function equalInt(args: usize, begin: i32, end: i32): void { map(true, EQUAL, args, begin, end) }
export function notEqualInt(args: usize, begin: i32, end: i32): void { map(true, NOT_EQUAL, args, begin, end) }
export function lessInt(args: usize, begin: i32, end: i32): void { map(true, LESS, args, begin, end) }
export function lessEqualInt(args: usize, begin: i32, end: i32): void { map(true, LESS_EQUAL, args, begin, end) }
export function greaterInt(args: usize, begin: i32, end: i32): void { map(true, GREATER, args, begin, end) }
export function greaterEqualInt(args: usize, begin: i32, end: i32): void { map(true, GREATER_EQUAL, args, begin, end) }
export function equalBool(args: usize, begin: i32, end: i32): void { mapBool(EQUAL, args, begin, end) }
export function notEqualBool(args: usize, begin: i32, end: i32): void { mapBool(NOT_EQUAL, args, begin, end) }
export function andBool(args: usize, begin: i32, end: i32): void { mapBool(AND, args, begin, end) }
export function orBool(args: usize, begin: i32, end: i32): void { mapBool(OR, args, begin, end) }

/** args: x, y, n. Item: a block. */
export function notBool(args: usize, begin: i32, end: i32): void {
  const from = pointerArgument(args, 0)
  const to = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i++) {
    store<u8>(to + i, <u8>(load<u8>(from + i) == 0))
  }
}

/** Four booleans at p as lane masks. */
@inline function loadMask(p: usize, left: i32): v128 {
  let bytes: i32 = 0
  if (left >= 4) bytes = load<i32>(p)
  else for (let i = 0; i < left; i++) bytes |= <i32>load<u8>(p + i) << (i << 3)
  const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(bytes)))
  return i32x4.eq(words, i32x4.splat(1))
}

/** args: condition (bool), t, e, out, n; 4-byte elements of one shape. Item: a block. */
export function selectWords(args: usize, begin: i32, end: i32): void {
  const condition = pointerArgument(args, 0)
  const whenTrue = pointerArgument(args, 1)
  const whenFalse = pointerArgument(args, 2)
  const out = pointerArgument(args, 3)
  const last = min(intArgument(args, 4), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2
    const left = last - i
    const t = load4(whenTrue + at, left)
    const e = load4(whenFalse + at, left)
    const mask = loadMask(condition + i, left)
    store4(out + at, v128.bitselect(t, e, mask), left)
  }
}

/** args: x (int32), y (float32), n. */
export function castIntToFloat(args: usize, begin: i32, end: i32): void {
  const from = pointerArgument(args, 0)
  const to = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2
    store4(to + at, f32x4.convert_i32x4_s(load4(from + at, last - i)), last - i)
  }
}

/** args: x (float32), y (int32), n. Truncates; outside int32 modulo 2^32, NaN and infinities 0, as JavaScript does. */
export function castFloatToInt(args: usize, begin: i32, end: i32): void {
  const from = pointerArgument(args, 0)
  const to = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i++) {
    const at = <usize>i << 2
    const x = load<f32>(from + at)
    store<i32>(to + at, abs(x) < 9.2e18 ? <i32>(<i64>x) : 0)
  }
}

/** args: x (bool), y, n, one (the word stored for true: 1 or the bits of 1.0). */
export function castBoolToWord(args: usize, begin: i32, end: i32): void {
  const from = pointerArgument(args, 0)
  const to = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  const one = i32x4.splat(intArgument(args, 3))
  for (let i = begin * BLOCK; i < last; i += 4) {
    const left = last - i
    store4(to + (<usize>i << 2), v128.and(loadMask(from + i, left), one), left)
  }
}

@inline function castToBool(int: bool, args: usize, begin: i32, end: i32): void {
  const from = pointerArgument(args, 0)
  const to = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  const zero = i32x4.splat(0)
  for (let i = begin * BLOCK; i < last; i += 4) {
    const x = load4(from + (<usize>i << 2), last - i)
    storeBytes(to + i, maskBytes(compare(int, NOT_EQUAL, x, zero)), last - i)
  }
}

export function castFloatToBool(args: usize, begin: i32, end: i32): void { castToBool(false, args, begin, end) }
export function castIntToBool(args: usize, begin: i32, end: i32): void { castToBool(true, args, begin, end) }
