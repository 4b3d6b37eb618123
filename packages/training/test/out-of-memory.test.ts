// Training in a memory of 16 MiB: what is certain not to fit is refused at once, nothing is refused that would run, and
// what runs out on the way leaves nothing behind.
import { MixlabError, parseConfiguration, RandomStream } from '@mixlab/core'
import { createBatches } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { build } from '../../nn/test/models.ts'
import { createAverages } from '../src/averages.ts'
import { trainingConfig } from '../src/config.ts'
import { checkMemory } from '../src/memory-needed.ts'
import { createOptimizer } from '../src/optimizers.ts'
import { quiet, trainIn } from './runs.ts'
import { corpusOf, optimizerOf, readingsOf, startEngine, stepOptions } from './tiny.ts'

process.env['MIXLAB_MEMORY'] = '16MiB'
beforeAll(() => startEngine('cpu'))

const corpus = corpusOf(200)

async function usage(): Promise<{ tensors: number; bytes: number }> {
  const { bytes } = (await useEngine('cpu')).memory()
  return { tensors: tf.memory().numTensors, bytes }
}

/** The message if it runs out of memory; undefined if it does not. */
function outOfMemory(body: () => unknown): string | undefined {
  try {
    body()
    return undefined
  } catch (error) {
    if (MixlabError.is(error) && error.code === 'out-of-memory') return error.message
    throw error
  }
}

const modelOf = (width: number, vocabulary = 20): LanguageModel =>
  build({ layers: 1, width, heads: 1, contextLength: 32, feedForward: { width: 4 * width } }, vocabulary)

interface Case {
  readonly width: number
  readonly vocabulary?: number
  readonly config: object
}

const cases: Case[] = [
  ...[64, 128, 224, 288, 352].flatMap((width) =>
    [{ name: 'adamw' }, { name: 'sgd' }, { name: 'sgd', momentum: 0 }].map((optimizer) => ({
      width,
      config: { batchSize: 1, optimizer },
    })),
  ),
  ...[1, 8, 32, 64, 128].flatMap((batchSize) =>
    [1, 2].map((accumulation) => ({ width: 16, vocabulary: 1000, config: { batchSize, accumulation } })),
  ),
  ...[1, 4, 16].map((batchSize) => ({ width: 256, config: { batchSize, ema: 0.9, optimizer: { name: 'sgd' } } })),
]

test('nothing is refused that would run', async () => {
  const before = await usage()
  const found = { refused: 0, ran: 0, ranOut: 0 }
  for (const { width, vocabulary, config } of cases) {
    using model = modelOf(width, vocabulary)
    const parsed = parseConfiguration(trainingConfig, config, 'training')
    const refused = outOfMemory(() => checkMemory(model, parsed, 32)) !== undefined
    const ranOut = outOfMemory(() => {
      using cleanup = new DisposableStack()
      const optimizer = cleanup.use(createOptimizer(parsed.optimizer, model.parameters()))
      if (parsed.ema !== null) cleanup.use(createAverages(model, parsed.ema))
      const { batchSize, accumulation } = parsed
      const rng = new RandomStream(7)
      const batches = createBatches(corpus.train, { batchSize, contextLength: 32, accumulation, rng })
      readingsOf(stepOptions(model, optimizer, { batches, accumulation, clip: 1, observe: true }))
    })
    found[refused ? 'refused' : ranOut === undefined ? 'ran' : 'ranOut']++
    expect(refused && ranOut === undefined, JSON.stringify({ width, vocabulary, config })).toBe(false)
  }
  expect(found.refused).toBeGreaterThan(5)
  expect(found.ran).toBeGreaterThan(5)
  expect(await usage()).toEqual(before)
})

describe('a run that cannot fit', () => {
  test('is refused before its first event, with the numbers and what to reduce', async () => {
    const before = await usage()
    const tooWide = await trainIn({ model: () => modelOf(352), corpus, config: quiet })
    expect(tooWide.events).toEqual([])
    expect(String(tooWide.error)).toBe(
      "MixlabError: training needs at least 31.8 MB of memory (parameters 8.0 MB, adamw's moments 15.9 MB, gradients " +
        '8.0 MB), the cpu engine has 16.8 MB at most: use a smaller model',
    )
    const tooLong = await trainIn({ model: () => modelOf(16, 1000), corpus, config: { ...quiet, batchSize: 128 } })
    expect(String(tooLong.error)).toBe(
      "MixlabError: training needs at least 33.0 MB of memory (parameters 80.6 kB, adamw's moments 161.2 kB, logits of " +
        '128 × 32 tokens and 1000 ids with their gradient 32.8 MB), the cpu engine has 16.8 MB at most: use a smaller ' +
        'training.batchSize or contextLength',
    )
    expect(await usage()).toEqual(before)
  })
})

test('a step that runs out leaves nothing behind, and a smaller one works', async () => {
  using model = modelOf(64)
  using optimizer = optimizerOf(model, { name: 'adamw' })
  const step = (batchSize: number, number: number) => {
    const rng = new RandomStream(7)
    const batches = createBatches(corpus.train, { batchSize, contextLength: 32, accumulation: 2, rng })
    return readingsOf(stepOptions(model, optimizer, { batches, accumulation: 2, observe: true, step: number }))
  }
  step(2, 1)
  const before = await usage()
  for (const batchSize of [56, 60, 80, 160]) {
    expect(outOfMemory(() => step(batchSize, 2))).toContain('float32 [')
    expect(await usage()).toEqual(before)
  }
  expect(Number.isFinite(step(2, 2).loss)).toBe(true)
  expect(await usage()).toEqual(before)
})
