// Gradient of attention (FlashAttention-2, https://arxiv.org/abs/2307.08691, algorithm 2): scores are computed again
// from the saved log-sum-exp. A chunk is some blocks of queries of the heads that share a key head. It owns their dq,
// and adds to sums of its own for dk and dv, which are added up chunk by chunk afterwards: nothing depends on threads.
import {
  Attention, clamp, COLUMNS, endKey, endQuery, firstKey, firstQuery, KEYS, ROWS, STRIDE, up,
} from './attention-shape'
import { blockProduct, multiplyColumns, multiplyRows, packRows, transpose, unpackRow, zero } from './attention-tile'
import { dotRow, laneMask, load4, store4 } from './lanes'
import { exp, expFlushed } from './math'
import { threadIndex } from './thread'

@inline function wide(x: f64): i32 {
  return up(<i32>x, COLUMNS)
}

/** Rows of a chunk's sums: dk [rows, D8], then dv [rows, C8]. With a window, strips of rows start at any key. */
@inline function sumRows(a: Attention): i32 {
  return up(<i32>a.length, ROWS) + ROWS
}

/**
 * args: Attention. Item: a chunk. Work of a thread, in floats: QUERIES·(4 + 3·D8 + 2·C8) + KEYS·(2·QUERIES + D8).
 */
export function attentionGrad(args: usize, begin: i32, end: i32): void {
  const a = changetype<Attention>(args)
  const block = <i32>a.block
  const blocks = up(<i32>a.queries, block) / block
  const chunks = <i32>a.chunks
  const keyHeads = <i32>a.keyHeads
  const shared = <i32>a.heads / keyHeads
  const units = shared * blocks
  const each = up(units, chunks) / chunks
  const size = sumRows(a) * (wide(a.features) + wide(a.valueFeatures))
  for (let item = begin; item < end; item++) {
    const chunk = item % chunks
    const g = item / chunks % keyHeads
    const b = item / chunks / keyHeads
    const dk = <usize>a.partials + <usize>item * <usize>size * 4
    zero(dk, size)
    for (let unit = chunk * each; unit < min(units, (chunk + 1) * each); unit++) {
      const t0 = unit % blocks * block
      gradientBlock(a, b, g * shared + unit / blocks, g, t0, min(block, <i32>a.queries - t0), dk)
    }
  }
}

