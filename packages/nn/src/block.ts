// One block of the transformer, pre-norm: x + attention(norm(x)), then + feed-forward or mixture of the norm of that.
//
// Axes: B sequences, T tokens of each, D width; x is [B·T, D].
import type { RandomStream } from '@mixlab/core'
import { dropout, tf } from '@mixlab/tensor'
import { Attention } from './attention.ts'
import { FeedForward } from './feed-forward.ts'
import { type Initializer, normal } from './initializers.ts'
import type { ForwardContext } from './language-model.ts'
import type { Mixture } from './mixture.ts'
import { Module } from './module.ts'
import { createNorm, type Norm } from './norm.ts'
import type { RouterLoss } from './router.ts'
import { shapeOf, type TransformerConfig } from './transformer-config.ts'

export interface BlockInput {
  readonly batch: number
  readonly length: number
  readonly tokens_BT: tf.Tensor2D
  readonly rotary: { readonly cos: tf.Tensor2D; readonly sin: tf.Tensor2D } | undefined
  readonly context: ForwardContext
  /** This block's random numbers of this step: a function, since a stream takes longer to make than a token's product. */
  readonly rng: () => RandomStream
}

export class Block extends Module {
  readonly attention: Attention
  readonly feedForward: FeedForward | Mixture
  readonly #attentionNorm: Norm
  readonly #feedForwardNorm: Norm
  readonly #dropout: number

  constructor(
    rng: RandomStream,
    config: TransformerConfig,
    layer: number,
    createMixture: (rng: RandomStream) => Mixture | undefined,
  ) {
    super(rng)
    const { width, norm, normEpsilon, bias, window, queryKeyNorm } = config
    const shape = shapeOf(config)
    const { initializer, residualInitializer } = initializersOf(config)
    const createBlockNorm = (name: string) =>
      this.child(name, createNorm(rng.stream(name), norm, width, normEpsilon, bias))
    this.#dropout = config.dropout
    this.#attentionNorm = createBlockNorm('input_layernorm')
    const attention = {
      ...shape,
      layer,
      width,
      bias,
      queryKeyNorm,
      normEpsilon,
      window,
      initializer,
      residualInitializer,
    }
    this.attention = this.child('self_attn', new Attention(rng.stream('self_attn'), attention))
    this.#feedForwardNorm = createBlockNorm('post_attention_layernorm')
    const dense = {
      width,
      inner: shape.innerWidth,
      activation: config.feedForward.activation,
      bias,
      initializer,
      residualInitializer,
    }
    const mlp = rng.stream('mlp')
    this.feedForward = this.child('mlp', createMixture(mlp) ?? new FeedForward(mlp, dense))
  }

  forward(
    x: tf.Tensor2D,
    input: BlockInput,
  ): { readonly x: tf.Tensor2D; readonly losses?: Readonly<Record<string, RouterLoss>> } {
    const { context, rng } = input
    const drops = context.training && this.#dropout > 0
    /** residual + a part of the block, which adds it itself where nothing is dropped of the part. */
    const onto = (residual: tf.Tensor2D, name: string, part: (residual?: tf.Tensor2D) => tf.Tensor2D) =>
      drops ? tf.add<tf.Tensor2D>(residual, dropped(part(), this.#dropout, context, rng, name)) : part(residual)
    const between = onto(x, 'attention', (residual) =>
      this.attention.forward(this.#attentionNorm.forward(x), { ...input, cache: context.cache }, residual),
    )
    const normed = this.#feedForwardNorm.forward(between)
    const { feedForward } = this
    if (feedForward instanceof FeedForward)
      return { x: onto(between, 'feed-forward', (residual) => feedForward.forward(normed, residual)) }
    const { batch, length, tokens_BT } = input
    const { y_TD, losses } = feedForward.forward({
      x_TD: normed,
      tokens_T: tokens_BT.reshape<tf.Tensor1D>([batch * length]),
      batch,
      length,
      training: context.training,
      rng: rng().stream('router'),
      observe: context.observe,
    })
    return { x: tf.add(between, dropped(y_TD, this.#dropout, context, rng, 'feed-forward')), losses }
  }
}

/** nanoGPT's and GPT-2's: normal(range), and divided by √(2·layers) where a product adds to the residual stream. */
export function initializersOf({ initializerRange, layers }: TransformerConfig): {
  initializer: Initializer
  residualInitializer: Initializer
} {
  return {
    initializer: normal(initializerRange),
    residualInitializer: normal(initializerRange / Math.sqrt(2 * layers)),
  }
}

/** Dropout when training, drawn from the named stream below `rng`. */
export function dropped(
  x: tf.Tensor2D,
  rate: number,
  { training }: ForwardContext,
  rng: () => RandomStream,
  name: string,
): tf.Tensor2D {
  return training && rate > 0 ? dropout(x, rate, { key: rng().stream(name).key, offset: 0 }) : x
}
