// Elementwise functions of two tensors, broadcast as described in broadcast.ts. `map` is inlined into each kernel with
// a constant operation, which the compiler folds away.
import { ONLY_A, ONLY_B, rowOffset, rowStride } from './broadcast'
import { BLOCK, load4, store4 } from './lanes'
import { intArgument, pointerArgument } from './thread'

const ADD: i32 = 0
const SUB: i32 = 1
const MUL: i32 = 2
const DIV: i32 = 3
const MAX: i32 = 4
const MIN: i32 = 5
const SQUARED_DIFFERENCE: i32 = 6
const POW: i32 = 7
const MOD: i32 = 8
const FLOOR_DIV: i32 = 9
const ELU_GRAD: i32 = 10

@inline function apply(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b)
  if (op == SUB) return f32x4.sub(a, b)
  if (op == MUL) return f32x4.mul(a, b)
  if (op == DIV) return f32x4.div(a, b)
  if (op == MAX) return f32x4.max(a, b)
  if (op == MIN) return f32x4.min(a, b)
  if (op == SQUARED_DIFFERENCE) {
    const d = f32x4.sub(a, b)
    return f32x4.mul(d, d)
  }
  if (op == ELU_GRAD) {
    return f32x4.mul(a, v128.bitselect(f32x4.splat(1), f32x4.add(b, f32x4.splat(1)), f32x4.ge(b, f32x4.splat(0))))
  }
  if (op == POW || op == MOD) {
    let y = f32x4.splat(scalar(op, f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)))
    y = f32x4.replace_lane(y, 1, scalar(op, f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)))
    y = f32x4.replace_lane(y, 2, scalar(op, f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)))
    return f32x4.replace_lane(y, 3, scalar(op, f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)))
  }
  if (op == FLOOR_DIV) {
    let y = i32x4.splat(floorDivide(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)))
    y = i32x4.replace_lane(y, 1, floorDivide(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)))
    y = i32x4.replace_lane(y, 2, floorDivide(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)))
    return i32x4.replace_lane(y, 3, floorDivide(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)))
  }
  return a
}

function scalar(op: i32, a: f32, b: f32): f32 {
  return op == POW ? <f32>Math.pow(a, b) : <f32>floorMod(a, b)
}

/** Remainder with the sign of the divisor. */
function floorMod(a: f64, b: f64): f64 {
  const rest = a % b
  return (a < 0 && b < 0) || (a >= 0 && b >= 0) ? rest : (rest + b) % b
}

/** ⌊a / b⌋ as JavaScript stores it into an Int32Array: modulo 2^32, 0 for what is not finite. */
function floorDivide(a: f64, b: f64): i32 {
  const quotient = Math.floor(a / b)
  return isFinite(quotient) ? <i32>(<i64>(quotient - Math.floor(quotient / 4294967296) * 4294967296)) : 0
}

@inline function applyInt(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return i32x4.add(a, b)
  if (op == SUB) return i32x4.sub(a, b)
  if (op == MUL) return i32x4.mul(a, b)
  if (op == MAX) return i32x4.max_s(a, b)
  if (op == MIN) return i32x4.min_s(a, b)
  if (op == SQUARED_DIFFERENCE) {
    const d = i32x4.sub(a, b)
    return i32x4.mul(d, d)
  }
  let y = i32x4.splat(scalarInt(op, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0)))
  y = i32x4.replace_lane(y, 1, scalarInt(op, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1)))
  y = i32x4.replace_lane(y, 2, scalarInt(op, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2)))
  return i32x4.replace_lane(y, 3, scalarInt(op, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3)))
}

function scalarInt(op: i32, a: i32, b: i32): i32 {
  if (op == FLOOR_DIV) return floorDivide(a, b)
  return b == 0 ? 0 : <i32>floorMod(a, b)
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
    const out = outBase + (<usize>row * <usize>length << 2)
    const oneA = mode == ONLY_B ? v128.load32_splat(a) : f32x4.splat(0)
    const oneB = mode == ONLY_A ? v128.load32_splat(b) : f32x4.splat(0)
    for (let i = first; i < last; i += 4) {
      const at = <usize>i << 2
      const left = last - i
      const x = mode == ONLY_B ? oneA : load4(a + at, left)
      const y = mode == ONLY_A ? oneB : load4(b + at, left)
      store4(out + at, int ? applyInt(op, x, y) : apply(op, x, y), left)
    }
  }
}

export function addFloat(args: usize, begin: i32, end: i32): void { map(false, ADD, args, begin, end) }
export function subFloat(args: usize, begin: i32, end: i32): void { map(false, SUB, args, begin, end) }
export function mulFloat(args: usize, begin: i32, end: i32): void { map(false, MUL, args, begin, end) }
export function divFloat(args: usize, begin: i32, end: i32): void { map(false, DIV, args, begin, end) }
export function maxFloat(args: usize, begin: i32, end: i32): void { map(false, MAX, args, begin, end) }
export function minFloat(args: usize, begin: i32, end: i32): void { map(false, MIN, args, begin, end) }
export function squaredDifferenceFloat(args: usize, begin: i32, end: i32): void { map(false, SQUARED_DIFFERENCE, args, begin, end) }
export function powFloat(args: usize, begin: i32, end: i32): void { map(false, POW, args, begin, end) }
export function modFloat(args: usize, begin: i32, end: i32): void { map(false, MOD, args, begin, end) }
export function floorDivFloat(args: usize, begin: i32, end: i32): void { map(false, FLOOR_DIV, args, begin, end) }
export function eluGradFloat(args: usize, begin: i32, end: i32): void { map(false, ELU_GRAD, args, begin, end) }

export function addInt(args: usize, begin: i32, end: i32): void { map(true, ADD, args, begin, end) }
export function subInt(args: usize, begin: i32, end: i32): void { map(true, SUB, args, begin, end) }
export function mulInt(args: usize, begin: i32, end: i32): void { map(true, MUL, args, begin, end) }
export function maxInt(args: usize, begin: i32, end: i32): void { map(true, MAX, args, begin, end) }
export function minInt(args: usize, begin: i32, end: i32): void { map(true, MIN, args, begin, end) }
export function squaredDifferenceInt(args: usize, begin: i32, end: i32): void { map(true, SQUARED_DIFFERENCE, args, begin, end) }
export function modInt(args: usize, begin: i32, end: i32): void { map(true, MOD, args, begin, end) }
export function floorDivInt(args: usize, begin: i32, end: i32): void { map(true, FLOOR_DIV, args, begin, end) }
