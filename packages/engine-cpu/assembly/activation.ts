// Activations of the catalogue, their derivatives, and all kernels made of them: alone, and as gated units. `silu`, `gelu` (exact), `geluTanh` (its tanh form, as x·σ(2u)),
// `relu`, `relu2`. All derivatives are taken from the input alone.
import { BLOCK, load4, store4 } from './lanes'
import { expFlushed, one, sigmoid } from './math'
import { intArgument, pointerArgument } from './thread'

const SILU: i32 = 0
const GELU: i32 = 1
const GELU_TANH: i32 = 2
const RELU: i32 = 3
const RELU2: i32 = 4

/** Constants in memory: see math.ts. Behind the first five, Mills' ratio over √(2π) as a polynomial without constant. */
const TABLE: usize = memory.data<f32>([
  -0.5, 0.3989422804014327, 0.07135481282553285, 1.5957691216057308, 0.21406443847659856, 0.3,
  0.03701020999, -0.1625273391, 0.215004163, -0.06101787952, 0.1319956848, 0.09905982421, 0.1208481633, 0.1196271954,
])
const MINUS_HALF: usize = 0
const DENSITY: usize = 1 // 1 / √(2π)
const CUBIC: usize = 2 // 2·√(2/π)·0.044715
const LINEAR: usize = 3 // 2·√(2/π)
const THREE_CUBIC: usize = 4
const MILLS_SCALE: usize = 5
const MILLS: usize = 6

@inline function at(position: usize): v128 {
  return v128.load32_splat(TABLE + (position << 2))
}

/** e^(−x²/2), which the distribution and its density share. */
@inline function bell(x: v128): v128 {
  return expFlushed(f32x4.mul(f32x4.mul(x, x), at(MINUS_HALF)))
}

/**
 * Standard normal cumulative distribution, given bell(x): its lower tail is the bell times Mills' ratio, which is smooth
 * in u = 1 / (1 + 0.3·|x|). Relative error of the tail: 1e-7, and 4e-8·x² by the rounding of x².
 */
@inline function normalCdf(x: v128, bell: v128): v128 {
  const u = f32x4.div(one(), f32x4.relaxed_madd(f32x4.abs(x), at(MILLS_SCALE), one()))
  let p = at(MILLS)
  p = f32x4.relaxed_madd(p, u, at(MILLS + 1))
  p = f32x4.relaxed_madd(p, u, at(MILLS + 2))
  p = f32x4.relaxed_madd(p, u, at(MILLS + 3))
  p = f32x4.relaxed_madd(p, u, at(MILLS + 4))
  p = f32x4.relaxed_madd(p, u, at(MILLS + 5))
  p = f32x4.relaxed_madd(p, u, at(MILLS + 6))
  p = f32x4.relaxed_madd(p, u, at(MILLS + 7))
  const tail = f32x4.mul(f32x4.mul(p, u), bell)
  return v128.bitselect(tail, f32x4.sub(one(), tail), f32x4.lt(x, f32x4.splat(0)))
}

/** σ(2u), u = √(2/π)·(x + 0.044715·x³): what geluTanh multiplies x by. */
@inline function tanhGate(x: v128): v128 {
  return sigmoid(f32x4.mul(x, f32x4.relaxed_madd(f32x4.mul(x, x), at(CUBIC), at(LINEAR))))
}

@inline function activate(kind: i32, x: v128): v128 {
  if (kind == SILU) return f32x4.mul(x, sigmoid(x))
  if (kind == GELU) return f32x4.mul(x, normalCdf(x, bell(x)))
  if (kind == GELU_TANH) return f32x4.mul(x, tanhGate(x))
  const positive = f32x4.pmax(x, f32x4.splat(0))
  return kind == RELU ? positive : f32x4.mul(positive, positive)
}

/** s + xs·(1 − s): the derivative of x·σ(u), where xs = s·x·u'. */
@inline function gateGrad(xs: v128, s: v128): v128 {
  return f32x4.relaxed_madd(xs, f32x4.sub(one(), s), s)
}

@inline function activateGrad(kind: i32, x: v128): v128 {
  if (kind == SILU) {
    const s = sigmoid(x)
    return gateGrad(f32x4.mul(x, s), s)
  }
  if (kind == GELU) {
    const e = bell(x)
    return f32x4.relaxed_madd(f32x4.mul(x, at(DENSITY)), e, normalCdf(x, e))
  }
  if (kind == GELU_TANH) {
    const s = tanhGate(x)
    const slope = f32x4.mul(x, f32x4.relaxed_madd(f32x4.mul(x, x), at(THREE_CUBIC), at(LINEAR)))
    return gateGrad(f32x4.mul(slope, s), s)
  }
  const isPositive = f32x4.gt(x, f32x4.splat(0))
  return v128.and(kind == RELU ? one() : f32x4.add(x, x), isPositive)
}

