// Cases of attention of few queries against float64: new keys and values go to their places, turned; each stretch of keys
// leaves what is to be put together; and what is put together is attention.
import { boolean, constantFrom, integer, oneof, tuple } from 'fast-check'
import {
  argumentsOf,
  dot,
  forward,
  keyRow,
  numbers,
  pairs,
  parametersOf,
  precision,
  type Problem,
  problem,
  queryRow,
  roundUp,
  seen,
} from './attention.ts'
import { floats, input, type KernelCases, kernelCases, output, rounding, small, updated, work } from './case.ts'

/** Floats of a stretch before its values: maximum, sum, and two that may be anything. */
const header = 4

const blocks = constantFrom(4, 20, 64, 256)

/** Of each stretch of each query: its largest score, and the sums of exp(score − largest), alone and times the values. */
function partialsOf(p: Problem, block: number, stretches: number): (number | undefined)[] {
  const size = header + roundUp(p.valueFeatures, 4)
  const partials = Array.from<number | undefined>({ length: p.batch * p.heads * p.queries * stretches * size })
  let at = 0
  for (const pair of pairs(p))
    for (let i = 0; i < stretches; i++, at += size) {
      const [first, end] = seen(p, pair.t)
      const keys: number[] = []
      for (let s = Math.max(first, i * block); s < Math.min(end, (i + 1) * block); s++) keys.push(keyRow(p, pair, s))
      const scores = keys.map((key) => p.scale * dot(p.q, queryRow(p, pair), p.k, key, p.features))
      const top = Math.max(...scores)
      const weights = scores.map((score) => Math.exp(score - top))
      partials[at] = top
      partials[at + 1] = weights.reduce((sum, weight) => sum + weight, 0)
      for (let j = 0; j < p.valueFeatures; j++)
        partials[at + header + j] = keys.reduce((sum, key, s) => sum + weights[s]! * p.v[key * p.valueFeatures + j]!, 0)
    }
  return partials
}

/** The same problem once new rows are in their places, and what turns is turned, in float32. */
function appended(p: Problem, added: { newKeys: Float32Array; newValues: Float32Array } | undefined, half: number) {
  const angles = Float32Array.from({ length: p.keys * half }, (_, i) => i)
  const [cos, sin] = [angles.map((x) => Math.cos(x)), angles.map((x) => Math.sin(x))]
  const origin = p.length - p.queries
  const turned = (x: Float32Array, heads: number) =>
    x.map((value, i) => {
      const feature = i % p.features
      if (feature >= 2 * half) return value
      const position = origin + (Math.floor(i / (heads * p.features)) % p.queries)
      const angle = position * half + (feature % half)
      const [lower, upper] = feature < half ? [value, x[i + half]!] : [x[i - half]!, value]
      const [c, s] = [cos[angle]!, sin[angle]!]
      return feature < half ? lower * c - upper * s : upper * c + lower * s
    })
  const [k, v] = [p.k.slice(), p.v.slice()]
  const place = (rows: Float32Array, into: Float32Array, width: number) => {
    const row = p.keyHeads * width
    for (let b = 0; b < p.batch; b++)
      into.set(rows.subarray(b * p.queries * row, (b + 1) * p.queries * row), (b * p.keys + origin) * row)
  }
  if (added) {
    place(turned(added.newKeys, p.keyHeads), k, p.features)
    place(added.newValues, v, p.valueFeatures)
  }
  return { cos, sin, after: { ...p, q: half > 0 ? turned(p.q, p.heads) : p.q, k, v } }
}

