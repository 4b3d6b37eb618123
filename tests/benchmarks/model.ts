// A benchmark's model with the plugins that mixlab itself brings.
import type { RandomStream } from '@mixlab/core'
import { createPluginTable, defaultPlugins } from '@mixlab/lab'
import { createTransformer, type LanguageModel } from '@mixlab/nn'
import { configOf, type Shape } from './shapes.ts'

export async function createModel(shape: Shape, rng: RandomStream): Promise<LanguageModel> {
  const plugins = createPluginTable({
    defaults: await defaultPlugins({ tensors: true }),
    own: [],
    resolve: () => {
      throw new Error('no plugin of this benchmark needs a service')
    },
  })
  return createTransformer(configOf(shape), { vocabulary: shape.vocabulary, rng, plugins })
}
