// What training, generation and evaluators need of a language model, whatever is inside it.
//
// Axes: B sequences, T positions, V vocabulary, E members.
import type { RandomStream } from '@mixlab/core'
import type { tf } from '@mixlab/tensor'
import type { Module } from './module.ts'
import type { RouterLoss, Routing } from './router.ts'
import type { KeyValueCache } from './cache.ts'

/** What one mixture layer did in one forward pass. Tensors live until the enclosing tidy ends; keep what you need. */
export interface RoutingRecord {
  /** Index among the model's mixture layers. */
  readonly layer: number
  readonly router: string
  readonly members: readonly string[]
  readonly routing: Routing
  /** Pairs that the router asked for (T·k), before a capacity limit. */
  readonly requested: number
  readonly tokens: number
}

export interface ForwardContext {
  readonly training: boolean
  /** Random numbers of this step: dropout, router noise. Needed when training. */
  readonly rng?: RandomStream
  readonly observe?: (record: RoutingRecord) => void
  readonly cache?: KeyValueCache
  /** Which positions' logits are wanted; default all. */
  readonly positions?: 'all' | 'last'
}

export interface LanguageModelOutput {
  /** [B·T, V]; [B, V] if only the last positions' were asked for. */
  readonly logits: tf.Tensor2D
  /** Each mixture layer's losses, in order of layers. */
  readonly losses: readonly Readonly<Record<string, RouterLoss>>[]
}

export interface LanguageModel extends Module {
  /** Plain data that makes the same model again: what `transformerConfig` takes. Absent from models of other kinds. */
  readonly config?: unknown
  readonly vocabulary: number
  /** The longest input. */
  readonly contextLength: number
  /** Parameters that one token passes through, the embedding table counted whole; of unequal experts, their mean. */
  readonly activeParameters: number
  /** A name for each mixture layer's members; empty for a dense model. */
  readonly mixtures: readonly { readonly layer: number; readonly router: string; readonly members: readonly string[] }[]
  /** False if some router of it looks at later tokens. */
  readonly causal: boolean
  /** What a person should know before training it; one line each. */
  readonly warnings: readonly string[]
  /** @param tokens_BT int32 [B, T], T ≤ contextLength. */
  forward(tokens_BT: tf.Tensor2D, context: ForwardContext): LanguageModelOutput
  /** Called once after each optimizer step: lets routers steer by the loads since the last one. */
  afterStep(): void
  /**
   * Whether one token is read with a cache in the same way at each position, but for the position that `cachedAttention` is
   * told: engines may then read the next one without asking the model. Default: no.
   */
  readonly repeatsTokens?: boolean
  /** Positions of key-value cache for `batch` sequences of up to `length` tokens. */
  createCache(batch: number, length: number): KeyValueCache
}
