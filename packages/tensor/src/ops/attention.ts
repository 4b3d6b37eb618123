// Scaled dot-product attention with grouped key/value heads, causal and sliding-window masks and attention sinks. The
// log-sum-exp of each query is kept, so that the backward pass recomputes probabilities instead of storing them.
//
// Axes: B batch, T queries, S keys, H query heads, G key/value heads, R = H/G query heads a key/value head.
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

type Attributes = { scale: number; causal: boolean; window: number; keyLength: number }
type Inputs = { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor; sinks: tf.Tensor | undefined }

// Finite, so that a query without visible keys yields no NaN.
const hidden = -1e30

/** [T, S] as bool: query t stands at position L − T + t. */
function visible(queries: number, keys: number, { causal, window, keyLength }: Attributes): tf.Tensor {
  const length = keyLength || keys
  const mask = new Uint8Array(queries * keys)
  for (let t = 0; t < queries; t++) {
    const position = length - queries + t
    const end = causal ? Math.min(length, position + 1) : length
    const start = window > 0 ? Math.max(0, position - window + 1) : 0
    for (let j = start; j < end; j++) mask[t * keys + j] = 1
  }
  return tf.tensor(mask, [queries, keys], 'bool')
}

/** [B, T, H, D] → [B, G, R·T, D]: the queries of a key/value head as rows of one matrix. */
function byGroup(x: tf.Tensor, groups: number): tf.Tensor4D {
  const [batch, length, heads, width] = x.shape as [number, number, number, number]
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, groups, (heads / groups) * length, width])
}

/** The inverse of byGroup. */
function byHead(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, groups, rows, width] = x.shape as [number, number, number, number]
  const length = (groups * rows) / heads
  return tf.transpose<tf.Tensor4D>(tf.reshape(x, [batch, heads, length, width]), [0, 2, 1, 3])
}

/** Scaled scores [B, H, T, S], and which of them count. */
function scores({ q, k }: { q: tf.Tensor; k: tf.Tensor }, attributes: Attributes): { s: tf.Tensor4D; mask: tf.Tensor } {
  const [batch, queries, heads] = q.shape as [number, number, number, number]
  const [, keys, groups] = k.shape as [number, number, number, number]
  const products = tf.matMul(byGroup(q, groups), tf.transpose(k, [0, 2, 1, 3]), false, true)
  const s = tf.mul<tf.Tensor4D>(tf.reshape(products, [batch, heads, queries, keys]), attributes.scale)
  const mask = tf.broadcastTo(tf.reshape(visible(queries, keys, attributes), [1, 1, queries, keys]), s.shape)
  return { s, mask }
}

export const attentionGradOperation = defineOperation<
  Inputs & { dy: tf.Tensor; y: tf.Tensor; lse: tf.Tensor },
  Attributes,
  tf.Tensor[]
>({
  name: 'AttentionGrad',
  summary: 'Gradients of Attention by queries, keys, values and sinks',
  source: 'https://arxiv.org/abs/2205.14135 (appendix B)',
  reference({ dy, q, k, v, sinks, y, lse }, attributes) {
    const [batch, queries, heads] = q.shape as [number, number, number, number]
    const [, keys, groups] = k.shape as [number, number, number, number]
    if (q.size === 0) return [q, k, v, ...(sinks ? [sinks] : [])].map((input) => tf.zerosLike(input))
    const { s, mask } = scores({ q, k }, attributes)
    const p = tf.where(mask, tf.exp(tf.sub(s, tf.expandDims(lse, 3))), tf.zerosLike(s))
    const grouped = (x: tf.Tensor) => tf.reshape<tf.Rank.R4>(x, [batch, groups, (heads / groups) * queries, keys])
    const dys = byGroup(dy, groups)
    const dv = tf.matMul(grouped(p), dys, true)
    const dp = tf.reshape(tf.matMul(dys, tf.transpose(v, [0, 2, 1, 3]) as tf.Tensor4D, false, true), s.shape)
    const delta = tf.transpose(tf.sum(tf.mul(dy, y), 3), [0, 2, 1])
    const ds = grouped(tf.mul(tf.mul(p, tf.sub(dp, tf.expandDims(delta, 3))), attributes.scale))
    const dq = byHead(tf.matMul(ds, tf.transpose(k, [0, 2, 1, 3])), heads)
    const dk = tf.matMul(ds, byGroup(q, groups), true)
    const gradients = [dq, tf.transpose(dk, [0, 2, 1, 3]), tf.transpose(dv, [0, 2, 1, 3])]
    if (!sinks) return gradients
    const share = tf.exp(tf.sub(tf.reshape(sinks, [1, heads, 1]), lse))
    return [...gradients, tf.neg(tf.sum(tf.mul(share, delta), [0, 2]))]
  },
})

