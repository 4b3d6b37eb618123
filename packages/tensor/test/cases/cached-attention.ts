import { cachedAttention, type tf } from '../../src/index.ts'
import { naiveAttention } from './attention.ts'
import { floats, normals, type Numbers, type OperationCase } from './case.ts'
import { naiveRotary } from './rotary.ts'

interface Sizes {
  readonly B: number
  readonly T: number
  readonly S: number
  readonly H: number
  readonly G: number
  readonly D: number
  readonly position: number
  readonly window?: number
  /** Turned pairs of a head; 0: none. */
  readonly pairs: number
}

const reshaped = (x: Numbers, shape: readonly number[]): Numbers => ({ ...x, shape })

const cached = (label: string, { B, T, S, H, G, D, position, window = 0, pairs }: Sizes): OperationCase => ({
  name: `cachedAttention ${label}`,
  kernels: ['CachedAttention'],
  inputs(rng) {
    const angles = Array.from({ length: (S + 1) * pairs }, () => 6 * rng.uniform())
    return {
      q: normals(rng, [B * T, H * D]),
      k: normals(rng, [B * T, G * D]),
      v: normals(rng, [B * T, G * D]),
      keys: normals(rng, [B, S, G, D]),
      values: normals(rng, [B, S, G, D]),
      cos: floats([S + 1, pairs], angles.map(Math.cos)),
      sin: floats([S + 1, pairs], angles.map(Math.sin)),
    }
  },
  run(inputs) {
    const [q, k, v, cos, sin] = ['q', 'k', 'v', 'cos', 'sin'].map((name) => inputs[name] as tf.Tensor2D)
    const [keys, values] = ['keys', 'values'].map((name) => inputs[name] as tf.Tensor4D)
    const rotary = pairs > 0 ? { cos: cos!, sin: sin! } : undefined
    const options = { position, rotary, window }
    return [cachedAttention({ q: q!, k: k!, v: v! }, { keys: keys!, values: values! }, options), keys!, values!]
  },
  naive({ q, k, v, keys, values, cos, sin }) {
    const table = (x: Numbers): Numbers => ({
      ...x,
      shape: [T, pairs],
      values: x.values.slice(position * pairs, (position + T) * pairs),
    })
    const split = (x: Numbers, heads: number) => reshaped(x, [B, T, heads, D])
    const turned = (x: Numbers) => (pairs > 0 ? naiveRotary({ x, cos: table(cos!), sin: table(sin!) }, false) : x)
    const append = (cache: Numbers, x: Numbers): Numbers => {
      const copy = cache.values.slice()
      const row = T * G * D
      for (let b = 0; b < B; b++) copy.set(x.values.subarray(b * row, (b + 1) * row), (b * S + position) * G * D)
      return { ...cache, values: copy }
    }
    const [newKeys, newValues] = [append(keys!, turned(split(k!, G))), append(values!, v!)]
    const y = naiveAttention(
      { q: turned(split(q!, H)), k: newKeys, v: newValues },
      { B, T, S, H, G, D, C: D },
      { window, keyLength: position + T },
    )
    return [reshaped(y, q!.shape), newKeys, newValues]
  },
})

const small = { B: 2, T: 1, S: 6, H: 2, G: 2, D: 4, position: 3, pairs: 2 }

export const cachedAttentionCases: readonly OperationCase[] = [
  cached('of one token', small),
  cached('of the first tokens', { ...small, T: 3, position: 0 }),
  cached('that fills the cache', { ...small, T: 2, position: 4 }),
  cached('with grouped heads in a window', { ...small, T: 2, H: 4, window: 2 }),
  cached('without rotary embedding', { ...small, pairs: 0 }),
  cached('with half of each head turned', { ...small, B: 1, D: 6, pairs: 1 }),
  cached('over more than one stretch of keys', { B: 1, T: 3, S: 300, H: 2, G: 1, D: 8, position: 255, pairs: 4 }),
  cached('longer than a block', { B: 1, T: 19, S: 40, H: 2, G: 1, D: 8, position: 11, pairs: 4 }),
]
