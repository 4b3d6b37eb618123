// Cases of attention and its gradient against float64: causal or not, with a window, sinks, shared key heads, and queries that
// see nothing. Work memory and partial sums are laid out by each target in its own blocks.
import { type Arbitrary, boolean, constantFrom, oneof, record } from 'fast-check'
import {
  type Addresses,
  floats,
  input,
  type KernelCases,
  kernelCases,
  largest,
  output,
  plainValues,
  rounding,
  small,
  type Target,
  updated,
  work,
} from './case.ts'

/** As in src/kernels/attention.ts. */
const layoutOf = (target: Target) =>
  target === 'wasm'
    ? { queries: 72, step: 24, keys: 72, rows: 6, columns: 8 }
    : { queries: 64, step: 16, keys: 64, rows: 8, columns: 16 }

const words = [
  ...(['q', 'k', 'v', 'sinks', 'y', 'lse'] as const),
  ...(['queries', 'keys', 'heads', 'keyHeads', 'features', 'valueFeatures'] as const),
  ...(['length', 'window', 'causal', 'scale', 'work', 'workBytes', 'block', 'partials'] as const),
  ...(['dy', 'dq', 'dk', 'dv', 'sinkPartials', 'chunks', 'dsinks', 'batch'] as const),
  ...(['newKeys', 'newValues', 'cos', 'sin', 'turned'] as const),
]
export const argumentsOf = (at: Addresses, values: Readonly<Record<string, number>>) =>
  words.map((word) => values[word] ?? at[word] ?? 0)

const count = oneof({ arbitrary: small(20), weight: 2 }, { arbitrary: small(90), weight: 2 }, small(150))
/** Multiples of 16 are read where they lie, others copied with padding. */
const width = oneof(small(20), small(40), constantFrom(16, 32, 48))
export const parametersOf = (queries: Arbitrary<number>) =>
  record({
    batch: constantFrom(1, 1, 2),
    keyHeads: constantFrom(1, 1, 2),
    shared: constantFrom(1, 2, 3),
    queries,
    keys: count,
    hidden: constantFrom(0, 0, 1, 5),
    features: width,
    valueFeatures: width,
    window: oneof(constantFrom(0), small(100)),
    causal: boolean(),
    hasSinks: boolean(),
    /** Of head 0: beyond all scores, where exponentials end, or none at all. */
    sink: constantFrom(undefined, undefined, 89, 100, -Infinity),
    blocks: small(4),
    values: plainValues,
  })
const parameters = parametersOf(count)

type Parameters = typeof parameters extends { generate(...args: never[]): { value: infer P } } ? P : never

export const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple

export function problem(p: Parameters, target: Target) {
  const layout = layoutOf(target)
  const heads = p.keyHeads * p.shared
  const length = Math.max(1, p.keys - p.hidden)
  const values = { ...p.values }
  const unit = (size: number, which: number) => {
    // Scores of a few units: neither flat nor one key alone.
    const data = floats(size, values, which)
    const most = largest(data) || 1
    return data.map((x) => (2 * x) / most)
  }
  return {
    ...p,
    layout,
    heads,
    length,
    scale: 1 / Math.sqrt(p.features),
    block: Math.min(layout.queries, roundUp(Math.ceil(p.queries / p.blocks), layout.step)),
    wideFeatures: roundUp(p.features, layout.columns),
    wideValues: roundUp(p.valueFeatures, layout.columns),
    q: unit(p.batch * p.queries * heads * p.features, 0),
    k: unit(p.batch * p.keys * p.keyHeads * p.features, 1),
    v: unit(p.batch * p.keys * p.keyHeads * p.valueFeatures, 2),
    dy: unit(p.batch * p.queries * heads * p.valueFeatures, 3),
    sinks: unit(heads, 4).map((x, h) => (h === 0 ? (p.sink ?? x) : x)),
  }
}

export type Problem = ReturnType<typeof problem>

/** The numbers of the arguments, by their names. */
export function numbers(p: Problem) {
  const { batch, queries, keys, heads, keyHeads, features, valueFeatures, length, window, scale, block } = p
  const causal = Number(p.causal)
  return { batch, queries, keys, heads, keyHeads, features, valueFeatures, length, window, causal, scale, block }
}

interface Pair {
  readonly b: number
  readonly h: number
  readonly t: number
}

export function* pairs({ batch, heads, queries }: Problem): Generator<Pair> {
  for (let b = 0; b < batch; b++) for (let h = 0; h < heads; h++) for (let t = 0; t < queries; t++) yield { b, h, t }
}

export const queryRow = (p: Problem, { b, h, t }: Pair) => (b * p.queries + t) * p.heads + h
export const keyRow = (p: Problem, { b, h }: Pair, s: number) =>
  (b * p.keys + s) * p.keyHeads + Math.floor(h / p.shared)

