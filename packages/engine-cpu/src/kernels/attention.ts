// Attention and its gradient. How the work is cut depends on the shapes alone, never on the number of threads.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { MixlabError } from '@mixlab/core'
import type { CpuBackend } from '../backend.ts'
import { defineKernel, type KernelCall } from '../register.ts'

/** Of work memory: queries in a block at most, a multiple of `step`, and keys; what rows and columns are padded to. */
interface Layout {
  readonly queries: number
  readonly step: number
  readonly keys: number
  readonly rows: number
  readonly columns: number
}
/** assembly/attention-shape.ts. */
const portable: Layout = { queries: 72, step: 24, keys: 72, rows: 6, columns: 8 }
/** src/native/small-product.ts. */
const native: Layout = { queries: 64, step: 16, keys: 64, rows: 8, columns: 16 }

/** Up to so many queries take the path of assembly/attention-few.ts, in stretches of so many keys. */
export const fewQueries = 8
const stretch = 256
/** Where there are fewer heads than this, a head is cut further. */
const enoughItems = 32
/** Multiplications in a chunk of items, at least; of few queries, which wait for memory. */
const chunkWork = { many: 100_000, few: 10_000 } as const

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

/** The words of class Attention in assembly/attention-shape.ts, in its order; what is not given is 0. */
const words = [
  ...(['q', 'k', 'v', 'sinks', 'y', 'lse'] as const),
  ...(['queries', 'keys', 'heads', 'keyHeads', 'features', 'valueFeatures'] as const),
  ...(['length', 'window', 'causal', 'scale', 'work', 'workBytes', 'block', 'partials'] as const),
  ...(['dy', 'dq', 'dk', 'dv', 'sinkPartials', 'chunks', 'dsinks', 'batch'] as const),
  ...(['newKeys', 'newValues', 'cos', 'sin', 'turned'] as const),
]

type Arguments = Partial<Record<(typeof words)[number], number>>

const argumentsOf = (values: Arguments): number[] => words.map((word) => values[word] ?? 0)

interface Given {
  /** Addresses: [B, T, H, D], [B, S, G, D], [B, S, G, C]; 0 for no sinks. */
  readonly q: number
  readonly k: number
  readonly v: number
  readonly sinks: number
  readonly batch: number
  readonly queries: number
  readonly keys: number
  readonly heads: number
  readonly keyHeads: number
  readonly features: number
  readonly valueFeatures: number
  /** Keys that there are, of those that there is room for. */
  readonly length: number
  readonly window: number
  readonly causal: boolean
  readonly scale: number
}

function givenOf({ backend, inputs, attrs }: KernelCall): Given {
  const { q, k, v, sinks } = inputs as { q: TensorInfo; k: TensorInfo; v: TensorInfo; sinks?: TensorInfo | null }
  const [batch, queries, heads, features] = q.shape as [number, number, number, number]
  const [, keys, keyHeads] = k.shape as [number, number, number, number]
  const length = (attrs.keyLength as number) || keys
  if (length > keys) throw new MixlabError(`attention: keyLength is ${length}, but there are only ${keys} keys`)
  const addresses = { q: backend.pointer(q), k: backend.pointer(k), v: backend.pointer(v) }
  const sizes = { batch, queries, keys, heads, keyHeads, features, valueFeatures: v.shape[3]!, length }
  const { window, scale } = attrs as { window: number; scale: number }
  const sinksAt = sinks ? backend.pointer(sinks) : 0
  return { ...addresses, ...sizes, sinks: sinksAt, window, scale, causal: Boolean(attrs.causal) }
}

/** A window as wide as the keys hides nothing. */
const windowOf = (window: number, length: number): number => (window < length ? window : 0)

function plan(backend: CpuBackend, given: Given) {
  const { batch, queries, heads, features, valueFeatures } = given
  const layout = typeof backend.native() === 'string' ? portable : native
  const blocksWanted = Math.ceil(enoughItems / Math.max(1, batch * heads))
  return {
    ...given,
    window: windowOf(given.window, given.length),
    causal: Number(given.causal),
    layout,
    block: Math.min(layout.queries, roundUp(Math.max(1, Math.ceil(queries / blocksWanted)), layout.step)),
    wideFeatures: roundUp(features, layout.columns),
    wideValues: roundUp(valueFeatures, layout.columns),
  }
}

type Problem = ReturnType<typeof plan>

/** Items in a chunk, when all `items` together make the products of queries and keys `times` over. */
function grain(
  { batch, queries, heads, length, features, valueFeatures }: Omit<Given, 'causal'>,
  times: number,
  items: number,
  least: number = chunkWork.many,
): number {
  const work = (times * batch * heads * queries * length * (features + valueFeatures)) / items
  return Math.max(1, Math.ceil(least / Math.max(1, work)))
}

/** Work memory for every thread: address and bytes of each. */
function workOf(backend: CpuBackend, floats: number): { work: number; workBytes: number } {
  const workBytes = roundUp(4 * floats, 64)
  return { work: backend.scratch(workBytes * backend.threads()), workBytes }
}

interface Outputs {
  /** Addresses: [B, T, H, C], [B, H, T]. */
  readonly y: number
  readonly lse: number
}