const attentionFew = kernelCases({
  parameters: tuple(parametersOf(small(8)), blocks, boolean(), oneof(constantFrom(0), small(20))),
  setup: ([given, block, wantsAdded, pairsTurned], target) => {
    const p = problem(given, target)
    const stretches = Math.ceil(p.length / block)
    const isOfCache = p.length >= p.queries
    const half = isOfCache ? Math.min(pairsTurned, Math.floor(p.features / 2)) : 0
    // Of a size as `problem` makes it.
    const row = (width: number, which: number) =>
      floats(p.batch * p.queries * p.keyHeads * width, { seed: p.values.seed, kind: 'plain' }, which).map(Math.sin)
    const added =
      wantsAdded && isOfCache ? { newKeys: row(p.features, 5), newValues: row(p.valueFeatures, 6) } : undefined
    const { cos, sin, after } = appended(p, added, half)
    let known: { partials: (number | undefined)[]; y: ArrayLike<number>; lse: ArrayLike<number> } | undefined
    const expected = (name: 'partials' | 'y' | 'lse') => () => {
      known ??= { partials: partialsOf(after, block, stretches), ...forward(after) }
      // What is put together at once needs its head no more.
      if (stretches === 1) {
        const size = header + roundUp(p.valueFeatures, 4)
        for (let at = 0; at < known.partials.length; at += size) known.partials.fill(undefined, at, at + header)
      }
      return known[name]
    }
    const workBytes = roundUp(4 * p.queries * p.shared * (block + roundUp(p.features, 4)), 64)
    const size = p.batch * p.heads * p.queries * stretches * (header + roundUp(p.valueFeatures, 4))
    // A turned number is the difference of two products; a weight of up to 1 is of values up to 2.
    const turning = { tolerance: { absolute: 8 * rounding } }
    const absolute = 8 * precision(p)
    const result = (name: 'y' | 'lse', count: number) =>
      stretches === 1 ? output(count, { expected: expected(name), tolerance: { absolute } }) : output(count)
    return {
      tensors: {
        q: input(p.q),
        k: added ? updated(p.k, { expected: () => after.k, ...turning }) : input(p.k),
        v: added ? updated(p.v, { expected: () => after.v }) : input(p.v),
        ...(p.hasSinks && { sinks: input(p.sinks) }),
        ...(added && { newKeys: input(added.newKeys), newValues: input(added.newValues) }),
        ...(half > 0 && { cos: input(cos), sin: input(sin) }),
        partials: output(size, {
          expected: expected('partials'),
          tolerance: { absolute: absolute * Math.min(block, p.length) },
        }),
        y: result('y', p.dy.length),
        lse: result('lse', p.batch * p.heads * p.queries),
        work: work(workBytes),
      },
      args: (at) => argumentsOf(at, { ...numbers(p), block, workBytes, turned: 2 * half }),
      items: p.batch * stretches * p.keyHeads,
    }
  },
})

const attentionFewCombine = kernelCases({
  parameters: tuple(parametersOf(small(8)), blocks, integer({ min: 0, max: 4 })),
  setup: ([given, block, hidden], target) => {
    const p = problem(given, target)
    const stretches = Math.ceil(p.length / block)
    const size = header + roundUp(p.valueFeatures, 4)
    const rows = p.batch * p.heads * p.queries
    const partials = floats(rows * stretches * size, { seed: p.values.seed, kind: 'plain' }, 5).map(Math.sin)
    for (let i = 0; i < rows * stretches; i++) {
      const at = i * size
      // As of a stretch in which nothing is seen, now and then.
      const isHidden = hidden > 0 && i % (hidden + 1) === 0
      partials[at] = isHidden ? -Infinity : 5 * partials[at]!
      partials[at + 1] = isHidden ? 0 : 1 + Math.abs(partials[at + 1]!)
      if (isHidden) partials.fill(0, at + header, at + size)
    }
    const y = new Float64Array(p.dy.length)
    const lse = new Float64Array(rows)
    let row = 0
    for (const pair of pairs(p)) {
      const at = Array.from({ length: stretches }, (_, i) => (row * stretches + i) * size)
      const sink = p.hasSinks ? p.sinks[pair.h]! : -Infinity
      const top = Math.max(sink, ...at.map((i) => partials[i]!))
      const weight = (score: number) => (top === -Infinity ? 0 : Math.exp(score - top))
      const total = at.reduce((sum, i) => sum + weight(partials[i]!) * partials[i + 1]!, weight(sink))
      lse[row++] = total === 0 ? -Infinity : top + Math.log(total)
      for (let j = 0; j < p.valueFeatures && total > 0; j++)
        y[queryRow(p, pair) * p.valueFeatures + j] =
          at.reduce((sum, i) => sum + weight(partials[i]!) * partials[i + header + j]!, 0) / total
    }
    const tolerance = { absolute: 8 * precision(p) * stretches }
    return {
      tensors: {
        partials: updated(partials, {
          expected: () => Array.from(partials, (x, i) => (i % size < header ? undefined : x)),
        }),
        ...(p.hasSinks && { sinks: input(p.sinks) }),
        y: output(p.dy.length, { expected: () => y, tolerance }),
        lse: output(rows, { expected: () => lse, tolerance }),
      },
      args: (at) => argumentsOf(at, { ...numbers(p), block }),
      items: rows,
    }
  },
})

export const attentionFewCases: Readonly<Record<string, KernelCases>> = { attentionFew, attentionFewCombine }
