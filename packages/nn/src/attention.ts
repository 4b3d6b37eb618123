// Self-attention of a decoder: grouped-query, rotary, with an optional norm of queries and keys, a sliding window and a
// key-value cache. Three separate products make q, k and v, so that the parameters keep Hugging Face's names.
//
// Axes: B sequences, T tokens of each, H query heads, G key/value heads, D head width.
import type { RandomStream } from '@mixlab/core'
import { attention, rotary, type tf } from '@mixlab/tensor'
import type { KeyValueCache } from './cache.ts'
import type { Initializer } from './initializers.ts'
import { Linear } from './linear.ts'
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
  /** Cosines and sines [T, headWidth/2] of these tokens' positions; absent without rotary embedding. */
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

  /** @param x [B·T, width] @returns [B·T, width] */
  forward(x: tf.Tensor2D, { batch, length, rotary: tables, cache }: AttentionInput): tf.Tensor2D {
    const { heads, keyValueHeads, headWidth, window, layer, queryKeyNorm } = this.#options
    const split = (rows: tf.Tensor2D, count: number, norm?: RmsNorm): tf.Tensor4D => {
      const whole = norm && queryKeyNorm === 'all' ? norm.forward(rows) : rows
      const each = whole.reshape<tf.Tensor4D>([batch, length, count, headWidth])
      return norm && queryKeyNorm === 'head' ? norm.forward(each) : each
    }
    const turn = (each: tf.Tensor4D) => (tables ? rotary(each, tables) : each)
    const q = turn(split(this.#query.forward(x), heads, this.#queryNorm))
    const k = turn(split(this.#key.forward(x), keyValueHeads, this.#keyNorm))
    const v = split(this.#value.forward(x), keyValueHeads)
    const read = cache?.append(layer, k, v)
    const mixed = read
      ? attention(q, read.keys, read.values, { causal: true, window, keyLength: cache!.position + length })
      : attention(q, k, v, { causal: true, window })
    return this.#output.forward(mixed.reshape<tf.Tensor2D>([batch * length, heads * headWidth]))
  }
}
