// Features of a message, made on this machine without a key or a download: TF-IDF of hashed n-grams, projected to a few
// dimensions, and what can be seen of its surface. Everything that is fitted (weights, subspace, scales) is fitted to the
// texts given, which are those that the router learns from.
//
// Axes: T texts, D features.
import { MixlabError, parseConfiguration, type RandomStream } from '@mixlab/core'
import { z } from 'zod'
import { countNGrams } from './n-grams.ts'
import { sparseRows, timesDense } from './sparse-rows.ts'
import { principalSubspace, randomSubspace } from './subspace.ts'
import { surfaceFeatures, surfaceOf } from './surface.ts'
import { inverseDocumentFrequencies, tfIdfRows } from './tf-idf.ts'

export const featuresConfig = z.strictObject({
  dimensions: z.int().min(0).default(96).describe('Of the projected n-grams; 0 leaves them out'),
  projection: z.enum(['principal', 'random']).default('principal'),
  iterations: z.int().min(1).default(3).describe('Of the principal subspace'),
  buckets: z.int().min(1).default(8192).describe('That n-grams are hashed into'),
  words: z.int().min(0).default(2).describe('Words in a row, up to this many'),
  characters: z
    .tuple([z.int().min(1), z.int().min(1)])
    .nullable()
    .default([3, 4])
    .describe('Characters in a row within a word, from … to'),
  surface: z.boolean().default(true).describe('Length, numbers, punctuation'),
})
export type FeaturesConfig = z.output<typeof featuresConfig>

export interface Features {
  /** D: the projected n-grams, the surface, and a constant, since the gates of the mixture layer have no bias. */
  readonly width: number
  /** What `featuresFrom` makes them of again; features of one's own may have none. */
  readonly fitted?: FittedFeatures
  /** [T, D], row by row. */
  of(texts: readonly string[]): Float32Array
}

/** All that was learnt from texts. */
export interface FittedFeatures {
  readonly config: FeaturesConfig
  /** Inverse document frequencies [buckets]. */
  readonly idf: Float32Array
  /** Of the projection [buckets, dimensions]. */
  readonly basis: Float32Array
  /** Means and deviations of the surface [9, 2]; empty without it. */
  readonly moments: Float64Array
}

/** Makes features. Each has about unit size over `texts`: the n-grams together, each of the surface by itself. */
export function fitFeatures(
  texts: readonly string[],
  { config: given = {}, rng }: { readonly config?: z.input<typeof featuresConfig>; readonly rng: RandomStream },
): Features {
  const config = parseConfiguration(featuresConfig, given, 'features')
  const { dimensions, projection, iterations, buckets, surface } = config
  if (dimensions === 0 && !surface)
    throw new MixlabError('features: dimensions is 0 and surface is false; at least one must be on')
  if (texts.length === 0)
    throw new MixlabError('features: there are no texts to fit them to; give the training questions')
  const counts = texts.map((text) => countNGrams(text, config))
  const idf = inverseDocumentFrequencies(sparseRows(counts, buckets))
  const basis =
    projection === 'random'
      ? randomSubspace(buckets, dimensions, rng)
      : principalSubspace(tfIdfRows(counts, idf), { width: dimensions, iterations, rng })
  const seen = surface ? texts.map(surfaceOf) : []
  const moments = (surface ? surfaceFeatures : []).map((_, i) => {
    const mean = seen.reduce((sum, row) => sum + row[i]!, 0) / seen.length
    const variance = seen.reduce((sum, row) => sum + (row[i]! - mean) ** 2, 0) / seen.length
    return [mean, Math.sqrt(variance) || 1]
  })
  return featuresFrom({ config, idf, basis, moments: Float64Array.from(moments.flat()) })
}

/** Features that were fitted before. */
export function featuresFrom(fitted: FittedFeatures): Features {
  const { config, idf, basis, moments } = fitted
  const { dimensions } = config
  const scale = Math.sqrt(dimensions)
  const project = (rows: readonly ReadonlyMap<number, number>[]) =>
    timesDense(tfIdfRows(rows, idf), basis, dimensions).map((value) => value * scale)
  const surfaces = moments.length / 2
  const width = dimensions + surfaces + 1
  return {
    width,
    fitted,
    of(given_T) {
      const features = new Float32Array(given_T.length * width)
      const projected = project(given_T.map((text) => countNGrams(text, config)))
      for (const [t, text] of given_T.entries()) {
        features.set(projected.subarray(t * dimensions, (t + 1) * dimensions), t * width)
        const row = surfaces > 0 ? surfaceOf(text) : []
        for (let i = 0; i < surfaces; i++)
          features[t * width + dimensions + i] = (row[i]! - moments[2 * i]!) / moments[2 * i + 1]!
        features[(t + 1) * width - 1] = 1
      }
      return features
    },
  }
}

/** The same features; those of a text are made once. For several routers over the same questions. */
export function rememberFeatures({ of, ...features }: Features): Features {
  const { width } = features
  const known = new Map<string, Float32Array>()
  return {
    ...features,
    of(texts) {
      const fresh = [...new Set(texts)].filter((text) => !known.has(text))
      const made = of(fresh)
      for (const [i, text] of fresh.entries()) known.set(text, made.subarray(i * width, (i + 1) * width))
      const features = new Float32Array(texts.length * width)
      for (const [t, text] of texts.entries()) features.set(known.get(text)!, t * width)
      return features
    },
  }
}
