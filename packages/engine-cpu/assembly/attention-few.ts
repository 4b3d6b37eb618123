// Attention of a few queries over many keys, as in generation: bound by reading the keys and values, which it does once
// for all query heads that share them, in place. The keys are cut into stretches of a fixed length, which threads take
// one by one; each leaves its maximum, its sum and its weighted values, and those are then put together in order.
import { Attention, clamp, endKey, firstKey, origin, up } from './attention-shape'
import { copyRow, load4, maxRow, store4, sumLanes, zeroRow } from './lanes'
import { expFlushed, log } from './math'
import { turnHalves } from './rotary'
import { threadIndex } from './thread'

/** Floats of a stretch before its values: maximum, sum. */
const HEADER: i32 = 4

@inline function stretches(a: Attention): i32 {
  const block = <i32>a.block
  return up(<i32>a.length, block) / block
}

@inline function partialBytes(a: Attention): usize {
  return <usize>(HEADER + up(<i32>a.valueFeatures, 4)) << 2
}

/**
 * args: Attention, block a multiple of 4. Item: a stretch of `block` keys of a key head. Work of a thread, in floats:
 * T·H/G·(block + D4), D4 rounded up to a multiple of 4. Partials: [B, H, T, stretches] of 4 + C4 floats; of a single
 * stretch the result follows at once.
 */
export function attentionFew(args: usize, begin: i32, end: i32): void {
  const a = changetype<Attention>(args)
  const keyHeads = <i32>a.keyHeads
  const count = stretches(a)
  for (let item = begin; item < end; item++) {
    stretch(a, item / keyHeads / count, item % keyHeads, item / keyHeads % count)
  }
}

function stretch(a: Attention, b: i32, g: i32, index: i32): void {
  const T = <i32>a.queries
  const block = <i32>a.block
  const features = <i32>a.features
  const valueFeatures = <i32>a.valueFeatures
  const keyHeads = <i32>a.keyHeads
  const shared = <i32>a.heads / keyHeads
  const rows = shared * T
  const kRow = <usize>(keyHeads * features) << 2
  const vRow = <usize>(keyHeads * valueFeatures) << 2
  const qBytes = <usize>up(features, 4) << 2
  const scoreBytes = <usize>block << 2
  const queries = <usize>a.work + <usize>threadIndex * <usize>a.workBytes
  const scores = queries + <usize>rows * qBytes
  const partialSize = partialBytes(a)
  const firstRow = (b * <i32>a.heads + g * shared) * T
  const partials = <usize>a.partials + <usize>(firstRow * stretches(a) + index) * partialSize
  const partialStep = <usize>stretches(a) * partialSize

  const start = max(index * block, firstKey(a, 0))
  const n = min(min(<i32>a.length, (index + 1) * block), endKey(a, T - 1)) - start
  const k = <usize>a.k + <usize>(b * <i32>a.keys + start) * kRow + (<usize>(g * features) << 2)
  const v = <usize>a.v + <usize>(b * <i32>a.keys + start) * vRow + (<usize>(g * valueFeatures) << 2)

  append(a, b, g, index)
  const scale = f32x4.splat(<f32>a.scale)
  for (let row = 0; row < rows; row++) {
    const t = row % T
    const head = g * shared + row / T
    const from = <usize>a.q + (<usize>(((b * T + t) * <i32>a.heads + head) * features) << 2)
    const to = queries + <usize>row * qBytes
    turn(a, from, to, t)
    for (let i = 0; i < features; i += 4) {
      const at = <usize>i << 2
      v128.store(to + at, f32x4.mul(load4(to + at, features - i), scale))
    }
  }
  for (let j = 0; j < n; j += 4) {
    const last = n - 1 - j
    const k0 = k + <usize>j * kRow
    const k1 = k0 + <usize>min(1, last) * kRow, k2 = k0 + <usize>min(2, last) * kRow
    const k3 = k0 + <usize>min(3, last) * kRow
    for (let row = 0; row < rows; row++) {
      v128.store(
        scores + <usize>row * scoreBytes + (<usize>j << 2),
        fourDots(queries + <usize>row * qBytes, k0, k1, k2, k3, features),
      )
    }
  }
  for (let row = 0; row < rows; row++) {
    const t = row % T
    const partial = partials + <usize>row * partialStep
    const low = clamp(firstKey(a, t) - start, 0, max(n, 0))
    const high = clamp(endKey(a, t) - start, low, max(n, 0))
    weigh(scores + <usize>row * scoreBytes, low, high, n, partial)
    zeroRow(partial + (HEADER << 2), up(valueFeatures, 4))
  }
  for (let j = 0; j < n; j += 4) {
    const last = n - 1 - j
    const v0 = v + <usize>j * vRow
    const v1 = v0 + <usize>min(1, last) * vRow, v2 = v0 + <usize>min(2, last) * vRow
    const v3 = v0 + <usize>min(3, last) * vRow
    for (let row = 0; row < rows; row++) {
      const sum = partials + <usize>row * partialStep + (HEADER << 2)
      addFour(sum, scores + <usize>row * scoreBytes + (<usize>j << 2), v0, v1, v2, v3, valueFeatures)
    }
  }
  if (stretches(a) == 1) {
    for (let row = 0; row < rows; row++) finish(a, b, row % T, g * shared + row / T)
  }
}

