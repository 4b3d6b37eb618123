// What a transformer costs: parameters, those that one token passes through, and operations of a forward pass.
import type { PluginTable, RandomStream } from '@mixlab/core'
import { createTransformer } from './transformer.ts'
import { shapeOf, type TransformerConfig } from './transformer-config.ts'

export interface TransformerCost {
  readonly totalParameters: number
  /** Parameters that one token passes through. */
  readonly activeParameters: number
  /**
   * Floating-point operations of a forward pass, for one token: two for each active parameter that is multiplied, and
   * attention's two products over half the context on average (Kaplan et al. 2020, arXiv 2001.08361, table 1).
   */
  readonly flopsPerToken: number
}

/** Makes the model to count it (a router or an expert is a plugin that makes what it likes), and disposes of it. */
export function transformerCost(
  config: TransformerConfig,
  context: { readonly vocabulary: number; readonly plugins: PluginTable; readonly rng: RandomStream },
): TransformerCost {
  using model = createTransformer(config, context)
  const { heads, headWidth } = shapeOf(config)
  const { layers, width, contextLength, tied, positions } = config
  const lookedUp = (tied ? 0 : context.vocabulary * width) + (positions === 'learned' ? contextLength * width : 0)
  const { activeParameters } = model
  const attention = layers * 4 * heads * headWidth * ((contextLength + 1) / 2)
  return {
    totalParameters: [...model.parameters().values()].reduce((sum, { size }) => sum + size, 0),
    activeParameters,
    flopsPerToken: 2 * (activeParameters - lookedUp) + attention,
  }
}
