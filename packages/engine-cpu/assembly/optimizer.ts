// Updates over many tensors at once, in place. A table in shared memory has eight float64 words a tensor: up to four
// addresses, the size, the weight decay, and the number of the first block; an item is a block of 2048 elements.
import { BLOCK, load4, store4 } from './lanes'
import { floatArgument, intArgument, pointerArgument } from './thread'

const ENTRY: usize = 64

@inline function firstBlock(entry: usize): i32 {
  return <i32>load<f64>(entry, 48)
}

/** The tensor that owns a block: the last one that starts at or before it. */
function findEntry(table: usize, count: i32, block: i32): usize {
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) / 2
    if (firstBlock(table + <usize>middle * ENTRY) <= block) low = middle
    else high = middle - 1
  }
  return table + <usize>low * ENTRY
}

/** What gradients are multiplied by: a scalar tensor, or 1 where there is none. */
@inline function gradientScale(args: usize, i: i32): v128 {
  const p = pointerArgument(args, i)
  return p ? v128.load32_splat(p) : f32x4.splat(1)
}

/**
 * args: table (p, g, m, v), count, scale (0: none), beta1, beta2, 1 − beta1, 1 − beta2, learningRate,
 * learningRate / (1 − β1^t), 1 / √(1 − β2^t), eps. AdamW (arXiv 1711.05101, algorithm 2).
 */
export function adamW(args: usize, begin: i32, end: i32): void {
  const table = pointerArgument(args, 0)
  const scale = gradientScale(args, 2)
  const beta1 = f32x4.splat(floatArgument(args, 3))
  const beta2 = f32x4.splat(floatArgument(args, 4))
  const rest1 = f32x4.splat(floatArgument(args, 5))
  const rest2 = f32x4.splat(floatArgument(args, 6))
  const rate = load<f64>(args, 56)
  const step = f32x4.splat(floatArgument(args, 8))
  const correction = f32x4.splat(floatArgument(args, 9))
  const eps = f32x4.splat(floatArgument(args, 10))
  for (let block = begin; block < end; block++) {
    const entry = findEntry(table, intArgument(args, 1), block)
    const first = (block - firstBlock(entry)) * BLOCK
    const last = min(<i32>load<f64>(entry, 32), first + BLOCK)
    const keep = f32x4.splat(<f32>(1 - rate * load<f64>(entry, 40)))
    const pBase = pointerArgument(entry, 0)
    const gBase = pointerArgument(entry, 1)
    const mBase = pointerArgument(entry, 2)
    const vBase = pointerArgument(entry, 3)
    for (let i = first; i < last; i += 4) {
      const at = <usize>i << 2
      const left = last - i
      const g = f32x4.mul(load4(gBase + at, left), scale)
      const m = f32x4.relaxed_madd(load4(mBase + at, left), beta1, f32x4.mul(g, rest1))
      const v = f32x4.relaxed_madd(load4(vBase + at, left), beta2, f32x4.mul(f32x4.mul(g, g), rest2))
      const denominator = f32x4.relaxed_madd(f32x4.sqrt(v), correction, eps)
      const p = f32x4.mul(load4(pBase + at, left), keep)
      store4(mBase + at, m, left)
      store4(vBase + at, v, left)
      store4(pBase + at, f32x4.sub(p, f32x4.div(f32x4.mul(m, step), denominator)), left)
    }
  }
}

/** args: table (p, g, buffer or 0), count, scale (0: none), learningRate, momentum, nesterov, isFirstStep. torch.optim.SGD. */
export function sgd(args: usize, begin: i32, end: i32): void {
  const table = pointerArgument(args, 0)
  const scale = gradientScale(args, 2)
  const rate = f32x4.splat(-floatArgument(args, 3))
  const momentum = f32x4.splat(floatArgument(args, 4))
  const nesterov = intArgument(args, 5) != 0
  const isFirst = intArgument(args, 6) != 0
  for (let block = begin; block < end; block++) {
    const entry = findEntry(table, intArgument(args, 1), block)
    const first = (block - firstBlock(entry)) * BLOCK
    const last = min(<i32>load<f64>(entry, 32), first + BLOCK)
    const decay = f32x4.splat(<f32>load<f64>(entry, 40))
    const pBase = pointerArgument(entry, 0)
    const gBase = pointerArgument(entry, 1)
    const bBase = pointerArgument(entry, 2)
    for (let i = first; i < last; i += 4) {
      const at = <usize>i << 2
      const left = last - i
      const p = load4(pBase + at, left)
      const g = f32x4.relaxed_madd(p, decay, f32x4.mul(load4(gBase + at, left), scale))
      let direction = g
      if (bBase) {
        const b = isFirst ? g : f32x4.relaxed_madd(load4(bBase + at, left), momentum, g)
        store4(bBase + at, b, left)
        direction = nesterov ? f32x4.relaxed_madd(b, momentum, g) : b
      }
      store4(pBase + at, f32x4.relaxed_madd(direction, rate, p), left)
    }
  }
}

/** args: table (a, p), count, decay, 1 − decay. a ← decay·a + (1 − decay)·p. */
export function ema(args: usize, begin: i32, end: i32): void {
  const decay = f32x4.splat(floatArgument(args, 2))
  const rest = f32x4.splat(floatArgument(args, 3))
  for (let block = begin; block < end; block++) {
    const entry = findEntry(pointerArgument(args, 0), intArgument(args, 1), block)
    const first = (block - firstBlock(entry)) * BLOCK
    const last = min(<i32>load<f64>(entry, 32), first + BLOCK)
    const a = pointerArgument(entry, 0)
    const p = pointerArgument(entry, 1)
    for (let i = first; i < last; i += 4) {
      const at = <usize>i << 2
      const left = last - i
      store4(a + at, f32x4.relaxed_madd(load4(a + at, left), decay, f32x4.mul(load4(p + at, left), rest)), left)
    }
  }
}

/** args: table (g), count, sums (float64 [blocks]). Sum of squares of a block, in float64. */
export function squareSums(args: usize, begin: i32, end: i32): void {
  for (let block = begin; block < end; block++) {
    const entry = findEntry(pointerArgument(args, 0), intArgument(args, 1), block)
    const first = (block - firstBlock(entry)) * BLOCK
    const last = min(<i32>load<f64>(entry, 32), first + BLOCK)
    const g = pointerArgument(entry, 0)
    let a = f64x2.splat(0)
    let b = a
    for (let i = first; i < last; i += 4) {
      const x = load4(g + (<usize>i << 2), last - i)
      const low = f64x2.promote_low_f32x4(x)
      const high = f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0))
      a = f64x2.relaxed_madd(low, low, a)
      b = f64x2.relaxed_madd(high, high, b)
    }
    const sum = f64x2.add(a, b)
    store<f64>(pointerArgument(args, 2) + (<usize>block << 3), f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1))
  }
}

/** args: sums (float64 [n]), n, out. out = √Σ. One item. */
export function rootOfSum(args: usize, _begin: i32, _end: i32): void {
  let total: f64 = 0
  const n = intArgument(args, 1)
  const sums = pointerArgument(args, 0)
  for (let i = 0; i < n; i++) total += load<f64>(sums + (<usize>i << 3))
  store<f32>(pointerArgument(args, 2), <f32>Math.sqrt(total))
}