/** New keys, turned, and new values of a stretch go to their places. */
function append(a: Attention, b: i32, g: i32, index: i32): void {
  if (a.newKeys == 0) return
  const T = <i32>a.queries
  const keyHeads = <i32>a.keyHeads
  const first = index * <i32>a.block - origin(a)
  const end = min(T, first + <i32>a.block)
  for (let t = max(0, first); t < end; t++) {
    const from = <usize>((b * T + t) * keyHeads + g) << 2
    const to = <usize>((b * <i32>a.keys + origin(a) + t) * keyHeads + g) << 2
    const features = <usize>a.features
    const valueFeatures = <usize>a.valueFeatures
    turn(a, <usize>a.newKeys + from * features, <usize>a.k + to * features, t)
    copyRow(<usize>a.v + to * valueFeatures, <usize>a.newValues + from * valueFeatures, <i32>valueFeatures)
  }
}

/** A row of features at the position of query t. */
function turn(a: Attention, from: usize, to: usize, t: i32): void {
  const turned = <i32>a.turned
  const half = turned / 2
  const angles = <usize>((origin(a) + t) * half) << 2
  turnHalves(from, to, <usize>a.cos + angles, <usize>a.sin + angles, half, false)
  const rest = <usize>turned << 2
  copyRow(to + rest, from + rest, <i32>a.features - turned)
}

/** q·k for four keys; q is padded with zeros to a multiple of four. */
function fourDots(q: usize, k0: usize, k1: usize, k2: usize, k3: usize, features: i32): v128 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
  const whole = <usize>(features & -4) << 2
  let at: usize = 0
  for (; at < whole; at += 16) {
    const x = v128.load(q + at)
    s0 = f32x4.relaxed_madd(x, v128.load(k0 + at), s0), s1 = f32x4.relaxed_madd(x, v128.load(k1 + at), s1)
    s2 = f32x4.relaxed_madd(x, v128.load(k2 + at), s2), s3 = f32x4.relaxed_madd(x, v128.load(k3 + at), s3)
  }
  const left = features & 3
  if (left > 0) {
    const x = load4(q + at, left)
    s0 = f32x4.relaxed_madd(x, load4(k0 + at, left), s0), s1 = f32x4.relaxed_madd(x, load4(k1 + at, left), s1)
    s2 = f32x4.relaxed_madd(x, load4(k2 + at, left), s2), s3 = f32x4.relaxed_madd(x, load4(k3 + at, left), s3)
  }
  const a = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 4, 1, 5), v128.shuffle<f32>(s0, s1, 2, 6, 3, 7))
  const b = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 4, 1, 5), v128.shuffle<f32>(s2, s3, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<i64>(a, b, 0, 2), v128.shuffle<i64>(a, b, 1, 3))
}

