// Attention of a few queries over many keys: the twin of `attentionFew` in assembly/attention-few.ts. Keys and values are read
// where they lie: scores are dot products of a query and the keys, and the weighted values a product of few rows.
import { AttentionFrame, between } from './attention-frame.ts'
import { multiplyDots } from './dots.ts'
import { type Few, fewRows, multiplyAcross } from './few.ts'
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Vector } from './program.ts'
import { maxLanes, sumLanes } from './transpose.ts'
import { expFlushed, largerOf } from './vector-math.ts'

/** Bytes of a stretch before its values: maximum, sum. */
const header = 16

/** args, items and partials: see assembly/attention-few.ts. Work of a thread: T·block floats. */
function attentionFew(frame: KernelFrame): void {
  const { p, begin, end } = frame
  const a = new AttentionFrame(frame)
  p.range(begin, end, 1, (item) => {
    const keyHeads = a.word('keyHeads')
    const stretches = p.quotient(p.plus(a.word('length'), p.minus(a.word('block'), 1)), a.word('block'))
    const unit = p.quotient(item, keyHeads)
    const b = p.quotient(unit, stretches)
    const index = p.minus(unit, p.times(b, stretches))
    const g = p.minus(item, p.times(unit, keyHeads))
    const heads = p.quotient(a.word('heads'), keyHeads)
    p.range(0, heads, 1, (i) => attendStretch(a, { b, g, h: p.plus(p.times(g, heads), i) }, { index, stretches }))
  })
}

/** Of the queries of one head. */
function attendStretch(
  a: AttentionFrame,
  of: { readonly b: Int; readonly g: Int; readonly h: Int },
  { index, stretches }: { readonly index: Int; readonly stretches: Int },
): void {
  const { p } = a
  const queries = a.word('queries')
  const begin = p.times(index, a.word('block'))
  const start = p.larger(begin, a.firstKey(p.int(0)))
  const end = p.smaller(a.endKey(p.minus(queries, 1)), p.plus(begin, a.word('block')))
  const keys = p.larger(p.int(0), p.minus(end, start))

  const scores = a.work()
  const scoreRow = p.shifted(a.word('block'), 'left', 2)
  const [q, k, v] = [a.tensor('q', of, p.int(0)), a.tensor('k', of, start), a.tensor('v', of, start)]
  const bytes = p.int(4)
  const products: Few = {
    left: q.at,
    right: k.at,
    result: scores,
    rows: queries,
    columns: keys,
    depth: a.word('features'),
    leftRow: q.stride,
    leftDepth: bytes,
    rightDepth: bytes,
    rightColumn: k.stride,
    stride: scoreRow,
  }
  multiplyDots(p, products)

  const size = p.plus(p.shifted(p.shifted(p.plus(a.word('valueFeatures'), 3), 'right', 2), 'left', 4), header)
  const row = p.times(p.plus(p.times(of.b, a.word('heads')), of.h), queries)
  const partial = p.plus(a.pointer('partials'), p.times(p.plus(p.times(row, stretches), index), size))
  const step = p.times(stretches, size)
  const [score, to] = [p.copy(scores), p.copy(partial)]
  p.range(0, queries, 1, (t) => {
    const low = between(p, p.int(0), p.minus(a.firstKey(t), start), keys)
    const high = between(p, low, p.minus(a.endKey(t), start), keys)
    weigh(a, score, { low, high, keys, to })
    p.increase(score, scoreRow)
    p.increase(to, step)
  })

  const [left, result, rowsLeft] = [p.copy(scores), p.plus(partial, header), p.copy(queries)]
  p.while(rowsLeft, '>', 0, () => {
    const rows = p.smallerThan(rowsLeft, fewRows)
    multiplyAcross(p, {
      left,
      right: v.at,
      result,
      rows,
      columns: a.word('valueFeatures'),
      depth: keys,
      leftRow: scoreRow,
      leftDepth: bytes,
      rightDepth: v.stride,
      rightColumn: bytes,
      stride: step,
    })
    p.increase(left, p.times(scoreRow, fewRows))
    p.increase(result, p.times(step, fewRows))
    p.increase(rowsLeft, -fewRows)
  })
}

interface Seen {
  readonly low: Int
  readonly high: Int
  readonly keys: Int
  /** Where the maximum and the sum go. */
  readonly to: Int
}

/** Scores [low, high) become exp(scale · score − maximum), the others 0. */
function weigh(a: AttentionFrame, scores: Int, { low, high, keys, to }: Seen): void {
  const { p } = a
  const none = p.broadcast(p.constant(-Infinity))
  const first = p.address({ base: scores, index: low, scale: 4 })
  const count = p.minus(high, low)
  const largest = p.vector(none)
  const scale = a.float('scale')
  p.elements(count, (at, mask) => {
    const score = p.mul(p.load({ base: first, index: at }, mask), scale)
    p.store({ base: first, index: at }, score, mask)
    p.assign(largest, largerOf(p, largest, mask ? p.select(mask, score, none) : score))
  })
  const top = p.broadcast(maxLanes(p, largest))
  const shift = p.keep(p.compare(top, 'notEqual', none), top)
  const sum = p.zero()
  p.elements(count, (at, mask) => {
    const e = expFlushed(p, p.sub(p.load({ base: first, index: at }, mask), shift))
    p.store({ base: first, index: at }, e, mask)
    p.update('add', sum, mask ? p.keep(mask, e) : e)
  })
  p.storeScalar({ base: to }, top, 4)
  p.storeScalar({ base: to, displacement: 4 }, sumLanes(p, sum), 4)
  const zeros = (from: Int, count: Int) => {
    const zero: Vector = p.zero()
    p.elements(count, (at, mask) => p.store({ base: from, index: at }, zero, mask))
  }
  zeros(scores, low)
  zeros(p.address({ base: scores, index: high, scale: 4 }), p.minus(keys, high))
}

export const attentionFewKernels: Readonly<Record<string, Write>> = { attentionFew }