export function dot(a: ArrayLike<number>, aRow: number, b: ArrayLike<number>, bRow: number, width: number): number {
  let sum = 0
  for (let i = 0; i < width; i++) sum += a[aRow * width + i]! * b[bRow * width + i]!
  return sum
}

/** Keys that a query sees. */
export function seen(p: Problem, t: number): [first: number, end: number] {
  const position = p.length - p.queries + t
  const first = p.window === 0 ? 0 : Math.max(0, position - p.window + 1)
  return [first, p.causal ? Math.min(p.length, position + 1) : p.length]
}

/** y [batch, queries, heads, valueFeatures] and lse [batch, heads, queries]. */
export function forward(p: Problem): { y: Float64Array; lse: Float64Array } {
  const y = new Float64Array(p.batch * p.queries * p.heads * p.valueFeatures)
  const lse = new Float64Array(p.batch * p.heads * p.queries)
  let at = 0
  for (const pair of pairs(p)) {
    const row = queryRow(p, pair)
    const [first, end] = seen(p, pair.t)
    const scores = Array.from(
      { length: Math.max(0, end - first) },
      (_, i) => p.scale * dot(p.q, row, p.k, keyRow(p, pair, first + i), p.features),
    )
    const all = p.hasSinks && p.sinks[pair.h] !== -Infinity ? [...scores, p.sinks[pair.h]!] : scores
    const top = Math.max(...all)
    const total = all.reduce((sum, score) => sum + Math.exp(score - top), 0)
    lse[at++] = all.length === 0 ? -Infinity : top + Math.log(total)
    for (const [i, score] of scores.entries()) {
      const weight = Math.exp(score - top) / total
      const from = keyRow(p, pair, first + i) * p.valueFeatures
      for (let j = 0; j < p.valueFeatures; j++) y[row * p.valueFeatures + j]! += weight * p.v[from + j]!
    }
  }
  return { y, lse }
}

/** Scores have sizes below 4·features·scale; a weight errs by as many roundings. */
export const precision = (p: Problem) => rounding * (40 + 8 * p.features + p.valueFeatures + p.length)

const attention = kernelCases({
  parameters,
  setup: (given, target) => {
    const p = problem(given, target)
    const { layout, wideFeatures, wideValues } = p
    let known: ReturnType<typeof forward> | undefined
    const expected = (name: 'y' | 'lse') => () => (known ??= forward(p))[name]
    const perQuery = 4 + 2 * wideFeatures + wideValues
    const perKey = layout.queries + wideFeatures + wideValues
    const workBytes = roundUp(4 * (layout.queries * perQuery + layout.keys * perKey), 64)
    const absolute = 4 * precision(p)
    return {
      tensors: {
        q: input(p.q),
        k: input(p.k),
        v: input(p.v),
        ...(p.hasSinks && { sinks: input(p.sinks) }),
        y: output(p.dy.length, { expected: expected('y'), tolerance: { absolute } }),
        lse: output(p.batch * p.heads * p.queries, { expected: expected('lse'), tolerance: { absolute } }),
        work: work(workBytes),
      },
      args: (at) => argumentsOf(at, { ...numbers(p), workBytes }),
      items: p.batch * p.heads * Math.ceil(p.queries / p.block),
    }
  },
})

/** How blocks of queries of the heads that share a key head are cut into chunks. */
function chunking(p: Problem) {
  const blocks = Math.ceil(p.queries / p.block)
  const units = p.shared * blocks
  const chunks = Math.ceil(units / Math.ceil(units / Math.min(units, p.blocks)))
  const each = Math.ceil(units / chunks)
  const chunkOf = ({ h, t }: Pair) => Math.floor(((h % p.shared) * blocks + Math.floor(t / p.block)) / each)
  const rows = roundUp(p.length, p.layout.rows) + p.layout.rows
  const size = rows * (p.wideFeatures + p.wideValues)
  return { blocks, chunks, chunkOf, rows, size }
}

type Chunking = ReturnType<typeof chunking>

