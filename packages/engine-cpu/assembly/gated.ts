// Gated units act(gate) · up over rows gate ‖ up, and their gradient, each in one pass.
import { activate, activateGrad, GELU, GELU_TANH, RELU, SILU } from './activation'
import { load4, store4 } from './lanes'
import { intArgument, pointerArgument } from './thread'

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

/** args: dy [rows, F], x [rows, 2F], dx [rows, 2F], F. Item: a row. */
@inline function gatedGrad(kind: i32, args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 3)
  const bytes = <usize>width << 2
  for (let row = begin; row < end; row++) {
    const dy = pointerArgument(args, 0) + <usize>row * bytes
    const x = pointerArgument(args, 1) + <usize>row * bytes * 2
    const dx = pointerArgument(args, 2) + <usize>row * bytes * 2
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

export function gatedSilu(args: usize, begin: i32, end: i32): void { gated(SILU, args, begin, end) }
export function gatedGelu(args: usize, begin: i32, end: i32): void { gated(GELU, args, begin, end) }
export function gatedGeluTanh(args: usize, begin: i32, end: i32): void { gated(GELU_TANH, args, begin, end) }
export function gatedRelu(args: usize, begin: i32, end: i32): void { gated(RELU, args, begin, end) }
export function gatedSiluGrad(args: usize, begin: i32, end: i32): void { gatedGrad(SILU, args, begin, end) }
export function gatedGeluGrad(args: usize, begin: i32, end: i32): void { gatedGrad(GELU, args, begin, end) }
export function gatedGeluTanhGrad(args: usize, begin: i32, end: i32): void { gatedGrad(GELU_TANH, args, begin, end) }
export function gatedReluGrad(args: usize, begin: i32, end: i32): void { gatedGrad(RELU, args, begin, end) }
