// Keys and values of the tokens read so far, so that generating the next one reads only that one. The buffers have their
// final size from the start and are written in place: shapes stay the same from token to token.
//
// Axes: B sequences, S positions the cache holds, G key/value heads, D head width.
import { MixlabError } from '@mixlab/core'
import { appendRows, tf } from '@mixlab/tensor'

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
   * Writes one layer's keys and values [B, T, G, D] of the T tokens being read.
   * @returns that layer's whole buffers; positions below `position + T` are filled
   */
  append(
    layer: number,
    keys: tf.Tensor4D,
    values: tf.Tensor4D,
  ): { readonly keys: tf.Tensor4D; readonly values: tf.Tensor4D } {
    const tokens = keys.shape[1]
    if (this.#position + tokens > this.length) {
      throw new MixlabError(
        `the key-value cache holds ${this.length} positions; ${this.#position} + ${tokens} do not fit: create a longer one`,
      )
    }
    appendRows(this.#keys[layer]!, keys, this.#position)
    appendRows(this.#values[layer]!, values, this.#position)
    return { keys: this.#keys[layer]!, values: this.#values[layer]! }
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