function gradientBlock(a: Attention, b: i32, h: i32, g: i32, t0: i32, nt: i32, dk: usize): void {
  const features = <i32>a.features
  const valueFeatures = <i32>a.valueFeatures
  const wideD = wide(a.features)
  const wideC = wide(a.valueFeatures)
  const dRow = <usize>wideD << 2
  const cRow = <usize>wideC << 2
  const qRow = <usize>(<i32>a.heads * features) << 2
  const yRow = <usize>(<i32>a.heads * valueFeatures) << 2
  const kRow = <usize>(<i32>a.keyHeads * features) << 2
  const vRow = <usize>(<i32>a.keyHeads * valueFeatures) << 2
  const queryRow = <usize>(b * <i32>a.queries + t0)
  const k = <usize>a.k + <usize>(b * <i32>a.keys) * kRow + (<usize>(g * features) << 2)
  const v = <usize>a.v + <usize>(b * <i32>a.keys) * vRow + (<usize>(g * valueFeatures) << 2)
  const dv = dk + <usize>sumRows(a) * dRow
  const scale = <f32>a.scale

  const lse = <usize>a.work + <usize>threadIndex * <usize>a.workBytes
  const delta = lse + STRIDE
  const q = lse + 4 * STRIDE // [D8, QUERIES]
  const queries = q + <usize>wideD * STRIDE // [QUERIES, D8]
  const dq = queries + <usize>wideD * STRIDE // [QUERIES, D8]
  const dy = dq + <usize>wideD * STRIDE // [C8, QUERIES]
  const gradients = dy + <usize>wideC * STRIDE // [QUERIES, C8]
  const p = gradients + <usize>wideC * STRIDE // [KEYS, QUERIES]
  const ds = p + <usize>KEYS * STRIDE // [KEYS, QUERIES]
  const keys = ds + <usize>KEYS * STRIDE // [KEYS, D8]

  const padded = up(nt, COLUMNS)
  packRows(queries, <usize>a.q + queryRow * qRow + (<usize>(h * features) << 2), qRow, nt, padded, features, scale)
  transpose(q, STRIDE, queries, dRow, padded, wideD)
  const head = <usize>(h * valueFeatures) << 2
  packRows(gradients, <usize>a.dy + queryRow * yRow + head, yRow, nt, padded, valueFeatures, 1)
  transpose(dy, STRIDE, gradients, cRow, padded, wideC)
  loadRowSums(a, lse, b, h, t0, nt, <usize>a.y + queryRow * yRow + head, yRow, gradients, cRow)
  zero(dq, up(nt, ROWS) * wideD)

  const end = endKey(a, t0 + nt - 1)
  for (let s0 = firstKey(a, t0); s0 < end; s0 += KEYS) {
    const n = min(KEYS, end - s0)
    blockProduct(a, p, k, kRow, q, features, s0, n, t0, nt)
    blockProduct(a, ds, v, vRow, dy, valueFeatures, s0, n, t0, nt)
    scoreGradients(a, p, ds, lse, delta, s0, n, t0, nt)
    for (let i = 0; i < n; i += ROWS) {
      const low = max(firstQuery(a, s0 + i), t0) - t0
      const steps = min(endQuery(a, s0 + min(i + ROWS, n) - 1), t0 + nt) - t0 - low
      if (steps <= 0) continue
      const at = <usize>i * STRIDE + (<usize>low << 2)
      const row = <usize>(s0 + i)
      multiplyRows(dv + row * cRow, cRow, p + at, STRIDE, ROWS, gradients + <usize>low * cRow, cRow, wideC, steps, true)
      multiplyRows(dk + row * dRow, dRow, ds + at, STRIDE, ROWS, queries + <usize>low * dRow, dRow, wideD, steps, true)
    }
    packRows(keys, k + <usize>s0 * kRow, kRow, n, n, features, scale)
    for (let i = 0; i < nt; i += ROWS) {
      const low = max(firstKey(a, t0 + i), s0) - s0
      const steps = min(endKey(a, t0 + min(i + ROWS, nt) - 1), s0 + n) - s0 - low
      if (steps <= 0) continue
      const from = ds + <usize>low * STRIDE + (<usize>i << 2)
      multiplyColumns(dq + <usize>i * dRow, dRow, from, STRIDE, keys + <usize>low * dRow, dRow, wideD, steps)
    }
  }
  const to = <usize>a.dq + queryRow * qRow + (<usize>(h * features) << 2)
  for (let t = 0; t < nt; t++) unpackRow(to + <usize>t * qRow, dq + <usize>t * dRow, features, 1)
}

/** lse (0 for a query that sees nothing) and delta = Σ dy·y of a block, and its part of the sink's gradient. */
function loadRowSums(
  a: Attention, lse: usize, b: i32, h: i32, t0: i32, nt: i32, y: usize, yRow: usize, dy: usize, dyRow: usize,
): void {
  const delta = lse + STRIDE
  const none = f32x4.splat(-Infinity)
  const head = b * <i32>a.heads + h
  const saved = <usize>a.lse + (<usize>(head * <i32>a.queries + t0) << 2)
  const sink = f32x4.splat(a.sinks != 0 ? load<f32>(<usize>a.sinks + (<usize>h << 2)) : -Infinity)
  let total: f64 = 0
  for (let t = 0; t < nt; t += 4) {
    const at = <usize>t << 2
    const left = nt - t
    const x = load4(saved + at, left)
    const shift = v128.bitselect(f32x4.splat(0), x, f32x4.eq(x, none))
    v128.store(lse + at, shift)
    v128.store(delta + at, f32x4.splat(0))
    for (let i = t; i < min(t + 4, nt); i++) {
      const sum = <f32>dotRow(dy + <usize>i * dyRow, y + <usize>i * yRow, <i32>a.valueFeatures)
      store<f32>(delta + (<usize>i << 2), sum)
    }
    let part = f32x4.mul(exp(f32x4.sub(sink, shift)), v128.load(delta + at))
    // Behind the last query stands the sink alone, whose exponential may be infinite.
    if (left < 4) part = v128.and(part, laneMask(left))
    total += <f64>f32x4.extract_lane(part, 0) + <f64>f32x4.extract_lane(part, 1)
    total += <f64>f32x4.extract_lane(part, 2) + <f64>f32x4.extract_lane(part, 3)
  }
  if (a.sinks != 0) {
    const block = <i32>a.block
    const blocks = up(<i32>a.queries, block) / block
    store<f64>(<usize>a.sinkPartials + (<usize>(head * blocks + t0 / block) << 3), total)
  }
}

