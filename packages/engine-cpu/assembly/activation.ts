// Activations of the catalogue and their derivatives. `silu`, `gelu` (exact, by erf),
// `geluTanh` (its tanh form, as x·σ(2u)), `relu`, `relu2`. All derivatives are taken from the input alone.
import { erf, expFlushed, sigmoid } from './math'

export const SILU: i32 = 0
export const GELU: i32 = 1
export const GELU_TANH: i32 = 2
export const RELU: i32 = 3
export const RELU2: i32 = 4

@inline function splat(x: f32): v128 {
  return f32x4.splat(x)
}

/** Standard normal cumulative distribution. */
@inline function normalCdf(x: v128): v128 {
  return f32x4.relaxed_madd(erf(f32x4.mul(x, splat(0.7071067811865476))), splat(0.5), splat(0.5))
}

/** σ(2u), u = √(2/π)·(x + 0.044715·x³): what geluTanh multiplies x by. */
@inline function tanhGate(x: v128): v128 {
  const cubic = f32x4.relaxed_madd(f32x4.mul(x, x), splat(0.07135481282553285), splat(1.5957691216057308))
  return sigmoid(f32x4.mul(x, cubic))
}

@inline export function activate(kind: i32, x: v128): v128 {
  if (kind == SILU) return f32x4.mul(x, sigmoid(x))
  if (kind == GELU) return f32x4.mul(x, normalCdf(x))
  if (kind == GELU_TANH) return f32x4.mul(x, tanhGate(x))
  const positive = f32x4.pmax(x, splat(0))
  return kind == RELU ? positive : f32x4.mul(positive, positive)
}

@inline export function activateGrad(kind: i32, x: v128): v128 {
  if (kind == SILU) {
    const s = sigmoid(x)
    return f32x4.relaxed_madd(f32x4.mul(x, s), f32x4.sub(splat(1), s), s)
  }
  if (kind == GELU) {
    const density = f32x4.mul(expFlushed(f32x4.mul(f32x4.mul(x, x), splat(-0.5))), splat(0.3989422804014327))
    return f32x4.relaxed_madd(x, density, normalCdf(x))
  }
  if (kind == GELU_TANH) {
    const s = tanhGate(x)
    const square = f32x4.mul(x, x)
    const slope = f32x4.mul(x, f32x4.relaxed_madd(square, splat(0.21406443847659856), splat(1.5957691216057308)))
    return f32x4.relaxed_madd(f32x4.mul(slope, s), f32x4.sub(splat(1), s), s)
  }
  if (kind == RELU) return v128.and(splat(1), f32x4.gt(x, splat(0)))
  const positive = f32x4.pmax(x, splat(0))
  return f32x4.add(positive, positive)
}
