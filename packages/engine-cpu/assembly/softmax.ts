// Softmax, its logarithm, and cross-entropy from logits over the last axis. Exponentials are summed in float32 within
// runs of 256 and in float64 from run to run, so that a vocabulary of any size keeps its precision.
import { laneMask, load4, maxRow, store4, sumLanes } from './lanes'
import { expFlushed } from './math'
import { intArgument, pointerArgument } from './thread'

const RUN: i32 = 256

/** Σ e^(x − shift); with `keep`, the terms are stored to y. */
@inline function sumExp(keep: bool, x: usize, y: usize, n: i32, shift: f32): f64 {
  const offset = f32x4.splat(shift)
  let total: f64 = 0
  for (let start = 0; start < n; start += RUN) {
    const end = min(n, start + RUN)
    let sum = f32x4.splat(0)
    for (let i = start; i < end; i += 4) {
      const at = <usize>i << 2
      const left = end - i
      let e = expFlushed(f32x4.sub(load4(x + at, left), offset))
      if (left < 4) e = v128.and(e, laneMask(left))
      if (keep) store4(y + at, e, left)
      sum = f32x4.add(sum, e)
    }
    total += <f64>sumLanes(sum)
  }
  return total
}

function sumExpOnly(x: usize, n: i32, shift: f32): f64 {
  return sumExp(false, x, 0, n, shift)
}

/** args: x, y, width. Item: a row. */
export function softmaxRows(args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 2)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>width << 2)
    const y = pointerArgument(args, 1) + (<usize>row * <usize>width << 2)
    const scale = f32x4.splat(<f32>(1 / sumExp(true, x, y, width, maxRow(x, width))))
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      store4(y + at, f32x4.mul(load4(y + at, width - i), scale), width - i)
    }
  }
}

/** args: x, y, width. Item: a row. */
export function logSoftmaxRows(args: usize, begin: i32, end: i32): void {
  const width = intArgument(args, 2)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>width << 2)
    const y = pointerArgument(args, 1) + (<usize>row * <usize>width << 2)
    const largest = maxRow(x, width)
    const shift = f32x4.splat(largest)
    const rest = f32x4.splat(<f32>Math.log(sumExpOnly(x, width, largest)))
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i << 2
      store4(y + at, f32x4.sub(f32x4.sub(load4(x + at, width - i), shift), rest), width - i)
    }
  }
}

/** args: logits [rows, V], targets, losses, lse, V, ignoreIndex, zLoss. A target outside [0, V) gives NaN. Item: a row. */
export function crossEntropy(args: usize, begin: i32, end: i32): void {
  const vocabulary = intArgument(args, 4)
  const ignore = intArgument(args, 5)
  const zLoss = load<f64>(args, 48)
  for (let row = begin; row < end; row++) {
    const x = pointerArgument(args, 0) + (<usize>row * <usize>vocabulary << 2)
    const at = <usize>row << 2
    const largest = maxRow(x, vocabulary)
    const lse = <f64>largest + Math.log(sumExpOnly(x, vocabulary, largest))
    const target = load<i32>(pointerArgument(args, 1) + at)
    let loss: f64 = 0
    if (target != ignore) {
      loss = <u32>target < <u32>vocabulary ? lse - load<f32>(x + (<usize>target << 2)) + zLoss * lse * lse : NaN
    }
    store<f32>(pointerArgument(args, 2) + at, <f32>loss)
    store<f32>(pointerArgument(args, 3) + at, <f32>lse)
  }
}

/** args: dlosses, logits, targets, lse, dlogits, V, ignoreIndex, zLoss. Item: a row. */
export function crossEntropyGrad(args: usize, begin: i32, end: i32): void {
  const vocabulary = intArgument(args, 5)
  const ignore = intArgument(args, 6)
  const zLoss = load<f64>(args, 56)
  for (let row = begin; row < end; row++) {
    const at = <usize>row << 2
    const x = pointerArgument(args, 1) + (<usize>row * <usize>vocabulary << 2)
    const dx = pointerArgument(args, 4) + (<usize>row * <usize>vocabulary << 2)
    const target = load<i32>(pointerArgument(args, 2) + at)
    const ignored = target == ignore
    const d: f32 = ignored ? 0 : load<f32>(pointerArgument(args, 0) + at)
    const lse = load<f32>(pointerArgument(args, 3) + at)
    const scale = f32x4.splat(<f32>(d * (1 + 2 * zLoss * lse)))
    const shift = f32x4.splat(lse)
    for (let i = 0; i < vocabulary; i += 4) {
      const step = <usize>i << 2
      const left = vocabulary - i
      const y = ignored ? f32x4.splat(0) : f32x4.mul(expFlushed(f32x4.sub(load4(x + step, left), shift)), scale)
      store4(dx + step, y, left)
    }
    if (!ignored && <u32>target < <u32>vocabulary) {
      const to = dx + (<usize>target << 2)
      store<f32>(to, load<f32>(to) - d)
    }
  }
}