/** dq, the chunks' sums of dk and dv, and the blocks' of the sinks' gradient. Padding may be anything. */
function backward(p: Problem, y: Float32Array, lse: Float32Array, { blocks, chunks, chunkOf, rows, size }: Chunking) {
  const dq = new Float64Array(p.q.length)
  const partials = Array.from<number | undefined>({ length: p.batch * p.keyHeads * chunks * size })
  const sinks = new Float64Array(p.batch * p.heads * blocks)
  for (let item = 0; item < p.batch * p.keyHeads * chunks; item++)
    for (let s = 0; s < p.length; s++) {
      partials.fill(0, item * size + s * p.wideFeatures, item * size + s * p.wideFeatures + p.features)
      const dv = item * size + rows * p.wideFeatures + s * p.wideValues
      partials.fill(0, dv, dv + p.valueFeatures)
    }
  let at = 0
  for (const pair of pairs(p)) {
    const { b, h, t } = pair
    const row = queryRow(p, pair)
    const saved = lse[at++]!
    const delta = dot(p.dy, row, y, row, p.valueFeatures)
    const item = (b * p.keyHeads + Math.floor(h / p.shared)) * chunks + chunkOf(pair)
    if (p.hasSinks && p.sinks[h] !== -Infinity)
      sinks[(b * p.heads + h) * blocks + Math.floor(t / p.block)]! += Math.exp(p.sinks[h]! - saved) * delta
    const [first, end] = seen(p, t)
    for (let s = first; s < end; s++) {
      const key = keyRow(p, pair, s)
      const weight = Math.exp(p.scale * dot(p.q, row, p.k, key, p.features) - saved)
      const ds = weight * (dot(p.dy, row, p.v, key, p.valueFeatures) - delta) * p.scale
      const dk = item * size + s * p.wideFeatures
      const dv = item * size + rows * p.wideFeatures + s * p.wideValues
      for (let i = 0; i < p.features; i++) {
        dq[row * p.features + i]! += ds * p.k[key * p.features + i]!
        partials[dk + i]! += ds * p.q[row * p.features + i]!
      }
      for (let i = 0; i < p.valueFeatures; i++) partials[dv + i]! += weight * p.dy[row * p.valueFeatures + i]!
    }
  }
  return { dq, partials, sinks }
}

const attentionGrad = kernelCases({
  parameters,
  setup: (given, target) => {
    const p = problem(given, target)
    const { layout, wideFeatures, wideValues } = p
    const cut = chunking(p)
    const { y, lse } = forward(p)
    const [savedY, savedLse] = [Float32Array.from(y), Float32Array.from(lse)]
    let known: ReturnType<typeof backward> | undefined
    const expected = (name: 'dq' | 'partials' | 'sinks') => () => (known ??= backward(p, savedY, savedLse, cut))[name]
    const perQuery = 4 + 3 * wideFeatures + 2 * wideValues
    const perKey = 2 * layout.queries + wideFeatures + wideValues
    const workBytes = roundUp(4 * (layout.queries * perQuery + layout.keys * perKey), 64)
    // ds is of the size of Σ dy·v, and a query has one weight in all; a key has one of every query.
    const absolute = 8 * precision(p) * (4 + 4 * p.valueFeatures) * Math.max(1, p.queries * p.shared) * p.scale
    const tolerance = { absolute }
    const items = p.batch * p.keyHeads * cut.chunks
    return {
      tensors: {
        q: input(p.q),
        k: input(p.k),
        v: input(p.v),
        ...(p.hasSinks && { sinks: input(p.sinks) }),
        y: input(savedY),
        lse: input(savedLse),
        dy: input(p.dy),
        dq: output(p.q.length, {
          expected: expected('dq'),
          tolerance: { absolute: absolute / (p.queries * p.shared) },
        }),
        partials: output(items * cut.size, { expected: expected('partials'), tolerance }),
        ...(p.hasSinks && {
          sinkPartials: updated(new Float64Array(p.batch * p.heads * cut.blocks), {
            expected: expected('sinks'),
            tolerance,
          }),
        }),
        work: work(workBytes),
      },
      args: (at) => argumentsOf(at, { ...numbers(p), workBytes, chunks: cut.chunks }),
      items,
    }
  },
})

/** Adds up the chunks, in order: the bits are the same, wherever the target has laid them. */
const attentionGradSum = kernelCases({
  parameters,
  setup: (given, target) => {
    const p = problem(given, target)
    const chunks = p.blocks
    const rows = roundUp(p.length, p.layout.rows) + p.layout.rows
    const size = rows * (p.wideFeatures + p.wideValues)
    const pairsOfHeads = p.batch * p.keyHeads
    const partials = new Float32Array(pairsOfHeads * chunks * size).fill(NaN)
    for (let item = 0; item < pairsOfHeads * chunks; item++)
      for (let s = 0; s < p.length; s++) {
        const which = 10 + item * p.length + s
        partials.set(floats(p.features, p.values, 2 * which), item * size + s * p.wideFeatures)
        const dv = item * size + rows * p.wideFeatures + s * p.wideValues
        partials.set(floats(p.valueFeatures, p.values, 2 * which + 1), dv)
      }
    return {
      tensors: {
        partials: input(partials),
        dk: output(p.k.length),
        dv: output(p.v.length),
      },
      args: (at) => argumentsOf(at, { ...numbers(p), chunks }),
      items: p.batch * p.keys,
    }
  },
})

export const attentionCases: Readonly<Record<string, KernelCases>> = { attention, attentionGrad, attentionGradSum }
