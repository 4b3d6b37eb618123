// Activations of the catalogue and their derivatives. `silu`, `gelu` (exact), `geluTanh` (its tanh form, as x·σ(2u)),
// `relu`, `relu2`. All derivatives are taken from the input alone.
import { expFlushed, one, sigmoid } from './math'

export const SILU: i32 = 0
export const GELU: i32 = 1
export const GELU_TANH: i32 = 2
export const RELU: i32 = 3
export const RELU2: i32 = 4

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

@inline export function activate(kind: i32, x: v128): v128 {
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

@inline export function activateGrad(kind: i32, x: v128): v128 {
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
