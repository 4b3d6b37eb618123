// A dense layer, y = x·Wᵀ + b, with the weight as Hugging Face stores it: [out, in].
import type { RandomStream } from '@mixlab/core'
import { addLinear, jointLinear, linear, type tf } from '@mixlab/tensor'
import { type Initializer, zeros } from './initializers.ts'
import { Module } from './module.ts'

export interface LinearOptions {
  readonly inputs: number
  readonly outputs: number
  readonly bias?: boolean
  /** Of the weight; the bias starts at 0. */
  readonly initializer: Initializer
}

export class Linear extends Module {
  readonly weight: tf.Variable<tf.Rank.R2>
  readonly bias: tf.Variable<tf.Rank.R1> | undefined

  constructor(rng: RandomStream, { inputs, outputs, bias = false, initializer }: LinearOptions) {
    super(rng)
    this.weight = this.parameter('weight', [outputs, inputs], initializer)
    this.bias = bias ? this.parameter('bias', [outputs], zeros) : undefined
  }

  /**
   * @param x [rows, in]
   * @param residual [rows, out], to which y is added
   * @returns [rows, out]
   */
  forward(x: tf.Tensor2D, residual?: tf.Tensor2D): tf.Tensor2D {
    if (residual) return addLinear(residual, x, this.weight, this.bias)
    return linear(x, this.weight, this.bias) as tf.Tensor2D
  }
}

/** Several layers on one x [rows, in]. */
export function forwardTogether(layers: readonly Linear[], x: tf.Tensor2D): tf.Tensor2D[] {
  if (layers.some(({ bias }) => bias)) return layers.map((layer) => layer.forward(x))
  return jointLinear(
    x,
    layers.map(({ weight }) => weight),
  )
}
