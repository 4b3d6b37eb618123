// What the forward and the backward pass of attention share: the arguments, who sees whom (assembly/attention-shape.ts),
// and the moves between tensors and work memory. Scores are held [key][query].
import type { KernelFrame } from './kernel.ts'
import type { Int, Mask, Program, Vector } from './program.ts'
import { multiplySmall, rowsOf, scoreStride } from './small-product.ts'
import { transpose } from './transpose.ts'

/** In the order of src/kernels/attention.ts. */
const words = [
  ...(['q', 'k', 'v', 'sinks', 'y', 'lse'] as const),
  ...(['queries', 'keys', 'heads', 'keyHeads', 'features', 'valueFeatures'] as const),
  ...(['length', 'window', 'causal', 'scale', 'work', 'workBytes', 'block', 'partials'] as const),
  ...(['dy', 'dq', 'dk', 'dv', 'sinkPartials', 'chunks', 'dsinks', 'batch'] as const),
  ...(['newKeys', 'newValues', 'cos', 'sin', 'turned'] as const),
] as const
type Word = (typeof words)[number]

/** Wider than any sequence: what stands for no window, and for no causality. */
const unbounded = 2 ** 30

export type AttentionTensor = 'q' | 'k' | 'v' | 'y' | 'dy' | 'dq' | 'newKeys' | 'newValues'

/** Rows of a head: the first one's address, and bytes from row to row. */
export interface Rows {
  readonly at: Int
  readonly stride: Int
}

/** A head of queries, and the keys' head that it reads, of a sequence. */
export interface Head {
  readonly b: Int
  readonly g: Int
  readonly h: Int
}

const hasKeyHeads = (name: AttentionTensor) =>
  name === 'k' || name === 'v' || name === 'newKeys' || name === 'newValues'
const rowsOfTensor = (name: AttentionTensor) => (name === 'k' || name === 'v' ? 'keys' : 'queries')
const widthOf = {
  q: 'features',
  k: 'features',
  dq: 'features',
  v: 'valueFeatures',
  y: 'valueFeatures',
  dy: 'valueFeatures',
  newKeys: 'features',
  newValues: 'valueFeatures',
} as const

interface RowsOf {
  readonly first: Int
  readonly count: Int
  readonly multiple: number
  readonly work: Int
}

export class AttentionFrame {
  readonly p: Program
  readonly frame: KernelFrame
  /** Position of query 0. */
  readonly origin: Int
  readonly #window: Int
  readonly #ahead: Int

