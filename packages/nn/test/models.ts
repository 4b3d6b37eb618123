// Tiny models for tests.
import { parseConfiguration, RandomStream } from '@mixlab/core'
import { experts } from '../../../plugins/experts/src/index.ts'
import { routers } from '../../../plugins/routers/src/index.ts'
import { createTransformer, type LanguageModel, transformerConfig } from '../src/index.ts'
import { tableOf } from './plugin-table.ts'

export const plugins = tableOf([...routers, ...experts])

export const tiny = { layers: 2, width: 8, heads: 2, contextLength: 12, feedForward: { width: 12 } }

export const tinyMixture = (mixture: object = {}, others: object = {}) => ({
  ...tiny,
  ...others,
  mixture: { router: { name: 'top-k', k: 2 }, experts: { name: 'swiglu', count: 4, width: 6 }, ...mixture },
})

export const build = (config: object, vocabulary = 11, seed = 1): LanguageModel =>
  createTransformer(parseConfiguration(transformerConfig, config, 'model'), {
    vocabulary,
    rng: new RandomStream(seed),
    plugins,
  })

/** `count` integers below `bound`, fixed by the seed. */
export function integers(count: number, bound: number, seed = 3): number[] {
  const rng = new RandomStream(seed, 'test')
  return Array.from({ length: count }, () => rng.integer(bound))
}

/** `count` normal numbers as float32, fixed by the seed. */
export const normals = (count: number, seed = 5): Float32Array => new RandomStream(seed, 'test').normals(count)
