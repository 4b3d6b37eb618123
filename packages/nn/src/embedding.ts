// A table of vectors, one for each token or position.
import type { RandomStream } from '@mixlab/core'
import { embedding, type tf } from '@mixlab/tensor'
import type { Initializer } from './initializers.ts'
import { Module } from './module.ts'

export class Embedding extends Module {
  readonly weight: tf.Variable<tf.Rank.R2>

  constructor(
    rng: RandomStream,
    options: { readonly count: number; readonly width: number; readonly initializer: Initializer },
  ) {
    super(rng)
    this.weight = this.parameter('weight', [options.count, options.width], options.initializer)
  }

  /** @param ids int32, any shape @returns [...ids.shape, width] */
  forward(ids: tf.Tensor): tf.Tensor {
    return embedding(this.weight, ids)
  }
}