/** p = exp(score − lse) and ds = p · (dp − delta) take the place of scores and dp; 0 where invisible and past n. */
function scoreGradients(
  a: Attention, p: usize, ds: usize, lse: usize, delta: usize, s0: i32, n: i32, t0: i32, nt: i32,
): void {
  const padded = up(nt, ROWS)
  for (let s = 0; s < up(n, ROWS); s++) {
    const low = s < n ? clamp(firstQuery(a, s0 + s) - t0, 0, nt) : nt
    const high = s < n ? clamp(endQuery(a, s0 + s) - t0, low, nt) : nt
    let t = 0
    for (; t <= low - 4; t += 4) {
      v128.store(p + (<usize>t << 2), f32x4.splat(0))
      v128.store(ds + (<usize>t << 2), f32x4.splat(0))
    }
    for (; t < high; t += 4) {
      const at = <usize>t << 2
      let e = expFlushed(f32x4.sub(v128.load(p + at), v128.load(lse + at)))
      let d = f32x4.mul(e, f32x4.sub(v128.load(ds + at), v128.load(delta + at)))
      if (t < low || t + 4 > high) {
        const seen = v128.andnot(laneMask(high - t), laneMask(low - t))
        e = v128.and(e, seen)
        d = v128.and(d, seen)
      }
      v128.store(p + at, e)
      v128.store(ds + at, d)
    }
    for (; t < padded; t += 4) {
      v128.store(p + (<usize>t << 2), f32x4.splat(0))
      v128.store(ds + (<usize>t << 2), f32x4.splat(0))
    }
    p += STRIDE
    ds += STRIDE
  }
}

/** args: Attention. Adds up the chunks. Item: a key of all key heads. */
export function attentionGradSum(args: usize, begin: i32, end: i32): void {
  const a = changetype<Attention>(args)
  const keys = <i32>a.keys
  const rows = sumRows(a)
  const dRow = <usize>wide(a.features) << 2
  const cRow = <usize>wide(a.valueFeatures) << 2
  const size = <usize>rows * (dRow + cRow)
  for (let item = begin; item < end; item++) {
    const b = item / keys
    const s = item % keys
    const count = s < <i32>a.length ? <i32>a.chunks : 0
    for (let g = 0; g < <i32>a.keyHeads; g++) {
      const head = item * <i32>a.keyHeads + g
      const from = <usize>a.partials + <usize>((b * <i32>a.keyHeads + g) * <i32>a.chunks) * size
      sumChunks(<usize>a.dk, head, from + <usize>s * dRow, size, count, <i32>a.features)
      sumChunks(<usize>a.dv, head, from + <usize>rows * dRow + <usize>s * cRow, size, count, <i32>a.valueFeatures)
    }
  }
}

function sumChunks(out: usize, row: i32, from: usize, stride: usize, count: i32, width: i32): void {
  const to = out + (<usize>(row * width) << 2)
  for (let j = 0; j < width; j += 4) {
    const at = <usize>j << 2
    let sum = count > 0 ? v128.load(from + at) : f32x4.splat(0)
    for (let i = 1; i < count; i++) sum = f32x4.add(sum, v128.load(from + <usize>i * stride + at))
    store4(to + at, sum, width - j)
  }
}

/** args: Attention. dsinks = −Σ over batch and queries of exp(sink − lse)·delta. Item: a head. */
export function attentionGradSinks(args: usize, begin: i32, end: i32): void {
  const a = changetype<Attention>(args)
  const block = <i32>a.block
  const blocks = up(<i32>a.queries, block) / block
  for (let h = begin; h < end; h++) {
    let sum: f64 = 0
    for (let b = 0; b < <i32>a.batch; b++) {
      for (let i = 0; i < blocks; i++) {
        sum += load<f64>(<usize>a.sinkPartials + (<usize>((b * <i32>a.heads + h) * blocks + i) << 3))
      }
    }
    store<f32>(<usize>a.dsinks + (<usize>h << 2), <f32>(0 - sum))
  }
}
