// The dense feed-forward part of a layer. Gated kinds carry Llama's names (gate_proj, up_proj, down_proj), plain ones
// GPT-2's (c_fc, c_proj). Gate and up are two products: joining their weights for one product would copy them each step.
import type { RandomStream } from '@mixlab/core'
import { activation, gatedLinear, tf } from '@mixlab/tensor'
import type { Initializer } from './initializers.ts'
import { Linear } from './linear.ts'
import { Module } from './module.ts'

export const feedForwardActivations = ['swiglu', 'geglu', 'gelu', 'geluTanh', 'relu', 'relu2'] as const
export type FeedForwardActivation = (typeof feedForwardActivations)[number]

export interface FeedForwardOptions {
  readonly width: number
  readonly inner: number
  readonly activation: FeedForwardActivation
  readonly bias: boolean
  readonly initializer: Initializer
  /** Of the product that adds to the residual stream. */
  readonly residualInitializer: Initializer
}

export const isGated = (name: FeedForwardActivation): name is 'swiglu' | 'geglu' =>
  name === 'swiglu' || name === 'geglu'

export class FeedForward extends Module {
  readonly #forward: (x: tf.Tensor2D, residual?: tf.Tensor2D) => tf.Tensor2D

  constructor(
    rng: RandomStream,
    { width, inner, activation: name, bias, initializer, residualInitializer }: FeedForwardOptions,
  ) {
    super(rng)
    const product = (part: string, inputs: number, outputs: number, from: Initializer) =>
      this.child(part, new Linear(rng.stream(part), { inputs, outputs, bias, initializer: from }))
    if (isGated(name)) {
      const gate = product('gate_proj', width, inner, initializer)
      const up = product('up_proj', width, inner, initializer)
      const down = product('down_proj', inner, width, residualInitializer)
      const gateActivation = name === 'swiglu' ? 'silu' : 'gelu'
      const inside = (x: tf.Tensor2D) =>
        bias
          ? tf.mul<tf.Tensor2D>(activation(gate.forward(x), gateActivation), up.forward(x))
          : gatedLinear(x, gate.weight, up.weight, gateActivation)
      this.#forward = (x, residual) => down.forward(inside(x), residual)
    } else {
      const first = product('c_fc', width, inner, initializer)
      const second = product('c_proj', inner, width, residualInitializer)
      this.#forward = (x, residual) => second.forward(activation(first.forward(x), name), residual)
    }
  }

  /**
   * @param x [rows, width]
   * @param residual [rows, width], to which the result is added
   * @returns [rows, width]
   */
  forward(x: tf.Tensor2D, residual?: tf.Tensor2D): tf.Tensor2D {
    return this.#forward(x, residual)
  }
}
