// What the tests of training have in common: a small text, small models, and single steps whose results are read.
import { parseConfiguration, RandomStream } from '@mixlab/core'
import { buildCorpus, type Corpus, createBatches } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { build } from '../../nn/test/models.ts'
import { createOptimizer, type Optimizer, optimizerConfig, trainStep, type StepOptions } from '../src/index.ts'
import { readStep, type StepReadings } from '../src/step-report.ts'

export { startEngine } from '../../nn/test/engines.ts'

const verse = 'the rain it raineth every day, with hey, ho, the wind and the rain; a great while ago the world begun. '

export const corpusOf = (repeats = 6, validationFraction = 0.2): Corpus =>
  buildCorpus([{ text: verse.repeat(repeats), domain: 'song' }], { tokenizer: 'character', validationFraction })

export const corpus = corpusOf()

const shape = { layers: 1, width: 8, heads: 2, contextLength: 8, initializerRange: 0.3 }

export const denseModel = (others: object = {}, seed = 1): LanguageModel =>
  build({ ...shape, feedForward: { width: 12 }, ...others }, corpus.tokenizer.size, seed)

export const mixtureModel = (router: object, others: object = {}, seed = 1): LanguageModel =>
  build(
    { ...shape, mixture: { router: { k: 2, ...router }, experts: { name: 'swiglu', count: 4, width: 6 } }, ...others },
    corpus.tokenizer.size,
    seed,
  )

export const optimizerOf = (model: LanguageModel, config: object): Optimizer =>
  createOptimizer(parseConfiguration(optimizerConfig, config, 'optimizer'), model.parameters())

/** Options of a step of plain gradient descent on the corpus, to be amended. */
export function stepOptions(
  model: LanguageModel,
  optimizer: Optimizer,
  { batchSize = 2, ...others }: Partial<StepOptions> & { readonly batchSize?: number } = {},
): StepOptions {
  const accumulation = others.accumulation ?? 1
  const contextLength = model.contextLength
  return {
    model,
    optimizer,
    batches: createBatches(corpus.train, { batchSize, contextLength, accumulation, rng: new RandomStream(7) }),
    step: 1,
    accumulation: 1,
    learningRate: 0.1,
    clip: null,
    rng: new RandomStream(9),
    observe: false,
    ...others,
  }
}

/** Does a step, reads what it returned and disposes of it. */
export function readingsOf(options: StepOptions): StepReadings {
  const result = trainStep(options)
  const tensors = [result.scalars, ...result.routings.map(({ offsets }) => offsets)]
  const readings = readStep(
    result,
    tensors.map((tensor) => tensor.dataSync<'float32'>()),
  )
  tf.dispose(tensors)
  return readings
}

/** Copies of named tensors' values. */
export const valuesOf = (tensors: ReadonlyMap<string, tf.Tensor>): Map<string, Float32Array> =>
  new Map([...tensors].map(([name, tensor]) => [name, tensor.dataSync<'float32'>().slice()]))