export const attentionOperation = defineOperation<
  Inputs,
  Attributes,
  [y: tf.Tensor, lse: tf.Tensor],
  'q' | 'k' | 'v' | 'sinks'
>({
  name: 'Attention',
  summary: 'Scaled dot-product attention: grouped heads, causal, sliding window, sinks',
  source:
    'https://arxiv.org/abs/1706.03762, https://arxiv.org/abs/2305.13245 (grouped), https://arxiv.org/abs/2309.17453 (sinks)',
  reference({ q, k, v, sinks }, attributes) {
    const [batch, queries, heads] = q.shape as [number, number, number, number]
    const [, keys, groups] = k.shape as [number, number, number, number]
    const width = v.shape[3]!
    if (q.size === 0) return [tf.zeros([batch, queries, heads, width]), tf.zeros([batch, heads, queries])]
    const { s, mask } = scores({ q, k }, attributes)
    const masked = tf.where(mask, s, tf.fill(s.shape, hidden))
    let top = tf.max(masked, 3, true)
    const sink = sinks && tf.reshape(sinks, [1, heads, 1, 1])
    if (sink) top = tf.maximum(top, sink)
    const weights = tf.where(mask, tf.exp(tf.sub(masked, top)), tf.zerosLike(s))
    let total = tf.sum(weights, 3, true)
    if (sink) total = tf.add(total, tf.exp(tf.sub(sink, top)))
    const p = tf.reshape(tf.divNoNan(weights, total), [batch, groups, (heads / groups) * queries, keys])
    const y = byHead(tf.matMul(p, tf.transpose(v, [0, 2, 1, 3])), heads)
    const lse = tf.add(top, tf.log(total))
    return [y, tf.reshape(lse, [batch, heads, queries])]
  },
  gradient: {
    inputs: ['q', 'k', 'v', 'sinks'],
    outputs: [0, 1],
    backward(dy, { q, k, v, sinks }, [y, lse], attributes) {
      const inputs = { dy, q, k, v, sinks, y: y!, lse: lse! }
      const [dq, dk, dv, dsinks] = attentionGradOperation.run(inputs, attributes)
      return { q: dq, k: dk, v: dv, sinks: dsinks }
    },
  },
})

export interface AttentionOptions {
  /** A query sees no later position. Default true. */
  readonly causal?: boolean
  /** Default 1/√D. */
  readonly scale?: number
  /** A query sees only the last `window` positions up to its own; 0 = all. */
  readonly window?: number
  /** How many of the S keys are filled (a cache); queries stand at its end. 0 = all. */
  readonly keyLength?: number
  /** [H]: logits of a key that has no value and takes its share of the probability. */
  readonly sinks?: tf.Tensor | undefined
}

/**
 * Attention. With L = keyLength or S, query t stands at position p = L − T + t and sees key j if j < L, j ≤ p (causal) and
 * j > p − window. Query head h reads key/value head ⌊h·G/H⌋. A query that sees nothing yields zeros.
 * @param q [B, T, H, D].
 * @param k [B, S, G, D], G divides H.
 * @param v [B, S, G, C].
 * @returns [B, T, H, C].
 */
export function attention(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, options: AttentionOptions = {}): tf.Tensor4D {
  expectTensor('attention', 'q', q, ['B', 'T', 'H', 'D'])
  const [batch, queries, heads, width] = q.shape
  expectTensor('attention', 'k', k, [batch, 'S', 'G', width])
  const [, keys, groups] = k.shape
  expectTensor('attention', 'v', v, [batch, keys, groups, 'C'])
  const { causal = true, scale = 1 / Math.sqrt(width), window = 0, keyLength = 0, sinks } = options
  if (sinks) expectTensor('attention', 'sinks', sinks, [heads])
  expect(
    'attention',
    groups > 0 && heads % groups === 0,
    () => `${heads} query heads cannot share ${groups} key/value heads evenly`,
  )
  expect('attention', keys > 0, () => 'there are no keys')
  expect(
    'attention',
    keyLength >= 0 && keyLength <= keys,
    () => `keyLength is ${keyLength}, expected 0 … ${keys} (the keys' length)`,
  )
  expect(
    'attention',
    (keyLength || keys) >= queries || !causal,
    () => `${queries} queries cannot end at key ${keyLength || keys}`,
  )
  return attentionOperation.run({ q, k, v, sinks }, { scale, causal, window, keyLength })[0] as tf.Tensor4D
}
