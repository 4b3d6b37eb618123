// What most routers share: the linear gate and the check of k.
//
// Axes: T tokens, D width, E members.
import { MixlabError } from '@mixlab/core'
import type { RouterContext } from '@mixlab/nn'
import { linear, type tf } from '@mixlab/tensor'

/** Makes the gate's weight [E, D] and returns x·Wᵀ, the logits [T, E]. */
export function createGate({ store, members, width, initializer }: RouterContext): (x_TD: tf.Tensor2D) => tf.Tensor2D {
  const weight = store.parameter<tf.Rank.R2>('weight', [members, width], initializer)
  return (x_TD) => linear(x_TD, weight) as tf.Tensor2D
}

/** @throws MixlabError when a token cannot choose that many members. */
export function checkChoices(router: string, k: number, members: number): void {
  if (k > members) {
    throw new MixlabError(
      `router ${router}: k is ${k} but the layer has ${members} members; lower k or add experts (mixture.experts.count)`,
    )
  }
}