/** Scores [low, high) become exp(score − maximum), the others up to a multiple of four past n become 0. */
function weigh(scores: usize, low: i32, high: i32, n: i32, partial: usize): void {
  const padded = up(max(n, 0), 4)
  for (let j = 0; j < low; j++) store<f32>(scores + (<usize>j << 2), -Infinity)
  for (let j = high; j < padded; j++) store<f32>(scores + (<usize>j << 2), -Infinity)
  const largest = maxRow(scores, padded)
  const shift = f32x4.splat(largest == -Infinity ? 0 : largest)
  let sum = f32x4.splat(0)
  for (let j = 0; j < padded; j += 4) {
    const at = scores + (<usize>j << 2)
    const e = expFlushed(f32x4.sub(v128.load(at), shift))
    v128.store(at, e)
    sum = f32x4.add(sum, e)
  }
  store<f32>(partial, largest)
  store<f32>(partial, sumLanes(sum), 4)
}

/** sum += e[0]·v0 + … + e[3]·v3. */
function addFour(sum: usize, e: usize, v0: usize, v1: usize, v2: usize, v3: usize, width: i32): void {
  const e0 = v128.load_splat<f32>(e), e1 = v128.load_splat<f32>(e, 4)
  const e2 = v128.load_splat<f32>(e, 8), e3 = v128.load_splat<f32>(e, 12)
  const whole = <usize>(width & -4) << 2
  let at: usize = 0
  for (; at < whole; at += 16) {
    let x = v128.load(sum + at)
    x = f32x4.relaxed_madd(e0, v128.load(v0 + at), x)
    x = f32x4.relaxed_madd(e1, v128.load(v1 + at), x)
    x = f32x4.relaxed_madd(e2, v128.load(v2 + at), x)
    v128.store(sum + at, f32x4.relaxed_madd(e3, v128.load(v3 + at), x))
  }
  const left = width & 3
  if (left == 0) return
  let x = v128.load(sum + at)
  x = f32x4.relaxed_madd(e0, load4(v0 + at, left), x)
  x = f32x4.relaxed_madd(e1, load4(v1 + at, left), x)
  x = f32x4.relaxed_madd(e2, load4(v2 + at, left), x)
  v128.store(sum + at, f32x4.relaxed_madd(e3, load4(v3 + at, left), x))
}

/** args: Attention. Item: a query of a head, in the order of y. */
export function attentionFewCombine(args: usize, begin: i32, end: i32): void {
  const a = changetype<Attention>(args)
  const T = <i32>a.queries
  const heads = <i32>a.heads
  for (let item = begin; item < end; item++) finish(a, item / heads / T, item / heads % T, item % heads)
}

/** Puts the stretches of a query together. */
function finish(a: Attention, b: i32, t: i32, h: i32): void {
  const heads = <i32>a.heads
  const T = <i32>a.queries
  const width = <i32>a.valueFeatures
  const count = stretches(a)
  const size = partialBytes(a)
  const row = (b * heads + h) * T + t
  const partials = <usize>a.partials + <usize>(row * count) * size
  const y = <usize>a.y + (<usize>(((b * T + t) * heads + h) * width) << 2)
  const sink: f32 = a.sinks != 0 ? load<f32>(<usize>a.sinks + (<usize>h << 2)) : -Infinity
  let largest = f32x4.splat(sink)
  for (let i = 0; i < count; i++) largest = f32x4.max(largest, v128.load32_splat(partials + <usize>i * size))
  const shift = v128.bitselect(f32x4.splat(0), largest, f32x4.eq(largest, f32x4.splat(-Infinity)))
  let sum = expFlushed(f32x4.sub(f32x4.splat(sink), shift))
  for (let i = 0; i < count; i++) {
    const partial = partials + <usize>i * size
    const factor = expFlushed(f32x4.sub(v128.load32_splat(partial), shift))
    sum = f32x4.relaxed_madd(factor, v128.load32_splat(partial, 4), sum)
    v128.store(partial, factor)
  }
  const total = f32x4.extract_lane(sum, 0)
  const scale = f32x4.splat(total == 0 ? 0 : 1 / total)
  for (let j = 0; j < width; j += 4) {
    let x = f32x4.splat(0)
    for (let i = 0; i < count; i++) {
      const partial = partials + <usize>i * size
      x = f32x4.relaxed_madd(v128.load(partial), v128.load(partial + (<usize>(HEADER + j) << 2)), x)
    }
    store4(y + (<usize>j << 2), f32x4.mul(x, scale), width - j)
  }
  v128.store32_lane(<usize>a.lse + (<usize>row << 2), f32x4.add(largest, log(sum)), 0)
}
