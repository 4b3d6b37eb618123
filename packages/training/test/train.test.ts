// `train` as a whole, in runs of the lab: which events come when, what the intervals do, what is refused and warned of,
// the averages, and that nothing stays behind.
import { join } from 'node:path'
import { RandomStream, type RunContext } from '@mixlab/core'
import { createBatches, fixedBatches, loadTokenizer } from '@mixlab/data'
import { tf } from '@mixlab/tensor'
import { describe, expect, test } from 'vitest'
import { learningRateAt, meanLoss, scheduleConfig, withTensors } from '../src/index.ts'
import { build } from '../../nn/test/models.ts'
import { checkpointNames, eventsOf, lastCheckpoint, outline, quiet, tensorsIn, trainIn } from './runs.ts'
import { corpus, corpusOf, denseModel, mixtureModel, valuesOf } from './tiny.ts'

const topK = () => mixtureModel({ name: 'top-k' }, { layers: 2 })

const validation = fixedBatches(corpus.validation, { batches: 2, batchSize: 2, contextLength: 8 })

describe('events', () => {
  test('come in order, each interval honoured', async () => {
    const trained = await trainIn({
      model: topK,
      config: {
        ...quiet,
        steps: 7,
        log: { every: 2 },
        evaluation: { every: 3, batches: 2 },
        checkpoint: { every: 2, keep: 2 },
      },
    })
    const logged = (step: number) => [`train.step@${step}`, `mixture.routing@${step}`, `mixture.routing@${step}`]
    expect(outline(trained)).toEqual([
      'train.started',
      ...logged(2),
      'checkpoint.saved@2',
      'eval.result@3',
      ...logged(4),
      'checkpoint.saved@4',
      ...logged(6),
      'eval.result@6',
      'checkpoint.saved@6',
      // The last step is logged, evaluated and saved whatever the intervals.
      ...logged(7),
      'eval.result@7',
      'checkpoint.saved@7',
    ])
    expect(checkpointNames(trained.path)).toEqual(['step-00000006', 'step-00000007'])
    expect(eventsOf(trained, 'checkpoint.saved').at(-1)!.path).toBe(join('checkpoints', 'step-00000007'))
  })

  test('say what they mean', async () => {
    let ended: { loss: number; parameters: number; state: Map<string, Float32Array> } | undefined
    const schedule = { name: 'linear' as const, warmup: 2, minimum: 0.5 }
    const trained = await trainIn({
      model: topK,
      config: { ...quiet, accumulation: 2, learningRate: 0.02, schedule, log: { every: 1 } },
      after: async (model) => {
        const parameters = [...model.parameters().values()].reduce((sum, { size }) => sum + size, 0)
        ended = { loss: await meanLoss(model, validation), parameters, state: valuesOf(model.state()) }
      },
    })
    const { result } = trained
    const [started] = eventsOf(trained, 'train.started')
    expect(started).toMatchObject({ parameters: ended!.parameters, steps: 6, tokensPerStep: 32, layers: 2 })
    expect(started!.activeParameters).toBeLessThan(ended!.parameters)
    const steps = eventsOf(trained, 'train.step')
    for (const [index, event] of steps.entries()) {
      expect(event.learningRate).toBe(learningRateAt(scheduleConfig.parse(schedule), 0.02, index, 6))
      expect(event.tokens).toBe(32 * event.step)
      const { crossEntropy, balance } = event.losses
      expect(event.loss).toBeCloseTo(crossEntropy! + 2 * 0.01 * balance!, 5)
    }
    const routings = eventsOf(trained, 'mixture.routing')
    expect(routings.map(({ step, layer }) => 2 * (step - 1) + layer)).toEqual([...routings.keys()])
    for (const { load, dropped, members, router } of routings) {
      expect(load.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
      expect([load.length, dropped, members.length, router]).toEqual([4, 0, 4, 'top-k'])
    }
    const [evaluated] = eventsOf(trained, 'eval.result')
    const { loss } = ended!
    // The text has one byte a token.
    expect(evaluated!.metrics).toEqual({ loss, perplexity: Math.exp(loss), bitsPerByte: loss / Math.LN2 })
    expect(result).toEqual({
      steps: 6,
      loss: steps.at(-1)!.loss,
      validationLoss: loss,
      bestValidationLoss: loss,
      bestStep: 6,
      tokens: 6 * 32,
      stoppedEarly: false,
    })
    // What was saved last is what is in the model.
    expect(tensorsIn(lastCheckpoint(trained.path)['model.safetensors']!)).toEqual(ended!.state)
  })

  test('the best validation loss and its step are kept', async () => {
    const trained = await trainIn({
      config: { ...quiet, steps: 12, learningRate: 1, schedule: { name: 'constant' }, evaluation: { every: 1 } },
    })
    const losses = eventsOf(trained, 'eval.result').map(({ metrics }) => metrics['loss']!)
    const best = Math.min(...losses)
    expect(losses.indexOf(best)).toBeLessThan(11)
    expect(trained.result).toMatchObject({ bestValidationLoss: best, bestStep: losses.indexOf(best) + 1 })
    expect(trained.result!.validationLoss).toBe(losses.at(-1))
  })

  test('without validation data there is no validation', async () => {
    const trained = await trainIn({ corpus: corpusOf(6, 0), config: quiet })
    expect(outline(trained)).toEqual(['train.started', 'train.step@6', 'checkpoint.saved@6'])
    expect(trained.result).toMatchObject({ validationLoss: null, bestValidationLoss: null, bestStep: null })
  })
})

test.each(['shuffled', 'random'] as const)('the first step sees the first %s batch of the seed', async (sampling) => {
  const config = { ...quiet, accumulation: 2, sampling, log: { every: 1 } }
  const trained = await trainIn({ config })
  const rng = new RandomStream(1).stream('batches')
  const batches = createBatches(corpus.train, { batchSize: 2, contextLength: 8, accumulation: 2, sampling, rng })
  using model = denseModel()
  const loss = await meanLoss(model, [batches.batch(1, 0), batches.batch(1, 1)])
  expect(eventsOf(trained, 'train.step')[0]!.loss).toBeCloseTo(loss, 5)
})

test('a checkpoint has what makes its model and its tokenizer again', async () => {
  const { path } = await trainIn({ config: { ...quiet, steps: 1 } })
  const files = lastCheckpoint(path)
  expect(Object.keys(files).toSorted()).toEqual([
    'model.json',
    'model.safetensors',
    'optimizer.safetensors',
    'state.json',
    'tokenizer.json',
  ])
  using again = build(JSON.parse(files['model.json']!.toString()) as object, corpus.tokenizer.size)
  using model = denseModel()
  expect(again.config).toEqual(model.config)
  expect([...again.state().keys()]).toEqual([...model.state().keys()])
  const tokenizer = loadTokenizer(JSON.parse(files['tokenizer.json']!.toString()), 'tokenizer.json')
  expect([...tokenizer.encode('hey, ho')]).toEqual([...corpus.tokenizer.encode('hey, ho')])
})

test('a context longer than the model’s, and one longer than the data, are refused', async () => {
  const long = await trainIn({ config: { ...quiet, contextLength: 9 } })
  expect(long.status).toBe('failed')
  expect(String(long.error)).toContain("training.contextLength is 9, more than the model's context of 8")
  const model = () => denseModel({ contextLength: 1000 })
  expect(String((await trainIn({ model, config: quiet })).error)).toMatch(
    /contextLength is 1000, but the training data/,
  )
  expect((await trainIn({ model, config: { ...quiet, contextLength: 16 } })).status).toBe('finished')
})

test('a misspelt field is refused', async () => {
  const { error } = await trainIn({ config: { ...quiet, leaningRate: 1 } as typeof quiet })
  expect(String(error)).toContain('training: unknown field leaningRate. Did you mean learningRate?')
})

test('a router that looks ahead is warned of by name, another is not', async () => {
  const warnings = async (router: object) =>
    eventsOf(await trainIn({ model: () => mixtureModel(router), config: quiet }), 'warning')
  const [warning, ...others] = await warnings({ name: 'expert-choice' })
  expect(warning!.message).toMatch(/^router expert-choice looks at later tokens/)
  expect(others).toEqual([])
  expect(await warnings({ name: 'top-k' })).toEqual([])
})

test('no tensor is left when the model has been disposed of, whatever the run had', async () => {
  const plans = [
    { config: { ...quiet, ema: 0.9, accumulation: 2, log: { every: 1 }, evaluation: { every: 2 } } },
    { config: { ...quiet, optimizer: { name: 'sgd' as const }, learningRate: 1e30, checkpoint: { every: 1 } } },
    { config: quiet, interruptAt: (type: string) => type === 'train.started' },
  ]
  // The first run starts the engine.
  await trainIn({ config: quiet })
  const before = tf.memory().numTensors
  const outcomes: string[] = []
  for (const plan of plans) {
    outcomes.push((await trainIn({ model: topK, ...plan })).status)
    expect(tf.memory().numTensors).toBe(before)
  }
  expect(outcomes).toEqual(['finished', 'failed', 'interrupted'])
})

describe('averages', () => {
  const decay = 0.7
  const config = {
    ...quiet,
    learningRate: 0.05,
    ema: decay,
    evaluation: { every: 1, batches: 2 },
    checkpoint: { every: 1, keep: null },
  }

  test('are a ← decay·a + (1 − decay)·p from the initial parameters on', async () => {
    const seen: Record<'model' | 'ema', Map<string, Float32Array>>[] = []
    const amend = (run: RunContext): RunContext => ({
      ...run,
      emit: (type, data) => {
        if (type === 'checkpoint.saved') {
          const files = lastCheckpoint(run.directory.path)
          const [model, ema] = ['model', 'ema'].map((name) => tensorsIn(files[`${name}.safetensors`]!))
          seen.push({ model: model!, ema: ema! })
        }
        run.emit(type, data)
      },
    })
    let initial = new Map<string, Float32Array>()
    const model = () => {
      const made = denseModel()
      initial = valuesOf(made.parameters())
      return made
    }
    expect(await trainIn({ model, config, amend })).toMatchObject({ status: 'finished' })
    expect(seen).toHaveLength(6)
    const averages = new Map([...initial].map(([name, values]) => [name, [...values]]))
    for (const { model: parameters, ema } of seen) {
      for (const [name, values] of averages) {
        const now = parameters.get(name)!
        for (const [i, value] of values.entries()) values[i] = decay * value + (1 - decay) * now[i]!
        const got = ema.get(name)!
        expect(Math.max(...values.map((value, i) => Math.abs(value - got[i]!)))).toBeLessThan(1e-6)
      }
    }
    const moved = [...averages].map(([name, values]) => Math.abs(values[0]! - seen.at(-1)!.model.get(name)![0]!))
    expect(Math.max(...moved)).toBeGreaterThan(1e-2)
  })

  test('have a validation loss of their own, and leave the model as it was', async () => {
    const [withAverages, without] = [await trainIn({ config }), await trainIn({ config: { ...config, ema: null } })]
    expect(lastCheckpoint(withAverages.path)['model.safetensors']).toEqual(
      lastCheckpoint(without.path)['model.safetensors'],
    )
    const metrics = eventsOf(withAverages, 'eval.result').at(-1)!.metrics
    expect(eventsOf(without, 'eval.result').at(-1)!.metrics).not.toHaveProperty('averagedLoss')
    using model = denseModel({}, 5)
    const files = join(withAverages.path, 'checkpoints', 'step-00000006')
    withTensors(join(files, 'ema.safetensors'), (tensors) => model.loadState(tensors))
    expect(await meanLoss(model, validation)).toBe(metrics['averagedLoss'])
    withTensors(join(files, 'model.safetensors'), (tensors) => model.loadState(tensors))
    expect(await meanLoss(model, validation)).toBe(metrics['loss'])
    expect(metrics['averagedLoss']).not.toBe(metrics['loss'])
  })
})
