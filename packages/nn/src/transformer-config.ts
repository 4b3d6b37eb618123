// What the transformer can be told. The vocabulary is not here: it comes with the data.
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { feedForwardActivations, isGated } from './feed-forward.ts'
import { mixtureConfig } from './mixture-config.ts'

export const transformerConfig = z.strictObject({
  layers: z.int().min(1).default(4).describe('Blocks of attention and feed-forward'),
  width: z.int().min(1).default(128).describe('Size of the residual stream'),
  heads: z.int().min(1).default(4).describe('Query heads'),
  keyValueHeads: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Key/value heads (grouped-query attention); null: as many as heads'),
  headWidth: z.int().min(1).nullable().default(null).describe('Size of a head; null: width / heads'),
  contextLength: z.int().min(1).default(64).describe('The longest input, in tokens'),
  norm: z.enum(['rms', 'layer']).default('rms').describe('Before attention, before the feed-forward and at the end'),
  normEpsilon: z.number().positive().default(1e-5).describe('Added to the variance'),
  queryKeyNorm: z
    .enum(['none', 'head', 'all'])
    .default('none')
    .describe("RMS norm of queries and keys: each head's (Qwen 3) or all heads' at once (OLMoE)"),
  positions: z.enum(['rotary', 'learned']).default('rotary').describe('How tokens know where they are'),
  rotaryBase: z.number().positive().default(10_000).describe('Base of the rotary frequencies'),
  window: z.int().min(0).default(0).describe('How many tokens back attention sees, the token itself included; 0: all'),
  tied: z.boolean().default(true).describe('The output layer uses the embedding table'),
  bias: z.boolean().default(false).describe('Biases in linear layers and layer norms'),
  dropout: z.number().min(0).lt(1).default(0).describe('Of the embeddings and of what each block adds'),
  initializerRange: z
    .number()
    .positive()
    .default(0.02)
    .describe('Standard deviation of initial weights; those that write to the residual stream: divided by √(2·layers)'),
  feedForward: z
    .strictObject({
      activation: z.enum(feedForwardActivations).default('swiglu').describe('Gated (swiglu, geglu) or plain'),
      width: z
        .int()
        .min(1)
        .nullable()
        .default(null)
        .describe('Inner width; null: 4·width, or ⌈8/3·width⌉ to a multiple of 8 if gated'),
    })
    .prefault({})
    .describe('The dense feed-forward'),
  mixture: mixtureConfig
    .nullable()
    .default(null)
    .describe('Experts in place of the dense feed-forward; null: a dense model'),
})

export type TransformerConfig = z.output<typeof transformerConfig>

/** A configuration with what follows from its other fields filled in. */
export interface TransformerShape {
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  readonly innerWidth: number
}

/** @throws MixlabError on sizes that do not fit each other. */
export function shapeOf(config: TransformerConfig): TransformerShape {
  const { width, heads, feedForward } = config
  const keyValueHeads = config.keyValueHeads ?? heads
  if (config.headWidth === null && width % heads !== 0) {
    throw new MixlabError(
      `model: width ${width} is not divisible by ${heads} heads; change one of them or set headWidth`,
    )
  }
  const headWidth = config.headWidth ?? width / heads
  if (heads % keyValueHeads !== 0) {
    throw new MixlabError(
      `model: heads ${heads} is not divisible by keyValueHeads ${keyValueHeads}; each key/value head serves equally many heads`,
    )
  }
  if (config.positions === 'rotary' && headWidth % 2 !== 0) {
    throw new MixlabError(
      `model: rotary positions turn pairs of features, but a head has ${headWidth}; choose an even headWidth or learned positions`,
    )
  }
  const gatedWidth = Math.ceil((8 * width) / 3 / 8) * 8
  return {
    heads,
    keyValueHeads,
    headWidth,
    innerWidth: feedForward.width ?? (isGated(feedForward.activation) ? gatedWidth : 4 * width),
  }
}