  constructor(frame: KernelFrame) {
    this.p = frame.p
    this.frame = frame
    const { p } = this
    this.origin = p.minus(this.word('length'), this.word('queries'))
    this.#window = this.word('window')
    p.if(this.#window, '==', 0, () => p.set(this.#window, unbounded))
    this.#ahead = p.int(unbounded)
    p.if(this.word('causal'), '!=', 0, () => p.set(this.#ahead, 0))
  }

  word(name: Word): Int {
    return this.frame.integer(words.indexOf(name))
  }

  pointer(name: Word): Int {
    return this.frame.pointer(words.indexOf(name))
  }

  float(name: Word): Vector {
    return this.frame.float(words.indexOf(name))
  }

  /** Padded to a multiple of 16. */
  padded(name: 'features' | 'valueFeatures'): Int {
    return up(this.p, this.word(name), 16)
  }

  /** This thread's memory. */
  work(): Int {
    return this.p.plus(this.pointer('work'), this.p.times(this.word('workBytes'), this.frame.thread))
  }

  /** Of a tensor [batch, rows, heads, width]. */
  tensor(name: AttentionTensor, { b, g, h }: Head, first: Int): Rows {
    const { p } = this
    const bytes = p.shifted(this.word(widthOf[name]), 'left', 2)
    const stride = p.times(this.word(hasKeyHeads(name) ? 'keyHeads' : 'heads'), bytes)
    const row = p.plus(p.times(b, this.word(rowsOfTensor(name))), first)
    const head = p.times(hasKeyHeads(name) ? g : h, bytes)
    return { at: p.plus(p.plus(this.pointer(name), p.times(row, stride)), head), stride }
  }

  /**
   * Rows of a tensor to be read in whole vectors, and in number up to a multiple of `multiple`: where they lie, or, where
   * that would read beyond them, copied to work memory with padding.
   */
  rows(name: AttentionTensor, head: Head, { first, count, multiple, work }: RowsOf): Rows {
    const { p } = this
    const [width, wide] = [this.word(widthOf[name]), this.padded(widthOf[name])]
    const rows = this.tensor(name, head, first)
    const end = p.plus(first, up(p, count, multiple))
    const beyond = p.larger(p.int(0), p.minus(end, this.word(rowsOfTensor(name))))
    p.if(p.plus(beyond, p.minus(wide, width)), '!=', 0, () => {
      packRows(p, { to: work, from: rows.at, fromStride: rows.stride, rows: count, width, wide }, multiple)
      p.set(rows.at, work)
      p.set(rows.stride, p.shifted(wide, 'left', 2))
    })
    return rows
  }

  firstKey(query: Int): Int {
    const { p } = this
    return p.larger(p.int(0), p.plus(p.minus(p.plus(this.origin, query), this.#window), 1))
  }

  endKey(query: Int): Int {
    const { p } = this
    return p.smaller(this.word('length'), p.plus(p.plus(p.plus(this.origin, query), this.#ahead), 1))
  }

  firstQuery(key: Int): Int {
    const { p } = this
    return p.larger(p.int(0), p.minus(p.minus(key, this.origin), this.#ahead))
  }

  endQuery(key: Int): Int {
    const { p } = this
    return p.smaller(this.word('queries'), p.plus(p.minus(key, this.origin), this.#window))
  }

  /** Lanes of the queries from `query` on that see the key. */
  visible(query: Int, key: Int): Mask {
    const { p } = this
    const distance = p.minus(p.minus(key, this.origin), query)
    const before = p.firstLanesOf(p.minus(distance, this.#ahead))
    return p.masks('andNot', before, p.firstLanesOf(p.plus(distance, this.#window)))
  }
}

/** x rounded up to a multiple of a power of two. */
export function up(p: Program, x: Int, multiple: number): Int {
  const bits = Math.log2(multiple)
  return p.shifted(p.shifted(p.plus(x, multiple - 1), 'right', bits), 'left', bits)
}

export const between = (p: Program, low: Int, x: Int, high: Int): Int => p.larger(low, p.smaller(x, high))

interface Packing {
  readonly to: Int
  readonly from: Int
  /** Bytes from row to row. */
  readonly fromStride: Int
  readonly rows: Int
  /** Floats of a row, and with its padding. */
  readonly width: Int
  readonly wide: Int
  readonly scale?: Vector
}

/** Copies rows into work memory, padding them with zeros: in width, and in number up to a multiple of `multiple`. */
export function packRows(
  p: Program,
  { to, from, fromStride, rows, width, wide, scale }: Packing,
  multiple: number,
): void {
  const [source, target] = [p.copy(from), p.copy(to)]
  const wideBytes = p.shifted(wide, 'left', 2)
  p.range(0, rows, 1, () => {
    p.elements(width, (at, mask) => {
      const x = p.load({ base: source, index: at }, mask)
      p.store({ base: target, index: at }, scale ? p.mul(x, scale) : x)
    })
    // A vector that is all padding.
    if (p.lanes === 8) {
      const rest = p.minus(wide, width)
      p.if(rest, '>=', p.lanes, () => p.store({ base: target, index: wideBytes, displacement: -p.width }, p.zero()))
    }
    p.increase(source, fromStride)
    p.increase(target, wideBytes)
  })
  zero(p, target, p.times(p.minus(up(p, rows, multiple), rows), wide))
}

/** Zeros; count a multiple of a vector. */
export function zero(p: Program, to: Int, count: Int): void {
  const none = p.zero()
  const at = p.copy(to)
  const left = p.copy(count)
  p.while(left, '>', 0, () => {
    p.store({ base: at }, none)
    p.increase(at, p.width)
    p.increase(left, -p.lanes)
  })
}

interface Transposition {
  readonly to: Int
  readonly from: Rows
  readonly rows: Int
  /** A multiple of 16. */
  readonly width: Int
  readonly scale?: Vector
}

/** to[width][64] = from[rows][width] transposed, rows up to a multiple of 16. */
export function transposeRows(p: Program, { to, from, rows, width, scale }: Transposition): void {
  const { stride } = from
  p.range(0, up(p, rows, 16), p.lanes, (row) => {
    const source = p.plus(from.at, p.times(row, stride))
    const target = p.address({ base: to, index: row, scale: 4 })
    p.range(0, width, p.lanes, () => {
      const at = p.copy(source)
      const square = Array.from({ length: p.lanes }, () => {
        const value = p.load({ base: at })
        p.increase(at, stride)
        return scale ? p.mul(value, scale) : value
      })
      for (const [i, column] of transpose(p, square).entries())
        p.store({ base: target, displacement: scoreStride * i }, column)
      p.increase(source, p.width)
      p.increase(target, scoreStride * p.lanes)
    })
  })
}

interface Block {
  readonly s0: Int
  readonly keys: Int
  readonly t0: Int
  readonly queries: Int
}

interface ScoreProduct {
  readonly scores: Int
  /** [keys][wide]. */
  readonly left: Rows
  /** [wide][64]. */
  readonly right: Int
  readonly wide: Int
}

/** scores[key][query] = left · right, where a query of a vector sees a key of a strip. */
export function blockScores(a: AttentionFrame, { scores, left, right, wide }: ScoreProduct, block: Block): void {
  const { p } = a
  const { s0, keys, t0, queries } = block
  const rows = rowsOf(p)
  p.range(0, keys, rows, (i) => {
    const lowest = p.larger(p.int(0), p.minus(a.firstQuery(p.plus(s0, i)), t0))
    const low = p.minus(up(p, p.plus(lowest, 1), p.lanes), p.lanes)
    const lastKey = p.minus(p.plus(s0, p.smaller(p.plus(i, rows), keys)), 1)
    const high = p.smaller(queries, p.minus(a.endQuery(lastKey), t0))
    p.if(low, '<', high, () =>
      multiplySmall(p, {
        left: { kind: 'rows', at: p.plus(left.at, p.times(i, left.stride)), row: left.stride },
        right: p.address({ base: right, index: low, scale: 4 }),
        rightStride: scoreStride,
        result: p.address({ base: p.plus(scores, p.times(i, scoreStride)), index: low, scale: 4 }),
        resultStride: scoreStride,
        steps: wide,
        columns: up(p, p.minus(high, low), p.lanes),
        accumulate: false,
      }),
    )
  })
}