/** args: x, y, n. Item: a block of 2048 elements. */
@inline function map(kind: i32, args: usize, begin: i32, end: i32): void {
  const x = pointerArgument(args, 0)
  const y = pointerArgument(args, 1)
  const last = min(intArgument(args, 2), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2
    store4(y + at, activate(kind, load4(x + at, last - i)), last - i)
  }
}

/** args: dy, x, dx, n (and the rest of a walk over two tensors of one shape: see broadcast.ts). Item: a block. */
@inline function mapGrad(kind: i32, args: usize, begin: i32, end: i32): void {
  const dy = pointerArgument(args, 0)
  const x = pointerArgument(args, 1)
  const dx = pointerArgument(args, 2)
  const last = min(intArgument(args, 3), end * BLOCK)
  for (let i = begin * BLOCK; i < last; i += 4) {
    const at = <usize>i << 2
    const left = last - i
    store4(dx + at, f32x4.mul(load4(dy + at, left), activateGrad(kind, load4(x + at, left))), left)
  }
}

/** args: x [rows, 2F], y [rows, F], F. Item: a row. */
@inline function gated(kind: i32, args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 2)
  const bytes = <usize>width << 2
  for (let row = begin; row < end; row++) {
    const gate = pointerArgument(args, 0) + <usize>row * bytes * 2
    const y = pointerArgument(args, 1) + <usize>row * bytes
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      const left = width - i
      store4(y + at, f32x4.mul(activate(kind, load4(gate + at, left)), load4(gate + bytes + at, left)), left)
    }
  }
}

/**
 * args: dy [rows, dyRow], x [rows, 2F], dx [rows, dxRow], F, dyRow, dxRow; what is in a row beyond F and 2F stays as it is.
 * dy may lie in the first half of dx. Item: a row.
 */
@inline function gatedGrad(kind: i32, args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 3)
  const bytes = <usize>width << 2
  for (let row = begin; row < end; row++) {
    const dy = pointerArgument(args, 0) + <usize>row * (<usize>intArgument(args, 4) << 2)
    const x = pointerArgument(args, 1) + <usize>row * bytes * 2
    const dx = pointerArgument(args, 2) + <usize>row * (<usize>intArgument(args, 5) << 2)
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      const left = width - i
      const gate = load4(x + at, left)
      const d = load4(dy + at, left)
      store4(dx + at, f32x4.mul(f32x4.mul(d, load4(x + bytes + at, left)), activateGrad(kind, gate)), left)
      store4(dx + bytes + at, f32x4.mul(d, activate(kind, gate)), left)
    }
  }
}


export function siluFloat(args: usize, begin: i32, end: i32): void { map(SILU, args, begin, end) }
export function siluGradFloat(args: usize, begin: i32, end: i32): void { mapGrad(SILU, args, begin, end) }
export function gatedSilu(args: usize, begin: i32, end: i32): void { gated(SILU, args, begin, end) }
export function gatedSiluGrad(args: usize, begin: i32, end: i32): void { gatedGrad(SILU, args, begin, end) }

export function geluFloat(args: usize, begin: i32, end: i32): void { map(GELU, args, begin, end) }
export function geluGradFloat(args: usize, begin: i32, end: i32): void { mapGrad(GELU, args, begin, end) }
export function gatedGelu(args: usize, begin: i32, end: i32): void { gated(GELU, args, begin, end) }
export function gatedGeluGrad(args: usize, begin: i32, end: i32): void { gatedGrad(GELU, args, begin, end) }

export function geluTanhFloat(args: usize, begin: i32, end: i32): void { map(GELU_TANH, args, begin, end) }
export function geluTanhGradFloat(args: usize, begin: i32, end: i32): void { mapGrad(GELU_TANH, args, begin, end) }
export function gatedGeluTanh(args: usize, begin: i32, end: i32): void { gated(GELU_TANH, args, begin, end) }
export function gatedGeluTanhGrad(args: usize, begin: i32, end: i32): void { gatedGrad(GELU_TANH, args, begin, end) }

export function reluFloat(args: usize, begin: i32, end: i32): void { map(RELU, args, begin, end) }
export function reluGradFloat(args: usize, begin: i32, end: i32): void { mapGrad(RELU, args, begin, end) }
export function gatedRelu(args: usize, begin: i32, end: i32): void { gated(RELU, args, begin, end) }
export function gatedReluGrad(args: usize, begin: i32, end: i32): void { gatedGrad(RELU, args, begin, end) }

export function relu2Float(args: usize, begin: i32, end: i32): void { map(RELU2, args, begin, end) }
export function relu2GradFloat(args: usize, begin: i32, end: i32): void { mapGrad(RELU2, args, begin, end) }
export function gatedRelu2(args: usize, begin: i32, end: i32): void { gated(RELU2, args, begin, end) }
export function gatedRelu2Grad(args: usize, begin: i32, end: i32): void { gatedGrad(RELU2, args, begin, end) }