export function attend(backend: CpuBackend, given: Given, outputs: Outputs): void {
  if (given.batch * given.queries * given.heads === 0) return
  if (given.queries <= fewQueries) fewAttention(backend, given, outputs)(given.length)
  else attendMany(backend, plan(backend, given), outputs)
}

/** What few queries put into a cache of keys and values before they attend to it. */
export interface Added {
  /** Addresses: [B, T, G, D], [B, T, G, C]. */
  readonly newKeys: number
  readonly newValues: number
  /** Addresses of a table of all positions, [S, R/2]; R features of queries and new keys turn. */
  readonly cos: number
  readonly sin: number
  readonly turned: number
}

/** Attention of a few queries to as many keys as the result is told, with memory for all that there is room for. */
export function fewAttention(
  backend: CpuBackend,
  given: Omit<Given, 'length'>,
  outputs: Outputs,
  added?: Added,
): (length: number) => void {
  const { batch, queries, heads, keyHeads, keys, features, valueFeatures, window } = given
  const most = Math.ceil(keys / stretch)
  const partials = backend.scratch(4 * batch * heads * queries * most * (4 + roundUp(valueFeatures, 4)))
  const work = workOf(backend, ((queries * heads) / keyHeads) * (stretch + roundUp(features, 4)))
  const causal = Number(given.causal)
  const args = argumentsOf({ ...given, ...outputs, ...work, ...added, causal, partials, block: stretch })
  return (length) => {
    args[words.indexOf('length')] = length
    args[words.indexOf('window')] = windowOf(window, length)
    const stretches = Math.ceil(length / stretch)
    const items = batch * stretches * keyHeads
    backend.run('attentionFew', items, grain({ ...given, length }, 1, items, chunkWork.few), ...args)
    if (stretches !== 1) backend.run('attentionFewCombine', batch * queries * heads, 64, ...args)
  }
}

function attendMany(backend: CpuBackend, p: Problem, outputs: Outputs): void {
  const { batch, queries, heads, wideFeatures, wideValues } = p
  const perQuery = 4 + 2 * wideFeatures + wideValues
  const perKey = p.layout.queries + wideFeatures + wideValues
  const work = workOf(backend, p.layout.queries * perQuery + p.layout.keys * perKey)
  const items = batch * heads * Math.ceil(queries / p.block)
  backend.run('attention', items, grain(p, 1, items), ...argumentsOf({ ...p, ...outputs, ...work }))
}

defineKernel('mixlab.Attention', (call) => {
  const { backend } = call
  const given = givenOf(call)
  const { batch, queries, heads, valueFeatures } = given
  const y = backend.output([batch, queries, heads, valueFeatures], 'float32')
  const lse = backend.output([batch, heads, queries], 'float32')
  attend(backend, given, { y: backend.pointer(y), lse: backend.pointer(lse) })
  return [y, lse]
})

defineKernel('mixlab.AttentionGrad', (call) => {
  const { backend, inputs } = call
  const p = plan(backend, givenOf(call))
  const { batch, queries, keys, heads, keyHeads, length, wideFeatures, wideValues } = p
  const outputs = [inputs.q!, inputs.k!, inputs.v!].map(({ shape }) => backend.output(shape, 'float32'))
  if (p.sinks) outputs.push(backend.output([heads], 'float32'))
  const [dq, dk, dv, dsinks = 0] = outputs.map((info) => backend.pointer(info))
  const saved = { y: backend.pointer(inputs.y!), lse: backend.pointer(inputs.lse!), dy: backend.pointer(inputs.dy!) }
  const blocks = Math.ceil(queries / p.block)
  const units = keyHeads === 0 ? 0 : (heads / keyHeads) * blocks
  const wanted = Math.max(1, Math.min(units, Math.ceil(enoughItems / Math.max(1, batch * keyHeads))))
  const chunks = Math.max(1, Math.ceil(units / Math.ceil(units / wanted)) || 1)
  const items = batch * keyHeads * chunks
  // With a window, strips of rows start at any key, and the last one may end so much later.
  const sumRows = roundUp(length, p.layout.rows) + p.layout.rows
  const partials = backend.scratch(4 * items * sumRows * (wideFeatures + wideValues))
  const sinkPartials = p.sinks ? backend.scratch(8 * batch * heads * blocks) : 0
  const perQuery = 4 + 3 * wideFeatures + 2 * wideValues
  const perKey = 2 * p.layout.queries + wideFeatures + wideValues
  const work = workOf(backend, p.layout.queries * perQuery + p.layout.keys * perKey)
  const args = argumentsOf({ ...p, ...saved, ...work, dq, dk, dv, dsinks, partials, sinkPartials, chunks } as Arguments)
  backend.run('attentionGrad', items, grain(p, 2, items), ...args)
  const keyRow = chunks * keyHeads * (wideFeatures + wideValues)
  backend.run('attentionGradSum', batch * keys, Math.max(1, Math.ceil(16_384 / Math.max(1, keyRow))), ...args)
  if (p.sinks) backend.run('attentionGradSinks', heads, heads, ...args)
  return outputs
})
