// Gradient of attention: the twin of assembly/attention-gradient.ts, with blocks of 64 queries and 64 keys.
import {
  AttentionFrame,
  type Head,
  type Rows,
  between,
  blockScores,
  packRows,
  transposeRows,
  up,
  zero,
} from './attention-frame.ts'
import type { KernelFrame, Write } from './kernel.ts'
import type { Int } from './program.ts'
import { blockSize, multiplySmall, rowsOf, scoreStride } from './small-product.ts'
import { sumLanes } from './transpose.ts'
import { expFlushed } from './vector-math.ts'

/** Rows of a chunk's sums. With a window, strips of rows start at any key. */
const sumRows = (a: AttentionFrame): Int => a.p.plus(up(a.p, a.word('length'), 8), 8)

/**
 * args: see src/kernels/attention.ts. Item: a chunk of the blocks of queries of the heads that share a key head. Work of
 * a thread, in floats: 64·(4 + 3·D16 + 2·C16) + 64·(128 + D16 + C16).
 */
function attentionGrad(frame: KernelFrame): void {
  const { p, begin, end } = frame
  const a = new AttentionFrame(frame)
  p.range(begin, end, 1, (item) => {
    const block = a.word('block')
    const blocks = p.quotient(p.plus(a.word('queries'), p.minus(block, 1)), block)
    const chunks = a.word('chunks')
    const keyHeads = a.word('keyHeads')
    const shared = p.quotient(a.word('heads'), keyHeads)
    const units = p.times(shared, blocks)
    const each = p.quotient(p.plus(units, p.minus(chunks, 1)), chunks)
    const pair = p.quotient(item, chunks)
    const chunk = p.minus(item, p.times(pair, chunks))
    const b = p.quotient(pair, keyHeads)
    const g = p.minus(pair, p.times(b, keyHeads))
    const size = p.times(sumRows(a), p.plus(a.padded('features'), a.padded('valueFeatures')))
    const dk = p.address({ base: a.pointer('partials'), index: p.times(item, size), scale: 4 })
    zero(p, dk, size)
    const first = p.times(chunk, each)
    p.range(first, p.smaller(units, p.plus(first, each)), 1, (unit) => {
      const head = p.quotient(unit, blocks)
      const t0 = p.times(p.minus(unit, p.times(head, blocks)), block)
      const queries = p.smaller(block, p.minus(a.word('queries'), t0))
      gradientBlock(a, { b, g, h: p.plus(p.times(g, shared), head), t0, queries, dk })
    })
  })
}

interface Unit extends Head {
  readonly t0: Int
  readonly queries: Int
  readonly dk: Int
}

