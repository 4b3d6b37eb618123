import { attention, type tf } from '../../src/index.ts'
import { type Arrays, normals, type Numbers, type OperationCase, sum, zeros } from './case.ts'

interface Options {
  readonly causal?: boolean
  readonly window?: number
  readonly keyLength?: number
  readonly scale?: number
}

interface Sizes {
  readonly B: number
  readonly T: number
  readonly S: number
  readonly H: number
  readonly G: number
  readonly D: number
  readonly C: number
}

export function naiveAttention({ q, k, v, sinks }: Arrays, { B, T, S, H, G, D, C }: Sizes, options: Options): Numbers {
  const { causal = true, window = 0, keyLength = 0, scale = 1 / Math.sqrt(D) } = options
  const length = keyLength || S
  const y = zeros(B, T, H, C)
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * G) / H)
      for (let t = 0; t < T; t++) {
        const position = length - T + t
        const seen = Array.from({ length }, (_, j) => j).filter(
          (j) => (!causal || j <= position) && (window === 0 || j > position - window),
        )
        const score = (j: number) =>
          scale * sum(D, (d) => q!.values[((b * T + t) * H + h) * D + d]! * k!.values[((b * S + j) * G + g) * D + d]!)
        const weights = seen.map((j) => Math.exp(score(j)))
        const total = weights.reduce((a, w) => a + w, 0) + (sinks ? Math.exp(sinks.values[h]!) : 0)
        for (let c = 0; c < C; c++) {
          const value = (j: number) => v!.values[((b * S + j) * G + g) * C + c]!
          const weighted = seen.reduce((a, j, index) => a + weights[index]! * value(j), 0)
          y.values[((b * T + t) * H + h) * C + c] = total === 0 ? 0 : weighted / total
        }
      }
    }
  }
  return y
}

const attentionCase = (label: string, sizes: Sizes, options: Options = {}, sinks = false): OperationCase => ({
  name: `attention ${label}`,
  kernels: ['Attention', 'AttentionGrad'],
  inputs: (rng) => ({
    q: normals(rng, [sizes.B, sizes.T, sizes.H, sizes.D]),
    k: normals(rng, [sizes.B, sizes.S, sizes.G, sizes.D]),
    v: normals(rng, [sizes.B, sizes.S, sizes.G, sizes.C]),
    ...(sinks && { sinks: normals(rng, [sizes.H]) }),
  }),
  run: ({ q, k, v, sinks: logits }) => [
    attention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, { ...options, sinks: logits }),
  ],
  naive: (inputs) => [naiveAttention(inputs, sizes, options)],
  gradients: ['q', 'k', 'v', ...(sinks ? ['sinks'] : [])],
})

const small: Sizes = { B: 2, T: 4, S: 4, H: 2, G: 2, D: 3, C: 3 }

export const attentionCases: readonly OperationCase[] = [
  attentionCase('causal', small),
  attentionCase('of everything', small, { causal: false, scale: 0.7 }),
  attentionCase('with grouped heads and another value width', { ...small, H: 4, G: 2, C: 5 }),
  attentionCase('with one key/value head', { ...small, B: 1, H: 3, G: 1 }),
  attentionCase('in a sliding window', { ...small, B: 1, T: 6, S: 6 }, { window: 2 }),
  attentionCase('in a window without causality', { ...small, B: 1, T: 5, S: 5 }, { causal: false, window: 2 }),
  attentionCase('with sinks', { ...small, H: 4, G: 2 }, {}, true),
  attentionCase('with sinks in a window', { ...small, B: 1, T: 5, S: 5 }, { window: 2 }, true),
  attentionCase('over a cache that is partly filled', { ...small, T: 2, S: 7 }, { keyLength: 5 }),
  attentionCase('of one query over a cache', { ...small, B: 1, T: 1, S: 6, H: 4 }, { keyLength: 4, window: 3 }),
  attentionCase('of one query and one key', { B: 1, T: 1, S: 1, H: 1, G: 1, D: 1, C: 1 }),
  // The first two queries stand before all keys.
  attentionCase(
    'of queries that see nothing',
    { ...small, B: 1, T: 4, S: 4 },
    { causal: false, window: 1, keyLength: 2 },
  ),
  attentionCase('longer than a block', { B: 1, T: 37, S: 37, H: 1, G: 1, D: 5, C: 4 }),
  attentionCase('of no sequences', { ...small, B: 0 }),
]
