// Attention with an online softmax (FlashAttention-2, https://arxiv.org/abs/2307.08691): a block of queries meets one
// block of keys after the other. Scores are held [key][query], so that the maximum, the exponentials and their sum run
// down columns, four queries in a vector, without a sum across lanes. Only visible strips of a block are computed.
import { Attention, clamp, COLUMNS, endKey, firstKey, KEYS, ROWS, STRIDE, up, visible } from './attention-shape'
import { blockProduct, multiplyColumns, packRows, transpose, unpackRow, zero } from './attention-tile'
import { expFlushed, log } from './math'
import { threadIndex } from './thread'

export { attentionFew, attentionFewCombine } from './attention-few'
export { attentionGrad, attentionGradSinks, attentionGradSum } from './attention-gradient'

/**
 * args: Attention. Item: a block of queries of a head. Work of a thread, in floats: QUERIES·(4 + 2·D8 + C8) +
 * KEYS·(QUERIES + C8), where D8 and C8 are rounded up to multiples of 8.
 */
export function attention(args: usize, begin: i32, end: i32): void {
  const a = changetype<Attention>(args)
  const block = <i32>a.block
  const blocks = up(<i32>a.queries, block) / block
  const heads = <i32>a.heads
  for (let item = begin; item < end; item++) {
    // the last blocks see most keys: they come first
    const t0 = (blocks - 1 - item % blocks) * block
    const head = item / blocks
    attendBlock(a, head / heads, head % heads, t0, min(block, <i32>a.queries - t0))
  }
}

function attendBlock(a: Attention, b: i32, h: i32, t0: i32, nt: i32): void {
  const features = <i32>a.features
  const wideD = up(features, COLUMNS)
  const valueFeatures = <i32>a.valueFeatures
  const wideC = up(valueFeatures, COLUMNS)
  const yStride = <usize>wideC << 2
  const qRow = <usize>(<i32>a.heads * features) << 2
  const g = h / (<i32>a.heads / <i32>a.keyHeads)
  const kRow = <usize>(<i32>a.keyHeads * features) << 2
  const vRow = <usize>(<i32>a.keyHeads * valueFeatures) << 2
  const k = <usize>a.k + <usize>(b * <i32>a.keys) * kRow + (<usize>(g * features) << 2)
  const v = <usize>a.v + <usize>(b * <i32>a.keys) * vRow + (<usize>(g * valueFeatures) << 2)

  const maxima = <usize>a.work + <usize>threadIndex * <usize>a.workBytes
  const sums = maxima + STRIDE
  const factors = sums + STRIDE
  const q = maxima + 4 * STRIDE // [D8, QUERIES]
  const queries = q + <usize>wideD * STRIDE // [QUERIES, D8]
  const p = queries + <usize>wideD * STRIDE // [KEYS, QUERIES]
  const values = p + <usize>KEYS * STRIDE // [KEYS, C8]
  const y = values + <usize>KEYS * yStride // [QUERIES, C8]

  const from = <usize>a.q + <usize>(b * <i32>a.queries + t0) * qRow + (<usize>(h * features) << 2)
  packRows(queries, from, qRow, nt, up(nt, COLUMNS), features, <f32>a.scale)
  transpose(q, STRIDE, queries, <usize>wideD << 2, up(nt, COLUMNS), wideD)
  zero(y, up(nt, ROWS) * wideC)
  const sink: f32 = a.sinks != 0 ? load<f32>(<usize>a.sinks + (<usize>h << 2)) : -Infinity
  const once = f32x4.splat(sink == -Infinity ? 0 : 1)
  for (let t = 0; t < up(nt, ROWS); t += 4) {
    v128.store(maxima + (<usize>t << 2), f32x4.splat(sink))
    v128.store(sums + (<usize>t << 2), once)
  }

  const first = firstKey(a, t0)
  const end = endKey(a, t0 + nt - 1)
  for (let s0 = first; s0 < end; s0 += KEYS) {
    const n = min(KEYS, end - s0)
    blockProduct(a, p, k, kRow, q, features, s0, n, t0, nt)
    softmaxBlock(a, p, maxima, s0, n, t0, nt)
    if (s0 > first) rescale(y, factors, nt, wideC)
    packRows(values, v + <usize>s0 * vRow, vRow, n, n, valueFeatures, 1)
    for (let i = 0; i < nt; i += ROWS) {
      const low = max(firstKey(a, t0 + i), s0) - s0
      const high = min(endKey(a, t0 + min(i + ROWS, nt) - 1), s0 + n) - s0
      if (low >= high) continue
      const weights = p + <usize>low * STRIDE + (<usize>i << 2)
      const rows = values + <usize>low * yStride
      multiplyColumns(y + <usize>i * yStride, yStride, weights, STRIDE, rows, yStride, wideC, high - low)
    }
  }

  const yRow = <usize>(<i32>a.heads * valueFeatures) << 2
  const to = <usize>a.y + <usize>(b * <i32>a.queries + t0) * yRow + (<usize>(h * valueFeatures) << 2)
  const lse = <usize>a.lse + (<usize>((b * <i32>a.heads + h) * <i32>a.queries + t0) << 2)
  for (let t = 0; t < nt; t++) {
    const at = <usize>t << 2
    const sum = load<f32>(sums + at)
    unpackRow(to + <usize>t * yRow, y + <usize>t * yStride, valueFeatures, sum == 0 ? 0 : 1 / sum)
    const logSum = f32x4.extract_lane(log(f32x4.splat(sum)), 0)
    store<f32>(lse + at, load<f32>(maxima + at) + logSum)
  }
}

