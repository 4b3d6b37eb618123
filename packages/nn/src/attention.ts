// Self-attention of a decoder: grouped-query, rotary, with an optional norm of queries and keys, a sliding window and a
// key-value cache. Three separate products make q, k and v, so that the parameters keep Hugging Face's names.
//
// Axes: B sequences, T tokens of each, H query heads, G key/value heads, D head width.
import type { RandomStream } from '@mixlab/core'
import { attention, rotary, type tf } from '@mixlab/tensor'
import type { KeyValueCache } from './cache.ts'
import type { Initializer } from './initializers.ts'
import { forwardTogether, Linear } from './linear.ts'
import { Module } from './module.ts'
import { RmsNorm } from './norm.ts'

export interface AttentionOptions {
  /** Index of the layer: its place in the cache. */
  readonly layer: number
  readonly width: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  readonly bias: boolean
  /** An RMS norm of each head's queries and keys (Qwen 3), or of all heads' at once (OLMoE). */
  readonly queryKeyNorm: 'none' | 'head' | 'all'
  readonly normEpsilon: number
  /** How many tokens back a token sees, itself included; 0: all. */
  readonly window: number
  readonly initializer: Initializer
  /** Of the product that adds to the residual stream. */
  readonly residualInitializer: Initializer
}

export interface AttentionInput {
  readonly batch: number
  readonly length: number
  /**
   * Cosines and sines [T, headWidth/2] of these tokens' positions, with a cache of all positions; absent without rotary
   * embedding.
   */
  readonly rotary: { readonly cos: tf.Tensor2D; readonly sin: tf.Tensor2D } | undefined
  readonly cache: KeyValueCache | undefined
}

export class Attention extends Module {
  readonly #options: AttentionOptions
  readonly #query: Linear
  readonly #key: Linear
  readonly #value: Linear
  readonly #output: Linear
  readonly #queryNorm: RmsNorm | undefined
  readonly #keyNorm: RmsNorm | undefined

  constructor(rng: RandomStream, options: AttentionOptions) {
    super(rng)
    this.#options = options
    const {
      width,
      heads,
      keyValueHeads,
      headWidth,
      bias,
      initializer,
      residualInitializer,
      queryKeyNorm,
      normEpsilon,
    } = options
    const product = (name: string, inputs: number, outputs: number, from: Initializer) =>
      this.child(name, new Linear(rng.stream(name), { inputs, outputs, bias, initializer: from }))
    this.#query = product('q_proj', width, heads * headWidth, initializer)
    this.#key = product('k_proj', width, keyValueHeads * headWidth, initializer)
    this.#value = product('v_proj', width, keyValueHeads * headWidth, initializer)
    this.#output = product('o_proj', heads * headWidth, width, residualInitializer)
    if (queryKeyNorm === 'none') return
    const norm = (name: string, count: number) =>
      this.child(
        name,
        new RmsNorm(rng.stream(name), queryKeyNorm === 'head' ? headWidth : count * headWidth, normEpsilon),
      )
    this.#queryNorm = norm('q_norm', heads)
    this.#keyNorm = norm('k_norm', keyValueHeads)
  }

  /**
   * @param x [B·T, width]
   * @param residual [B·T, width], to which the result is added
   * @returns [B·T, width]
   */
  forward(
    x: tf.Tensor2D,
    { batch, length, rotary: tables, cache }: AttentionInput,
    residual?: tf.Tensor2D,
  ): tf.Tensor2D {
    const { heads, keyValueHeads, headWidth, window, layer } = this.#options
    const [queries, keys, v] = forwardTogether([this.#query, this.#key, this.#value], x) as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor2D,
    ]
    const q = this.#normed(queries, this.#queryNorm)
    const k = this.#normed(keys, this.#keyNorm)
    if (cache) {
      return this.#output.forward(cache.attend(layer, { q, k, v }, { rotary: tables, window }), residual)
    }
    const split = (rows: tf.Tensor2D, count: number) => rows.reshape<tf.Tensor4D>([batch, length, count, headWidth])
    const turn = (each: tf.Tensor4D) => (tables ? rotary(each, tables) : each)
    const [qs, ks] = [turn(split(q, heads)), turn(split(k, keyValueHeads))]
    const mixed = attention(qs, ks, split(v, keyValueHeads), { causal: true, window })
    return this.#output.forward(mixed.reshape<tf.Tensor2D>([batch * length, heads * headWidth]), residual)
  }

  #normed(rows: tf.Tensor2D, norm: RmsNorm | undefined): tf.Tensor2D {
    if (!norm) return rows
    const { queryKeyNorm, headWidth } = this.#options
    if (queryKeyNorm === 'all') return norm.forward(rows)
    return norm.forward(rows.reshape<tf.Tensor2D>([-1, headWidth])).reshape<tf.Tensor2D>(rows.shape)
  }
}
