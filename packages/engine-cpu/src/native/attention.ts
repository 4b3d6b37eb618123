// Attention with an online softmax: the twin of assembly/attention.ts, with blocks of 64 queries and 64 keys.
import { AttentionFrame, between, blockScores, transposeRows, up, zero } from './attention-frame.ts'
import type { KernelFrame, Write } from './kernel.ts'
import type { Int } from './program.ts'
import { blockSize, multiplySmall, rowsOf, scoreStride } from './small-product.ts'
import { expFlushed, largerOf, log } from './vector-math.ts'

/**
 * args: see src/kernels/attention.ts. Item: a block of queries of a head. Work of a thread, in floats:
 * 64·(4 + 2·D16 + C16) + 64·(64 + D16 + C16), where D16 and C16 are rounded up to multiples of 16.
 */
function attention(frame: KernelFrame): void {
  const { p, begin, end } = frame
  const a = new AttentionFrame(frame)
  p.range(begin, end, 1, (item) => {
    const block = a.word('block')
    const blocks = p.quotient(p.plus(a.word('queries'), p.minus(block, 1)), block)
    const head = p.quotient(item, blocks)
    // The last blocks see most keys: they come first.
    const t0 = p.times(p.minus(p.minus(blocks, 1), p.minus(item, p.times(head, blocks))), block)
    attendBlock(a, head, t0, p.smaller(block, p.minus(a.word('queries'), t0)))
  })
}

function attendBlock(a: AttentionFrame, head: Int, t0: Int, queries: Int): void {
  const { p } = a
  const [wideD, wideC] = [a.padded('features'), a.padded('valueFeatures')]
  const [dRow, cRow] = [p.shifted(wideD, 'left', 2), p.shifted(wideC, 'left', 2)]
  const heads = a.word('heads')
  const b = p.quotient(head, heads)
  const h = p.minus(head, p.times(b, heads))
  const g = p.quotient(h, p.quotient(heads, a.word('keyHeads')))
  const of = { b, g, h }

  const maxima = a.work()
  const sums = p.plus(maxima, scoreStride)
  const factors = p.plus(sums, scoreStride)
  const qT = p.plus(maxima, 4 * scoreStride)
  const rows = p.plus(qT, p.times(wideD, scoreStride)) // queries, then keys
  const scores = p.plus(rows, p.times(dRow, blockSize))
  const values = p.plus(scores, blockSize * scoreStride)
  const y = p.plus(values, p.times(cRow, blockSize))

  const q = a.rows('q', of, { first: t0, count: queries, multiple: 16, work: rows })
  transposeRows(p, { to: qT, from: q, rows: queries, width: wideD, scale: a.float('scale') })
  zero(p, y, p.times(up(p, queries, 8), wideC))
  const sink = p.broadcast(p.constant(-Infinity))
  const once = p.zero()
  p.if(a.word('sinks'), '!=', 0, () => {
    p.assign(sink, p.broadcast({ base: a.pointer('sinks'), index: h, scale: 4 }))
    const isSome = p.compare(sink, 'notEqual', p.constant(-Infinity))
    p.assign(once, p.keep(isSome, p.broadcast(p.constant(1))))
  })
  p.range(0, blockSize, p.lanes, (t) => {
    p.store({ base: maxima, index: t, scale: 4 }, sink)
    p.store({ base: sums, index: t, scale: 4 }, once)
  })

  const first = a.firstKey(t0)
  const end = a.endKey(p.minus(p.plus(t0, queries), 1))
  p.range(first, end, blockSize, (s0) => {
    const keys = p.smallerThan(p.minus(end, s0), blockSize)
    const block = { s0, keys, t0, queries }
    const k = a.rows('k', of, { first: s0, count: keys, multiple: 8, work: rows })
    blockScores(a, { scores, left: k, right: qT, wide: wideD }, block)
    softmaxBlock(a, { scores, maxima }, block)
    const v = a.rows('v', of, { first: s0, count: keys, multiple: 1, work: values })
    const strip = rowsOf(p)
    // A strip that sees none of these keys is left as it is: its maxima have not changed.
    p.range(0, queries, strip, (i) => {
      const low = p.minus(p.larger(a.firstKey(p.plus(t0, i)), s0), s0)
      const last = p.minus(p.plus(t0, p.smaller(p.plus(i, strip), queries)), 1)
      const high = p.minus(p.smaller(a.endKey(last), p.plus(s0, keys)), s0)
      p.if(low, '<', high, () =>
        multiplySmall(p, {
          left: {
            kind: 'columns',
            at: p.address({ base: p.plus(scores, p.times(low, scoreStride)), index: i, scale: 4 }),
          },
          right: p.plus(v.at, p.times(low, v.stride)),
          rightStride: v.stride,
          result: p.plus(y, p.times(i, cRow)),
          resultStride: cRow,
          steps: p.minus(high, low),
          columns: wideC,
          accumulate: true,
          factors: p.address({ base: factors, index: i, scale: 4 }),
        }),
      )
    })
  })

  const out = a.tensor('y', of, t0)
  p.range(0, queries, 1, (t) => {
    const sum = p.broadcast({ base: sums, index: t, scale: 4 })
    const scale = p.keep(p.compare(sum, 'notEqual', p.constant(0)), p.div(p.constant(1), sum))
    p.elements(a.word('valueFeatures'), (at, mask) => {
      p.store({ base: out.at, index: at }, p.mul(p.load({ base: y, index: at }), scale), mask)
    })
    p.increase(out.at, out.stride)
    p.increase(y, cRow)
  })
  const saved = p.address({
    base: a.pointer('lse'),
    index: p.plus(p.times(head, a.word('queries')), t0),
    scale: 4,
  })
  p.elements(queries, (at, mask) => {
    const lse = p.add(p.load({ base: maxima, index: at }), log(p, p.load({ base: sums, index: at })))
    p.store({ base: saved, index: at }, lse, mask)
  })
}