/** Scores become exp(score − running maximum), 0 where invisible; maxima and sums go on, factors are for what was. */
function softmaxBlock(a: Attention, p: usize, maxima: usize, s0: i32, n: i32, t0: i32, nt: i32): void {
  const lowest = f32x4.splat(-Infinity)
  const sums = maxima + STRIDE
  const factors = sums + STRIDE
  for (let t = 0; t < up(nt, ROWS); t += 4) {
    const at = <usize>t << 2
    const column = p + at
    const last = t0 + min(t + 3, nt - 1)
    const low = t < nt ? clamp(firstKey(a, t0 + t) - s0, 0, n) : n
    const high = t < nt ? clamp(endKey(a, last) - s0, low, n) : n
    zeroColumn(column, 0, low)
    zeroColumn(column, high, n)
    v128.store(factors + at, f32x4.splat(1))
    if (low == high) continue
    const allLow = clamp(firstKey(a, last) - s0, low, high)
    const allHigh = clamp(endKey(a, t0 + t) - s0, allLow, high)
    maskColumn(a, column, low, allLow, s0, t0 + t)
    maskColumn(a, column, allHigh, high, s0, t0 + t)

    const before = v128.load(maxima + at)
    let largest = before
    let from = column + <usize>low * STRIDE
    const end = column + <usize>high * STRIDE
    for (let i = from; i < end; i += STRIDE) largest = f32x4.pmax(largest, v128.load(i))
    const shift = v128.bitselect(f32x4.splat(0), largest, f32x4.eq(largest, lowest))
    let sum = f32x4.splat(0)
    for (; from < end; from += STRIDE) {
      const e = expFlushed(f32x4.sub(v128.load(from), shift))
      v128.store(from, e)
      sum = f32x4.add(sum, e)
    }
    const factor = expFlushed(f32x4.sub(before, shift))
    v128.store(maxima + at, largest)
    v128.store(factors + at, factor)
    v128.store(sums + at, f32x4.relaxed_madd(v128.load(sums + at), factor, sum))
  }
}

function zeroColumn(column: usize, begin: i32, end: i32): void {
  const stop = column + <usize>end * STRIDE
  for (let at = column + <usize>begin * STRIDE; at < stop; at += STRIDE) v128.store(at, f32x4.splat(0))
}

/** −Infinity for the queries t … t + 3 that do not see the keys from `begin` to `end`. */
function maskColumn(a: Attention, column: usize, begin: i32, end: i32, s0: i32, t: i32): void {
  for (let s = begin; s < end; s++) {
    const at = column + <usize>s * STRIDE
    v128.store(at, v128.bitselect(v128.load(at), f32x4.splat(-Infinity), visible(a, t, s0 + s)))
  }
}

function rescale(y: usize, factors: usize, nt: i32, wide: i32): void {
  for (let t = 0; t < nt; t++) {
    const factor = load<f32>(factors + (<usize>t << 2))
    const row = y + (<usize>(t * wide) << 2)
    if (factor != 1) unpackRow(row, row, wide, factor)
  }
}
