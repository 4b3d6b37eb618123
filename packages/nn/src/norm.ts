// Normalisation over the last axis, with Hugging Face's parameter names.
import type { RandomStream } from '@mixlab/core'
import { layerNorm, rmsNorm, type tf } from '@mixlab/tensor'
import { ones, zeros } from './initializers.ts'
import { Module } from './module.ts'

export interface Norm extends Module {
  /** @param x [..., width] @returns like x */
  forward<T extends tf.Tensor>(x: T): T
}

/** x · rsqrt(mean(x²) + ε) · weight (Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467, eq. 4). */
export class RmsNorm extends Module implements Norm {
  readonly weight: tf.Variable<tf.Rank.R1>
  readonly epsilon: number

  constructor(rng: RandomStream, width: number, epsilon: number) {
    super(rng)
    this.weight = this.parameter('weight', [width], ones)
    this.epsilon = epsilon
  }

  forward<T extends tf.Tensor>(x: T): T {
    return rmsNorm(x, this.weight, this.epsilon)
  }
}

/** (x − mean) · rsqrt(variance + ε) · weight + bias (Ba et al. 2016, https://arxiv.org/abs/1607.06450). */
export class LayerNorm extends Module implements Norm {
  readonly weight: tf.Variable<tf.Rank.R1>
  readonly bias: tf.Variable<tf.Rank.R1> | undefined
  readonly epsilon: number

  constructor(rng: RandomStream, width: number, epsilon: number, bias: boolean) {
    super(rng)
    this.weight = this.parameter('weight', [width], ones)
    this.bias = bias ? this.parameter('bias', [width], zeros) : undefined
    this.epsilon = epsilon
  }

  forward<T extends tf.Tensor>(x: T): T {
    return layerNorm(x, this.weight, this.bias, this.epsilon)
  }
}

export const createNorm = (
  rng: RandomStream,
  kind: 'rms' | 'layer',
  width: number,
  epsilon: number,
  bias: boolean,
): Norm => (kind === 'rms' ? new RmsNorm(rng, width, epsilon) : new LayerNorm(rng, width, epsilon, bias))