interface Block {
  readonly s0: Int
  readonly keys: Int
  readonly t0: Int
  readonly queries: Int
}

/** Scores become exp(score − running maximum), 0 where invisible; maxima and sums go on, factors are for what was. */
function softmaxBlock(a: AttentionFrame, at: { readonly scores: Int; readonly maxima: Int }, block: Block): void {
  const { p } = a
  const { s0, keys, t0, queries } = block
  p.range(0, queries, p.lanes, (t) => {
    const query = p.plus(t0, t)
    const column = p.address({ base: at.scores, index: t, scale: 4 })
    const running = p.address({ base: at.maxima, index: t, scale: 4 })
    const lastQuery = p.minus(p.plus(t0, p.smaller(p.plus(t, p.lanes), queries)), 1)
    const none = p.int(0)
    const seen = (key: Int, low: Int, high: Int) => between(p, low, p.minus(key, s0), high)
    const low = seen(a.firstKey(query), none, keys)
    const high = seen(a.endKey(lastQuery), low, keys)
    zeroColumn(a, column, none, low)
    zeroColumn(a, column, high, up(p, keys, 8))
    p.store({ base: running, displacement: 2 * scoreStride }, p.broadcast(p.constant(1)))
    p.if(low, '<', high, () => {
      const allLow = seen(a.firstKey(lastQuery), low, high)
      const allHigh = seen(a.endKey(query), allLow, high)
      maskColumn(a, column, low, allLow, s0, query)
      maskColumn(a, column, allHigh, high, s0, query)
      const before = p.load({ base: running })
      const largest = p.vector(before)
      const top = p.plus(column, p.times(low, scoreStride))
      const stop = p.plus(column, p.times(high, scoreStride))
      p.range(top, stop, scoreStride, (from) => p.assign(largest, largerOf(p, largest, p.load({ base: from }))))
      const isSome = p.compare(largest, 'notEqual', p.constant(-Infinity))
      const shift = p.keep(isSome, largest)
      const sum = p.zero()
      p.range(top, stop, scoreStride, (from) => {
        const e = expFlushed(p, p.sub(p.load({ base: from }), shift))
        p.store({ base: from }, e)
        p.update('add', sum, e)
      })
      const factor = expFlushed(p, p.sub(before, shift))
      p.store({ base: running }, largest)
      p.store({ base: running, displacement: 2 * scoreStride }, factor)
      const sums = { base: running, displacement: scoreStride }
      p.store(sums, p.fma(p.load(sums), factor, sum))
    })
  })
}

function zeroColumn({ p }: AttentionFrame, column: Int, begin: Int, end: Int): void {
  const none = p.zero()
  const [from, to] = [begin, end].map((key) => p.plus(column, p.times(key, scoreStride)))
  p.range(from!, to!, scoreStride, (at) => p.store({ base: at }, none))
}

/** −Infinity for the queries that do not see the keys from `begin` to `end`. */
function maskColumn(a: AttentionFrame, column: Int, begin: Int, end: Int, s0: Int, query: Int): void {
  const { p } = a
  p.range(begin, end, 1, (s) => {
    const at = p.plus(column, p.times(s, scoreStride))
    const visible = a.visible(query, p.plus(s0, s))
    p.store({ base: at }, p.select(visible, p.load({ base: at }), p.broadcast(p.constant(-Infinity))))
  })
}

export const attentionKernels: Readonly<Record<string, Write>> = { attention }