function gradientBlock(a: AttentionFrame, { b, g, h, t0, queries, dk }: Unit): void {
  const { p } = a
  const [wideD, wideC] = [a.padded('features'), a.padded('valueFeatures')]
  const [dRow, cRow] = [p.shifted(wideD, 'left', 2), p.shifted(wideC, 'left', 2)]
  const of = { b, g, h }
  const dv = p.plus(dk, p.times(sumRows(a), dRow))
  const lse = a.work()
  const delta = p.plus(lse, scoreStride)
  const qT = p.plus(lse, 4 * scoreStride) // [D16][64]
  const rows = p.plus(qT, p.times(wideD, scoreStride)) // queries [64][D16], scaled
  const dq = p.plus(rows, p.times(dRow, blockSize))
  const dyT = p.plus(dq, p.times(dRow, blockSize)) // [C16][64]
  const gradients = p.plus(dyT, p.times(wideC, scoreStride)) // [64][C16]
  const weights = p.plus(gradients, p.times(cRow, blockSize)) // [key][query]
  const ds = p.plus(weights, blockSize * scoreStride)
  const keyRows = p.plus(ds, blockSize * scoreStride)
  const values = p.plus(keyRows, p.times(dRow, blockSize))

  const q = a.tensor('q', of, t0)
  const [width, scale] = [a.word('features'), a.float('scale')]
  packRows(p, { to: rows, from: q.at, fromStride: q.stride, rows: queries, width, wide: wideD, scale }, 16)
  transposeRows(p, { to: qT, from: { at: rows, stride: dRow }, rows: queries, width: wideD })
  const dy = a.rows('dy', of, { first: t0, count: queries, multiple: 16, work: gradients })
  transposeRows(p, { to: dyT, from: dy, rows: queries, width: wideC })
  rowSums(a, { b, h, t0, queries }, { lse, delta, dy, y: a.tensor('y', of, t0) })
  zero(p, dq, p.times(up(p, queries, 8), wideD))

  const first = a.firstKey(t0)
  const end = a.endKey(p.minus(p.plus(t0, queries), 1))
  const strip = rowsOf(p)
  p.range(first, end, blockSize, (s0) => {
    const keys = p.smallerThan(p.minus(end, s0), blockSize)
    const block = { s0, keys, t0, queries }
    const k = a.rows('k', of, { first: s0, count: keys, multiple: 8, work: keyRows })
    const v = a.rows('v', of, { first: s0, count: keys, multiple: 8, work: values })
    blockScores(a, { scores: weights, left: k, right: qT, wide: wideD }, block)
    blockScores(a, { scores: ds, left: v, right: dyT, wide: wideC }, block)
    scoreGradients(a, { weights, ds, lse }, block)
    p.range(0, keys, strip, (i) => {
      const key = p.plus(s0, i)
      const low = p.minus(p.larger(a.firstQuery(key), t0), t0)
      const lastKey = p.minus(p.plus(s0, p.smaller(p.plus(i, strip), keys)), 1)
      const steps = p.minus(p.minus(p.smaller(a.endQuery(lastKey), p.plus(t0, queries)), t0), low)
      p.if(steps, '>', 0, () => {
        const sumInto = (to: Int, row: Int, from: Int, right: Rows, columns: Int) =>
          multiplySmall(p, {
            left: {
              kind: 'scores',
              at: p.address({ base: p.plus(from, p.times(i, scoreStride)), index: low, scale: 4 }),
            },
            right: p.plus(right.at, p.times(low, right.stride)),
            rightStride: right.stride,
            result: p.plus(to, p.times(key, row)),
            resultStride: row,
            steps,
            columns,
            accumulate: true,
          })
        sumInto(dv, cRow, weights, dy, wideC)
        sumInto(dk, dRow, ds, { at: rows, stride: dRow }, wideD)
      })
    })
    p.range(0, queries, strip, (i) => {
      const low = p.minus(p.larger(a.firstKey(p.plus(t0, i)), s0), s0)
      const last = p.minus(p.plus(t0, p.smaller(p.plus(i, strip), queries)), 1)
      const steps = p.minus(p.minus(p.smaller(a.endKey(last), p.plus(s0, keys)), s0), low)
      p.if(steps, '>', 0, () =>
        multiplySmall(p, {
          left: { kind: 'columns', at: p.address({ base: p.plus(ds, p.times(low, scoreStride)), index: i, scale: 4 }) },
          right: p.plus(k.at, p.times(low, k.stride)),
          rightStride: k.stride,
          result: p.plus(dq, p.times(i, dRow)),
          resultStride: dRow,
          steps,
          columns: wideD,
          accumulate: true,
        }),
      )
    })
  })

  const out = a.tensor('dq', of, t0)
  p.range(0, queries, 1, () => {
    p.elements(a.word('features'), (at, mask) => {
      p.store({ base: out.at, index: at }, p.mul(p.load({ base: dq, index: at }), scale), mask)
    })
    p.increase(out.at, out.stride)
    p.increase(dq, dRow)
  })
}

interface RowSums {
  readonly lse: Int
  readonly delta: Int
  readonly dy: Rows
  readonly y: Rows
}

/** lse (0 for a query that sees nothing) and delta = Σ dy·y of a block, and its part of the sink's gradient. */
function rowSums(
  a: AttentionFrame,
  { b, h, t0, queries }: { readonly b: Int; readonly h: Int; readonly t0: Int; readonly queries: Int },
  { lse, delta, dy, y }: RowSums,
): void {
  const { p } = a
  const head = p.plus(p.times(b, a.word('heads')), h)
  const saved = p.address({
    base: a.pointer('lse'),
    index: p.plus(p.times(head, a.word('queries')), t0),
    scale: 4,
  })
  p.range(0, scoreStride, p.width, (at) => p.store({ base: delta, index: at }, p.zero()))
  const dyRow = p.copy(dy.at)
  p.range(0, queries, 1, (t) => {
    const sum = p.zero()
    p.elements(a.word('valueFeatures'), (at, mask) => {
      p.accumulate(sum, p.load({ base: dyRow, index: at }, mask), p.load({ base: y.at, index: at }, mask))
    })
    p.storeScalar({ base: delta, index: t, scale: 4 }, sumLanes(p, sum), 4)
    p.increase(dyRow, dy.stride)
    p.increase(y.at, y.stride)
  })
  p.elements(queries, (at, mask) => {
    const x = p.load({ base: saved, index: at }, mask)
    p.store({ base: lse, index: at }, p.keep(p.compare(x, 'notEqual', p.constant(-Infinity)), x))
  })
  p.if(a.word('sinks'), '!=', 0, () => {
    const sink = p.broadcast({ base: a.pointer('sinks'), index: h, scale: 4 })
    const total = p.zero()
    p.elements(queries, (at, mask) => {
      const e = expFlushed(p, p.sub(sink, p.load({ base: lse, index: at }, mask)))
      const part = p.mul(e, p.load({ base: delta, index: at }, mask))
      // Behind the last query stands the sink alone, whose exponential may be infinite.
      p.update('add', total, mask ? p.keep(mask, part) : part)
    })
    const block = a.word('block')
    const blocks = p.quotient(p.plus(a.word('queries'), p.minus(block, 1)), block)
    const index = p.plus(p.times(head, blocks), p.quotient(t0, block))
    const sum = sumLanes(p, total)
    p.storeScalar({ base: a.pointer('sinkPartials'), index, scale: 8 }, p.three('floatToDouble', sum, sum), 8)
  })
}

