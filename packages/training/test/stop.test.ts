// What ends a run before its last step: early stopping on any metric, and a loss that is not finite.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MixlabError, RandomStream } from '@mixlab/core'
import { createBatches } from '@mixlab/data'
import { describe, expect, test } from 'vitest'
import { checkpointNames, eventsOf, lastCheckpoint, outline, quiet, tensorsIn, trainIn } from './runs.ts'
import { corpus, denseModel, mixtureModel } from './tiny.ts'

const topK = () => mixtureModel({ name: 'top-k' })

describe('early stopping', () => {
  /** Nothing is ever an improvement on the first value. */
  const hopeless = { minDelta: 100 }

  test('on the validation loss, after as many evaluations as patience', async () => {
    const evaluation = { every: 2, batches: 2 }
    const earlyStopping = { ...hopeless, patience: 3 }
    const trained = await trainIn({ config: { ...quiet, steps: 20, evaluation, earlyStopping } })
    expect(trained.result).toMatchObject({ steps: 8, stoppedEarly: true, tokens: 8 * 16 })
    expect(outline(trained)).toEqual([
      'train.started',
      'eval.result@2',
      'eval.result@4',
      'eval.result@6',
      'eval.result@8',
      'checkpoint.saved@8',
    ])
  })

  test.each([
    ['train.loss', 'min'],
    ['train.loss', 'max'],
    ['train.balance', 'min'],
    ['train.gradientNorm', 'min'],
    ['routing.0.entropy', 'max'],
    ['routing.0.maxViolation', 'min'],
  ] as const)('on %s (%s), which every log brings; it is evaluated and saved then', async (metric, mode) => {
    const earlyStopping = { ...hopeless, metric, mode, patience: 2 }
    const config = { ...quiet, steps: 20, log: { every: 2 }, earlyStopping }
    const trained = await trainIn({ model: topK, config })
    expect(trained.result).toMatchObject({ steps: 6, stoppedEarly: true })
    expect(outline(trained).slice(-4)).toEqual([
      'train.step@6',
      'mixture.routing@6',
      'eval.result@6',
      'checkpoint.saved@6',
    ])
  })

  test('the direction counts: a falling loss goes on in one and stops in the other', async () => {
    const config = (mode: 'min' | 'max') => ({
      ...quiet,
      steps: 30,
      learningRate: 0.01,
      evaluation: { every: 5, batches: 2 },
      earlyStopping: { mode, patience: 2 },
    })
    const [falls, rises] = [await trainIn({ config: config('min') }), await trainIn({ config: config('max') })]
    const losses = eventsOf(falls, 'eval.result').map(({ metrics }) => metrics['loss']!)
    expect(losses).toEqual(losses.toSorted((a, b) => b - a))
    expect(falls.result).toMatchObject({ steps: 30, stoppedEarly: false })
    expect(rises.result).toMatchObject({ steps: 15, stoppedEarly: true, bestStep: 15 })
  })

  test('at the last step there is nothing to stop', async () => {
    const config = { ...quiet, steps: 4, evaluation: { every: 1 }, earlyStopping: { ...hopeless, patience: 3 } }
    expect((await trainIn({ config })).result).toMatchObject({ steps: 4, stoppedEarly: false })
  })

  test('a metric that no event has carried is warned of', async () => {
    const earlyStopping = { metric: 'validation.lost', patience: 1 }
    const trained = await trainIn({ config: { ...quiet, evaluation: { every: 3 }, earlyStopping } })
    expect(trained.result).toMatchObject({ steps: 6, stoppedEarly: false })
    expect(eventsOf(trained, 'warning').map(({ message }) => message)).toEqual(
      Array.from({ length: 2 }, () => 'early stopping: no event has carried the metric validation.lost so far'),
    )
  })
})

describe('a loss that is not finite', () => {
  const config = {
    ...quiet,
    accumulation: 2,
    learningRate: 1e30,
    schedule: { name: 'constant' as const },
    optimizer: { name: 'sgd' as const },
    checkpoint: { every: 1, keep: null },
  }

  test('stops the run and leaves the batch, as tokens and as text', async () => {
    const trained = await trainIn({ config })
    expect(trained.status).toBe('failed')
    const { error, path } = trained
    expect(MixlabError.is(error) && error.code).toBe('not-finite')
    const artifact = 'artifacts/not-finite-step-2.json'
    expect(String(error)).toMatch(/^MixlabError: training: the (loss|gradient norm) is not finite at step 2; /)
    expect(String(error)).toContain(join(path, artifact))
    expect(eventsOf(trained, 'artifact.logged')).toMatchObject([{ path: artifact }])
    expect(eventsOf(trained, 'train.step').map(({ step }) => step)).toEqual([2])

    const saved = JSON.parse(readFileSync(join(path, artifact), 'utf8')) as {
      readonly step: number
      readonly loss: string
      readonly learningRate: number
      readonly rows: readonly { readonly start: number; readonly text: string; readonly tokens: readonly number[] }[]
    }
    expect(saved).toMatchObject({ step: 2, learningRate: 1e30 })
    const rng = new RandomStream(1).stream('batches')
    const batches = createBatches(corpus.train, { batchSize: 2, contextLength: 8, accumulation: 2, rng })
    const starts = [0, 1].flatMap((micro) => [...batches.batch(2, micro).starts])
    expect(saved.rows.map(({ start }) => start)).toEqual(starts)
    const text = corpus.tokenizer.decode([...corpus.train.tokens])
    for (const row of saved.rows) {
      expect(row.text).toBe(text.slice(row.start, row.start + 8))
      expect(corpus.tokenizer.decode([...row.tokens])).toBe(row.text)
    }
  })

  test('is never in a checkpoint', async () => {
    const { path } = await trainIn({ config })
    expect(checkpointNames(path)).toEqual(['step-00000001'])
    for (const values of tensorsIn(lastCheckpoint(path)['model.safetensors']!).values())
      expect(values.every(Number.isFinite)).toBe(true)
  })

  test('is noticed two steps later, as no step waits for its values, with the number of its own step', async () => {
    let forwards = 0
    const model = () => {
      const made = denseModel()
      const forward = made.forward.bind(made)
      made.forward = (tokens, context) => {
        forwards++
        return forward(tokens, context)
      }
      return made
    }
    const trained = await trainIn({ model, config: { ...config, steps: 50, checkpoint: { every: null } } })
    expect(String(trained.error)).toMatch(/is not finite at step 2;/)
    expect(forwards).toBe(4 * 2)
    expect(checkpointNames(trained.path)).toEqual([])
  })

  test('may be gone on from', async () => {
    const trained = await trainIn({ config: { ...config, stopOnNaN: false } })
    expect(trained.status).toBe('finished')
    expect(trained.result!.loss).toBeNaN()
    expect(eventsOf(trained, 'artifact.logged')).toEqual([])
  })
})
