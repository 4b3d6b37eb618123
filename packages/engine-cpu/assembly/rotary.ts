// Rotary position embedding (RoFormer, arXiv 2104.09864): pairs of a head's first R elements turn by the position's
// angles, the rest is copied. Plain products and sums, without fused multiply-add, so that scalar tails agree.
import { copyRow } from './lanes'
import { intArgument, pointerArgument } from './thread'

/** args: x [B, T, H, D], y, cos [T, R/2], sin [T, R/2], T, H, D, R, -, inverse. Item: (batch, position). */
export function rotaryHalves(args: usize, begin: i32, end: i32): void { turn(false, args, begin, end) }
export function rotaryNeighbours(args: usize, begin: i32, end: i32): void { turn(true, args, begin, end) }

@inline function turn(interleaved: bool, args: usize, begin: i32, end: i32): void {
  const positions = intArgument(args, 4)
  const heads = intArgument(args, 5)
  const width = intArgument(args, 6)
  const turned = intArgument(args, 7)
  const inverse = intArgument(args, 9) != 0
  const half = turned / 2
  for (let item = begin; item < end; item++) {
    const angle = <usize>(item % positions * half) << 2
    const cos = pointerArgument(args, 2) + angle
    const sin = pointerArgument(args, 3) + angle
    for (let head = 0; head < heads; head++) {
      const offset = (<usize>item * <usize>heads + <usize>head) * <usize>width << 2
      const x = pointerArgument(args, 0) + offset
      const y = pointerArgument(args, 1) + offset
      if (interleaved) turnNeighbours(x, y, cos, sin, half, inverse)
      else turnHalves(x, y, cos, sin, half, inverse)
      if (turned < width) copyRow(y + (<usize>turned << 2), x + (<usize>turned << 2), width - turned)
    }
  }
}

@inline export function turnHalves(x: usize, y: usize, cos: usize, sin: usize, half: i32, inverse: bool): void {
  const other = <usize>half << 2
  let i = 0
  for (; i <= half - 4; i += 4) {
    const at = <usize>i << 2
    const a = v128.load(x + at)
    const b = v128.load(x + other + at)
    const c = v128.load(cos + at)
    const s = inverse ? f32x4.neg(v128.load(sin + at)) : v128.load(sin + at)
    v128.store(y + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)))
    v128.store(y + other + at, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)))
  }
  for (; i < half; i++) {
    const at = <usize>i << 2
    turnPair(x + at, x + other + at, y + at, y + other + at, load<f32>(cos + at), load<f32>(sin + at), inverse)
  }
}

@inline function turnNeighbours(x: usize, y: usize, cos: usize, sin: usize, half: i32, inverse: bool): void {
  let i = 0
  for (; i <= half - 4; i += 4) {
    const at = <usize>i << 2
    const first = v128.load(x + at * 2)
    const second = v128.load(x + at * 2, 16)
    const a = i32x4.shuffle(first, second, 0, 2, 4, 6)
    const b = i32x4.shuffle(first, second, 1, 3, 5, 7)
    const c = v128.load(cos + at)
    const s = inverse ? f32x4.neg(v128.load(sin + at)) : v128.load(sin + at)
    const p = f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s))
    const q = f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s))
    v128.store(y + at * 2, i32x4.shuffle(p, q, 0, 4, 1, 5))
    v128.store(y + at * 2, i32x4.shuffle(p, q, 2, 6, 3, 7), 16)
  }
  for (; i < half; i++) {
    const at = <usize>i << 2
    const pair = at * 2
    turnPair(x + pair, x + pair + 4, y + pair, y + pair + 4, load<f32>(cos + at), load<f32>(sin + at), inverse)
  }
}

@inline function turnPair(xa: usize, xb: usize, ya: usize, yb: usize, c: f32, sine: f32, inverse: bool): void {
  const s = inverse ? -sine : sine
  const a = load<f32>(xa)
  const b = load<f32>(xb)
  store<f32>(ya, a * c - b * s)
  store<f32>(yb, b * c + a * s)
}
