// The contract of routers. A router scores members for each token and says which pairs (token, member) are routed and
// with what weight; the mixture layer does the rest (capacity, dispatch, experts, combine, telemetry).
//
// Axes: T tokens (batch × length, rows of x), D width, E members, k choices a token, N slots (routed pairs).
import { pluginHelper, type RandomStream } from '@mixlab/core'
import type { tf } from '@mixlab/tensor'
import type { Initializer } from './initializers.ts'
import type { ParameterStore } from './module.ts'

export interface RouterInput {
  readonly x_TD: tf.Tensor2D
  /** The token at each row, for routers that look at identity (hash); int32. */
  readonly tokens_T: tf.Tensor1D
  /** T = batch · length; row b·length + t is position t of sequence b. */
  readonly batch: number
  readonly length: number
  readonly training: boolean
  /** Random numbers of this layer at this step (noise, jitter). */
  readonly rng: RandomStream
}

/**
 * A loss that the router adds, under its name (`balance`, `z`, `importance`, `load`). A balance loss follows the project's
 * one convention: per layer, mean over tokens, divided by k, so that perfect balance is 1. Each enters the training loss as
 * coefficient · value, summed over layers.
 */
export interface RouterLoss {
  readonly value: tf.Scalar
  readonly coefficient: number
}

interface RouterTelemetry {
  readonly losses: Readonly<Record<string, RouterLoss>>
  /** What the router believes: probabilities or scores [T, E]; for evaluators. */
  readonly scores_TE?: tf.Tensor2D
  /**
   * Logits of how good each member's output will be; differentiable. Routers that return it learn from outcomes by
   * cross-entropy, the others by the expected outcome under `scores_TE`.
   */
  readonly quality_TE?: tf.Tensor2D
}

/** What came of routing rows to members; of those that a row was not sent to, nothing is known. */
export interface RouterOutcomes {
  readonly x_TD: tf.Tensor2D
  /** 0 (worst) to 1; any number where it is not known. */
  readonly quality_TE: tf.Tensor2D
  /** 1 where it is known, else 0. */
  readonly known_TE: tf.Tensor2D
}

/** Each token chooses k members: what most routers return. A capacity policy can be applied to it. */
export interface TokenChoice extends RouterTelemetry {
  /** int32; −1 drops the pair. */
  readonly members_Tk: tf.Tensor2D
  /** What the member's output is multiplied by; differentiable. */
  readonly weights_Tk: tf.Tensor2D
}

/** Which rows go to which members, sorted by member: what the experts run on. */
export interface Routing extends RouterTelemetry {
  /** int32: the input row that slot n carries; −1 for unused slots at the end. */
  readonly rows_N: tf.Tensor1D
  /** int32 [E+1]: member e owns slots offsets[e] … offsets[e+1]. */
  readonly offsets: tf.Tensor1D
  /** What slot n's output is multiplied by when it is summed into its row; differentiable. */
  readonly weights_N: tf.Tensor1D
}

export type RouterOutput = TokenChoice | Routing

export interface Router {
  /** Members a token goes to (on average, where that varies): k. Active parameters are counted with it. */
  readonly choices: number
  /** Runs in float32, gradients included, whatever the precision of the model around it. */
  route(input: RouterInput): RouterOutput
  /**
   * Called once after each optimizer step with how many pairs each member received since the last one (float32 [E]);
   * for routers that steer without a gradient.
   */
  afterStep?(counts_E: tf.Tensor1D): void
  /**
   * Learns from outcomes without a gradient. Called again, it adds to what it knows.
   * @throws MixlabError where it can learn only once
   */
  fit?(outcomes: RouterOutcomes): void
  /** Makes the buffers that `fit` would make, of these shapes, for a state that is about to be loaded. */
  restore?(shapes: ReadonlyMap<string, readonly number[]>): void
}

export interface RouterContext {
  readonly members: number
  readonly width: number
  readonly vocabulary: number
  /** Index of the mixture layer. */
  readonly layer: number
  /** Of the gate's weight. */
  readonly initializer: Initializer
  /** Parameters made here are named `…mlp.gate.<name>`; the gate itself is `weight` [E, D]. */
  readonly store: ParameterStore
}

declare module '@mixlab/core' {
  interface PluginKinds {
    router: { instance: Router; context: RouterContext }
  }
}

/**
 * Defines a router. The trait `causal: false` marks one whose choice for a token depends on later tokens.
 */
export const defineRouter = pluginHelper('router')
