// Attention of a few queries over many keys: the twin of assembly/attention-few.ts. Keys and values are read where they lie:
// scores are dot products of a query and the keys, and the weighted values a product of few rows.
import { AttentionFrame, between, type Head, up } from './attention-frame.ts'
import { multiplyDots } from './dots.ts'
import { type Few, fewRows, multiplyAcross } from './few.ts'
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Vector } from './program.ts'
import { copyElements, turnRow } from './rows.ts'
import { maxLanes, sumLanes } from './transpose.ts'
import { expFlushed, largerOf, log } from './vector-math.ts'

/** Bytes of a stretch before its values: maximum, sum. */
const header = 16

/** args, items and partials: see assembly/attention-few.ts. Work of a thread: T·(block + D4) floats. */
function attentionFew(frame: KernelFrame): void {
  const { p, begin, end } = frame
  const a = new AttentionFrame(frame)
  p.range(begin, end, 1, (item) => {
    const keyHeads = a.word('keyHeads')
    const count = stretches(a)
    const unit = p.quotient(item, keyHeads)
    const b = p.quotient(unit, count)
    const index = p.minus(unit, p.times(b, count))
    const g = p.minus(item, p.times(unit, keyHeads))
    const heads = p.quotient(a.word('heads'), keyHeads)
    p.if(a.word('newKeys'), '!=', 0, () => append(a, b, g, p.times(index, a.word('block'))))
    p.range(0, heads, 1, (i) => attendStretch(a, { b, g, h: p.plus(p.times(g, heads), i) }, { index, count }))
  })
}

const stretches = (a: AttentionFrame): Int => {
  const { p } = a
  return p.quotient(p.plus(a.word('length'), p.minus(a.word('block'), 1)), a.word('block'))
}

/** Bytes of a stretch in the partials. */
const partialBytes = (a: AttentionFrame): Int =>
  a.p.plus(a.p.shifted(up(a.p, a.word('valueFeatures'), 4), 'left', 2), header)

/** The first stretch's partials of a query, which is row `row` of all. */
const partialsOf = (a: AttentionFrame, row: Int, count: Int): Int =>
  a.p.plus(a.pointer('partials'), a.p.times(a.p.times(row, count), partialBytes(a)))

/** New keys, turned, and new values of a stretch that begins at a key go to their places. */
function append(a: AttentionFrame, b: Int, g: Int, begin: Int): void {
  const { p } = a
  const first = p.minus(begin, a.origin)
  const end = p.smaller(a.word('queries'), p.plus(first, a.word('block')))
  p.range(p.larger(p.int(0), first), end, 1, (t) => {
    const head = { b, g, h: g }
    const position = p.plus(a.origin, t)
    turn(a, a.tensor('newKeys', head, t).at, a.tensor('k', head, position).at, position)
    copyElements(p, a.tensor('newValues', head, t).at, a.tensor('v', head, position).at, a.word('valueFeatures'))
  })
}

/** A row of features at a position. */
function turn(a: AttentionFrame, x: Int, y: Int, position: Int): void {
  const { p } = a
  const half = p.shifted(a.word('turned'), 'right', 1)
  const first = p.times(position, half)
  const [cos, sin] = (['cos', 'sin'] as const).map((name) =>
    p.address({ base: a.pointer(name), index: first, scale: 4 }),
  ) as [Int, Int]
  turnRow(p, { x, y, cos, sin, half, width: a.word('features') })
}

/** Of the queries of one head. */
function attendStretch(
  a: AttentionFrame,
  of: Head,
  { index, count }: { readonly index: Int; readonly count: Int },
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
  p.if(a.word('turned'), '!=', 0, () => {
    const turned = p.plus(scores, p.times(queries, scoreRow))
    const row = p.shifted(up(p, a.word('features'), 4), 'left', 2)
    const [from, to] = [p.copy(q.at), p.copy(turned)]
    p.range(0, queries, 1, (t) => {
      turn(a, from, to, p.plus(a.origin, t))
      p.increase(from, q.stride)
      p.increase(to, row)
    })
    p.set(q.at, turned)
    p.set(q.stride, row)
  })
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

  const size = partialBytes(a)
  const row = p.times(p.plus(p.times(of.b, a.word('heads')), of.h), queries)
  const partial = p.plus(partialsOf(a, row, count), p.times(index, size))
  const step = p.times(count, size)
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
  p.if(count, '==', 1, () => p.range(0, queries, 1, (t) => finish(a, { ...of, t }, count)))
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

/** args: Attention. Item: a query of a head, in the order of y. */
function attentionFewCombine(frame: KernelFrame): void {
  const { p, begin, end } = frame
  const a = new AttentionFrame(frame)
  const [heads, queries, count] = [a.word('heads'), a.word('queries'), stretches(a)]
  p.range(begin, end, 1, (item) => {
    const query = p.quotient(item, heads)
    const b = p.quotient(query, queries)
    const h = p.minus(item, p.times(query, heads))
    finish(a, { b, g: h, h, t: p.minus(query, p.times(b, queries)) }, count)
  })
}

/** Puts the stretches of a query together. */
function finish(a: AttentionFrame, of: Head & { readonly t: Int }, count: Int): void {
  const { p } = a
  const none = p.broadcast(p.constant(-Infinity))
  const row = p.plus(p.times(p.plus(p.times(of.b, a.word('heads')), of.h), a.word('queries')), of.t)
  const first = partialsOf(a, row, count)
  const size = partialBytes(a)
  const each = (visit: (partial: Int) => void) => {
    const partial = p.copy(first)
    p.range(0, count, 1, () => {
      visit(partial)
      p.increase(partial, size)
    })
  }
  const sink = p.vector(none)
  p.if(a.word('sinks'), '!=', 0, () => p.assign(sink, p.broadcast({ base: a.pointer('sinks'), index: of.h, scale: 4 })))
  const largest = p.vector(sink)
  each((partial) => p.assign(largest, largerOf(p, largest, p.broadcast({ base: partial }))))
  const shift = p.keep(p.compare(largest, 'notEqual', none), largest)
  const sum = expFlushed(p, p.sub(sink, shift))
  each((partial) => {
    const factor = expFlushed(p, p.sub(p.broadcast({ base: partial }), shift))
    p.accumulate(sum, factor, p.broadcast({ base: partial, displacement: 4 }))
    p.storeScalar({ base: partial }, factor, 4)
  })
  const some = p.compare(sum, 'notEqual', p.zero())
  const scale = p.keep(some, p.div(p.broadcast(p.constant(1)), sum))
  const y = a.tensor('y', of, of.t).at
  p.elements(a.word('valueFeatures'), (at, mask) => {
    const x = p.zero()
    each((partial) => {
      const values = p.load({ base: p.plus(partial, at), displacement: header }, mask)
      p.accumulate(x, p.broadcast({ base: partial }), values)
    })
    p.store({ base: y, index: at }, p.mul(x, scale), mask)
  })
  p.storeScalar({ base: a.pointer('lse'), index: row, scale: 4 }, p.add(largest, log(p, sum)), 4)
}

export const attentionFewKernels: Readonly<Record<string, Write>> = { attentionFew, attentionFewCombine }