interface Block {
  readonly s0: Int
  readonly keys: Int
  readonly t0: Int
  readonly queries: Int
}

/** weights = exp(score − lse) and ds = weights · (dp − delta) take the place of scores and dp; 0 where invisible. */
function scoreGradients(
  a: AttentionFrame,
  { weights, ds, lse }: { readonly weights: Int; readonly ds: Int; readonly lse: Int },
  { s0, keys, t0, queries }: Block,
): void {
  const { p } = a
  const none = p.int(0)
  p.range(0, up(p, keys, 8), 1, (s) => {
    const low = p.copy(queries)
    const high = p.copy(queries)
    p.if(s, '<', keys, () => {
      const key = p.plus(s0, s)
      p.set(low, between(p, none, p.minus(a.firstQuery(key), t0), queries))
      p.set(high, between(p, low, p.minus(a.endQuery(key), t0), queries))
    })
    const offset = p.times(s, scoreStride)
    const [weightRow, dsRow] = [p.plus(weights, offset), p.plus(ds, offset)]
    p.range(0, queries, p.lanes, (t) => {
      const [w, d] = [weightRow, dsRow].map((base) => ({ base, index: t, scale: 4 }) as const)
      const saved = { base: lse, index: t, scale: 4 } as const
      const next = p.plus(t, p.lanes)
      const compute = () => {
        const e = expFlushed(p, p.sub(p.load(w!), p.load(saved)))
        return [e, p.mul(e, p.sub(p.load(d!), p.load({ ...saved, displacement: scoreStride })))] as const
      }
      const outside = () => {
        for (const place of [w!, d!]) p.store(place, p.zero())
      }
      const masked = () => {
        const seen = p.masks('andNot', p.firstLanesOf(p.minus(low, t)), p.firstLanesOf(p.minus(high, t)))
        const [e, f] = compute()
        p.store(w!, p.keep(seen, e))
        p.store(d!, p.keep(seen, f))
      }
      const inside = () => {
        const [e, f] = compute()
        p.store(w!, e)
        p.store(d!, f)
      }
      p.if(next, '<=', low, outside, () =>
        p.if(t, '>=', high, outside, () => p.if(t, '<', low, masked, () => p.if(next, '>', high, masked, inside))),
      )
    })
  })
}

/** args: see src/kernels/attention.ts. Adds up the chunks. Item: a key of all key heads. */
function attentionGradSum(frame: KernelFrame): void {
  const { p, begin, end } = frame
  const a = new AttentionFrame(frame)
  p.range(begin, end, 1, (item) => {
    const keys = a.word('keys')
    const keyHeads = a.word('keyHeads')
    const b = p.quotient(item, keys)
    const s = p.minus(item, p.times(b, keys))
    const [wideD, wideC] = [a.padded('features'), a.padded('valueFeatures')]
    const rows = sumRows(a)
    const bytes = p.shifted(p.times(rows, p.plus(wideD, wideC)), 'left', 2)
    const count = p.int(0)
    p.if(s, '<', a.word('length'), () => p.set(count, a.word('chunks')))
    p.range(0, keyHeads, 1, (g) => {
      const head = p.plus(p.times(item, keyHeads), g)
      const pair = p.plus(p.times(b, keyHeads), g)
      const from = p.plus(a.pointer('partials'), p.times(p.times(pair, a.word('chunks')), bytes))
      const sumChunks = (name: 'dk' | 'dv', width: Int, start: Int) => {
        const to = p.address({ base: a.pointer(name), index: p.times(head, width), scale: 4 })
        p.elements(width, (at, mask) => {
          const sum = p.zero()
          const chunk = p.plus(start, at)
          p.range(0, count, 1, () => {
            p.update('add', sum, p.load({ base: chunk }))
            p.increase(chunk, bytes)
          })
          p.store({ base: to, index: at }, sum, mask)
        })
      }
      sumChunks('dk', a.word('features'), p.address({ base: from, index: p.times(s, wideD), scale: 4 }))
      const values = p.address({ base: from, index: p.times(rows, wideD), scale: 4 })
      sumChunks('dv', a.word('valueFeatures'), p.address({ base: values, index: p.times(s, wideC), scale: 4 }))
    })
  })
}

export const attentionGradientKernels: Readonly<Record<string, Write>> = { attentionGrad, attentionGradSum }
