// Elementwise functions of one tensor. args: x, y, n, a, b (a, b: the operation's parameters). Item: a block of 2048
// elements. `map` is inlined into each kernel with a constant operation, which the compiler folds away.
import { BLOCK, load4, store4 } from './lanes'
import { erf, exp, expm1, log, log1p, one, sigmoid, softplus, tanh } from './math'
import { floatArgument, intArgument, pointerArgument } from './thread'

const NEG: i32 = 0
const ABS: i32 = 1
const EXP: i32 = 2
const EXPM1: i32 = 3
const LOG: i32 = 4
const LOG1P: i32 = 5
const SQRT: i32 = 6
const RSQRT: i32 = 7
const SQUARE: i32 = 8
const RECIPROCAL: i32 = 9
const SIGMOID: i32 = 10
const TANH: i32 = 11
const ERF: i32 = 12
const RELU_INT: i32 = 13
const RELU6: i32 = 14
const ELU: i32 = 15
const LEAKY_RELU: i32 = 16
const SOFTPLUS: i32 = 17
const SIGN: i32 = 18
const FLOOR: i32 = 19
const CEIL: i32 = 20
const ROUND: i32 = 21
const SIN: i32 = 22
const COS: i32 = 23
const STEP: i32 = 24
const CLIP: i32 = 25

@inline function splat(x: f32): v128 {
  return f32x4.splat(x)
}

@inline function apply(op: i32, x: v128, a: v128, b: v128): v128 {
  if (op == NEG) return f32x4.neg(x)
  if (op == ABS) return f32x4.abs(x)
  if (op == EXP) return exp(x)
  if (op == EXPM1) return expm1(x)
  if (op == LOG) return log(x)
  if (op == LOG1P) return log1p(x)
  if (op == SQRT) return f32x4.sqrt(x)
  if (op == RSQRT) return f32x4.div(one(), f32x4.sqrt(x))
  if (op == SQUARE) return f32x4.mul(x, x)
  if (op == RECIPROCAL) return f32x4.div(one(), x)
  if (op == SIGMOID) return sigmoid(x)
  if (op == TANH) return tanh(x)
  if (op == ERF) return erf(x)
  if (op == RELU6) return f32x4.pmin(f32x4.pmax(x, splat(0)), splat(6))
  if (op == ELU) return v128.bitselect(x, expm1(x), f32x4.ge(x, splat(0)))
  if (op == LEAKY_RELU) return v128.bitselect(f32x4.mul(a, x), x, f32x4.lt(x, splat(0)))
  if (op == SOFTPLUS) return softplus(x)
  if (op == SIGN) {
    const zero = splat(0)
    return f32x4.sub(v128.and(f32x4.gt(x, zero), one()), v128.and(f32x4.lt(x, zero), one()))
  }
  if (op == FLOOR) return f32x4.floor(x)
  if (op == CEIL) return f32x4.ceil(x)
  if (op == ROUND) return f32x4.nearest(x)
  if (op == SIN) return perLane(true, x)
  if (op == COS) return perLane(false, x)
  if (op == STEP) {
    const y = v128.bitselect(one(), a, f32x4.gt(x, splat(0)))
    return v128.bitselect(x, y, f32x4.ne(x, x))
  }
  if (op == CLIP) {
    const y = v128.bitselect(a, x, f32x4.lt(x, a))
    return v128.bitselect(b, y, f32x4.gt(x, b))
  }
  return x
}

/** The library's sine and cosine, which reduce any argument exactly; one lane at a time. */
function perLane(sine: bool, x: v128): v128 {
  const x0 = f32x4.extract_lane(x, 0)
  const x1 = f32x4.extract_lane(x, 1)
  const x2 = f32x4.extract_lane(x, 2)
  const x3 = f32x4.extract_lane(x, 3)
  if (sine) return f32x4(Mathf.sin(x0), Mathf.sin(x1), Mathf.sin(x2), Mathf.sin(x3))
  return f32x4(Mathf.cos(x0), Mathf.cos(x1), Mathf.cos(x2), Mathf.cos(x3))
}

