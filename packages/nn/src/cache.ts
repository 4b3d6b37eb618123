// Keys and values of the tokens read so far, so that generating the next one reads only that one. The buffers have their
// final size from the start and are written in place: shapes stay the same from token to token.
//
// Axes: B sequences, S positions the cache holds, G key/value heads, D head width.
import { MixlabError } from '@mixlab/core'
import { cachedAttention, type CachedAttentionOptions, tf } from '@mixlab/tensor'

export interface CacheOptions {
  readonly batch: number
  /** Positions. */
  readonly length: number
  readonly layers: number
  readonly keyValueHeads: number
  readonly headWidth: number
}

export class KeyValueCache implements Disposable {
  readonly length: number
  readonly batch: number
  #position = 0
  readonly #keys: tf.Tensor4D[]
  readonly #values: tf.Tensor4D[]

  constructor({ batch, length, layers, keyValueHeads, headWidth }: CacheOptions) {
    this.batch = batch
    this.length = length
    const buffer = () => tf.keep(tf.zeros<tf.Rank.R4>([batch, length, keyValueHeads, headWidth]))
    this.#keys = Array.from({ length: layers }, buffer)
    this.#values = Array.from({ length: layers }, buffer)
  }

  /** How many positions have been read by all layers: where the next token goes. */
  get position(): number {
    return this.#position
  }

  /**
   * One layer's attention of the T tokens that are being read, whose keys and values [B·T, G·D] go into its buffers.
   * @returns [B·T, H·D], as the queries q
   */
  attend(
    layer: number,
    rows: { readonly q: tf.Tensor2D; readonly k: tf.Tensor2D; readonly v: tf.Tensor2D },
    options: Pick<CachedAttentionOptions, 'rotary' | 'window'>,
  ): tf.Tensor2D {
    const tokens = rows.k.shape[0] / this.batch
    if (this.#position + tokens > this.length) {
      throw new MixlabError(
        `the key-value cache holds ${this.length} positions; ${this.#position} + ${tokens} do not fit: create a longer one`,
      )
    }
    const buffers = { keys: this.#keys[layer]!, values: this.#values[layer]! }
    return cachedAttention(rows, buffers, { ...options, position: () => this.#position })
  }

  /** Called by the model once all layers have read `tokens` more. */
  advance(tokens: number): void {
    this.#position += tokens
  }

  dispose(): void {
    for (const buffer of [...this.#keys, ...this.#values]) buffer.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
