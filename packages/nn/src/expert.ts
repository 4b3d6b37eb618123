// The contract of experts. Experts come in stacks: one plugin instance holds `members` experts of one kind and width,
// with weights [E, out, in], and runs them all in grouped products. A layer may hold several stacks; each owns a
// contiguous range of members.
//
// Axes: N slots, D width, E members of this stack.
import { pluginHelper } from '@mixlab/core'
import type { tf } from '@mixlab/tensor'
import type { Initializer } from './initializers.ts'
import type { ParameterStore } from './module.ts'

export interface ExpertInput {
  /** The routed rows, sorted by member; slots outside this stack's range hold other members' rows. */
  readonly xs_ND: tf.Tensor2D
  /** int32 [E+1]: absolute slots; this stack's member e owns offsets[e] … offsets[e+1]. */
  readonly offsets: tf.Tensor1D
  readonly training: boolean
}

export interface ExpertStack {
  /** Outputs [N, D]; zero in slots outside offsets[0] … offsets[E]. */
  forward(input: ExpertInput): tf.Tensor2D
  /** Parameters of one expert: what one routed token passes through. */
  readonly parametersPerMember: number
}

export interface ExpertContext {
  /** How many experts the stack holds. */
  readonly members: number
  readonly width: number
  /** Width inside an expert, if its configuration gives none: the model's dense feed-forward width. */
  readonly innerWidth: number
  /** Index of the mixture layer. */
  readonly layer: number
  /** Of weights that read the residual stream. */
  readonly initializer: Initializer
  /** Of weights that write to it. */
  readonly residualInitializer: Initializer
  /** Parameters made here are named `…mlp.experts.<name>` (or `…mlp.experts.<stack>.<name>` if there are several stacks). */
  readonly store: ParameterStore
}

declare module '@mixlab/core' {
  interface PluginKinds {
    expert: { instance: ExpertStack; context: ExpertContext }
  }
}

export const defineExpert = pluginHelper('expert')