@inline function map(op: i32, args: usize, begin: i32, end: i32): void {
  const x = pointerArgument(args, 0)
  const y = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  const a = splat(floatArgument(args, 3))
  const b = splat(floatArgument(args, 4))
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2
    store4(y + at, apply(op, load4(x + at, last - i), a, b), last - i)
  }
}

export function negFloat(args: usize, begin: i32, end: i32): void { map(NEG, args, begin, end) }
export function absFloat(args: usize, begin: i32, end: i32): void { map(ABS, args, begin, end) }
export function expFloat(args: usize, begin: i32, end: i32): void { map(EXP, args, begin, end) }
export function expm1Float(args: usize, begin: i32, end: i32): void { map(EXPM1, args, begin, end) }
export function logFloat(args: usize, begin: i32, end: i32): void { map(LOG, args, begin, end) }
export function log1pFloat(args: usize, begin: i32, end: i32): void { map(LOG1P, args, begin, end) }
export function sqrtFloat(args: usize, begin: i32, end: i32): void { map(SQRT, args, begin, end) }
export function rsqrtFloat(args: usize, begin: i32, end: i32): void { map(RSQRT, args, begin, end) }
export function squareFloat(args: usize, begin: i32, end: i32): void { map(SQUARE, args, begin, end) }
export function reciprocalFloat(args: usize, begin: i32, end: i32): void { map(RECIPROCAL, args, begin, end) }
export function sigmoidFloat(args: usize, begin: i32, end: i32): void { map(SIGMOID, args, begin, end) }
export function tanhFloat(args: usize, begin: i32, end: i32): void { map(TANH, args, begin, end) }
export function erfFloat(args: usize, begin: i32, end: i32): void { map(ERF, args, begin, end) }
export function relu6Float(args: usize, begin: i32, end: i32): void { map(RELU6, args, begin, end) }
export function eluFloat(args: usize, begin: i32, end: i32): void { map(ELU, args, begin, end) }
export function leakyReluFloat(args: usize, begin: i32, end: i32): void { map(LEAKY_RELU, args, begin, end) }
export function softplusFloat(args: usize, begin: i32, end: i32): void { map(SOFTPLUS, args, begin, end) }
export function signFloat(args: usize, begin: i32, end: i32): void { map(SIGN, args, begin, end) }
export function floorFloat(args: usize, begin: i32, end: i32): void { map(FLOOR, args, begin, end) }
export function ceilFloat(args: usize, begin: i32, end: i32): void { map(CEIL, args, begin, end) }
export function roundFloat(args: usize, begin: i32, end: i32): void { map(ROUND, args, begin, end) }
export function sinFloat(args: usize, begin: i32, end: i32): void { map(SIN, args, begin, end) }
export function cosFloat(args: usize, begin: i32, end: i32): void { map(COS, args, begin, end) }
export function stepFloat(args: usize, begin: i32, end: i32): void { map(STEP, args, begin, end) }
export function clipFloat(args: usize, begin: i32, end: i32): void { map(CLIP, args, begin, end) }

@inline function mapInt(op: i32, args: usize, begin: i32, end: i32): void {
  const from = pointerArgument(args, 0)
  const to = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2
    const x = load4(from + at, last - i)
    let y: v128
    if (op == NEG) y = i32x4.neg(x)
    else if (op == ABS) y = i32x4.abs(x)
    else if (op == SQUARE) y = i32x4.mul(x, x)
    else if (op == RELU_INT) y = i32x4.max_s(x, i32x4.splat(0))
    else y = i32x4.sub(i32x4.shr_u(i32x4.neg(x), 31), i32x4.shr_u(x, 31))
    store4(to + at, y, last - i)
  }
}

export function negInt(args: usize, begin: i32, end: i32): void { mapInt(NEG, args, begin, end) }
export function absInt(args: usize, begin: i32, end: i32): void { mapInt(ABS, args, begin, end) }
export function squareInt(args: usize, begin: i32, end: i32): void { mapInt(SQUARE, args, begin, end) }
export function reluInt(args: usize, begin: i32, end: i32): void { mapInt(RELU_INT, args, begin, end) }
