// A run that was interrupted goes on bit for bit: the bytes of its last checkpoint, its events and its result are those of
// a run that was not. What would break that is refused, naming what differs; what does not may change.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MixlabError, type RunContext } from '@mixlab/core'
import type { LanguageModel } from '@mixlab/nn'
import { describe, expect, test } from 'vitest'
import { checkpointNames, eventsOf, lastCheckpoint, outline, type Plan, quiet, trainIn, type Trained } from './runs.ts'
import { corpus, corpusOf, mixtureModel } from './tiny.ts'

const model = () => mixtureModel({ name: 'noisy-top-k' }, { dropout: 0.2 })

const atStep =
  (wanted: number): NonNullable<Plan['interruptAt']> =>
  (type, data) =>
    type === 'train.step' && 'step' in data && data.step === wanted

/** Events without what depends on the clock or on the run's name and interruption. */
const comparable = (trained: readonly Trained[]) =>
  trained
    .flatMap(({ events }) => events)
    .filter(({ type }) => type === 'train.step' || type === 'mixture.routing' || type === 'eval.result')
    .map((event) => ({ ...event, run: '', sequence: 0, time: 0, timing: {} }))

const full: Plan['config'] = {
  ...quiet,
  steps: 12,
  learningRate: 0.02,
  schedule: { warmup: 3 },
  accumulation: 2,
  ema: 0.9,
  log: { every: 1 },
  evaluation: { every: 3, batches: 2 },
  // 'max': the falling loss is no improvement.
  earlyStopping: { metric: 'validation.loss', mode: 'max', patience: 20 },
}

describe('bit for bit', () => {
  test.each([
    ['a mixture with everything', { model, config: full }],
    ['a router that keeps biases', { model: () => mixtureModel({ name: 'sigmoid-bias' }), config: full }],
    [
      'SGD on random windows',
      { config: { ...full, optimizer: { name: 'sgd', nesterov: true }, sampling: 'random', ema: null } },
    ],
  ] satisfies [string, Plan][])('%s', async (_, plan) => {
    const whole = await trainIn(plan)
    const first = await trainIn({ ...plan, interruptAt: atStep(5) })
    expect(first.status).toBe('interrupted')
    expect(checkpointNames(first.path)).toEqual(['step-00000005'])
    const second = await trainIn({ ...plan, resume: first.path })
    expect(eventsOf(second, 'run.resumed')).toMatchObject([{ step: 5 }])
    expect(second.result).toEqual(whole.result)
    expect(comparable([first, second])).toEqual(comparable([whole]))
    const files = lastCheckpoint(whole.path)
    expect(Object.keys(files).length).toBeGreaterThan(3)
    // state.json, too: hashes, early stopping and all.
    expect(lastCheckpoint(second.path)).toEqual(files)
  })

  test('interrupted again and again', async () => {
    const whole = await trainIn({ model, config: full })
    let trained = await trainIn({ model, config: full, interruptAt: (type) => type === 'train.started' })
    for (const step of [2, 3, 7, 11]) {
      expect(trained.status).toBe('interrupted')
      trained = await trainIn({ model, config: full, resume: trained.path, interruptAt: atStep(step) })
    }
    trained = await trainIn({ model, config: full, resume: trained.path })
    expect(trained.result).toEqual(whole.result)
    expect(lastCheckpoint(trained.path)).toEqual(lastCheckpoint(whole.path))
  })

  test('early stopping goes on counting', async () => {
    const earlyStopping = { metric: 'train.loss', minDelta: 100, patience: 7 }
    const config = { ...full, earlyStopping }
    const whole = await trainIn({ model, config })
    expect(whole.result).toMatchObject({ steps: 8, stoppedEarly: true })
    const first = await trainIn({ model, config, interruptAt: atStep(4) })
    const second = await trainIn({ model, config, resume: first.path })
    expect(second.result).toEqual(whole.result)
    expect(lastCheckpoint(second.path)).toEqual(lastCheckpoint(whole.path))
  })
})

/** A run that fails after its checkpoint of step 4. */
async function broken(): Promise<Trained> {
  const amend = (run: RunContext): RunContext => ({
    ...run,
    emit: (type, data) => {
      run.emit(type, data)
      if (type === 'checkpoint.saved') throw new Error('broken')
    },
  })
  const trained = await trainIn({ model, config: { ...full, checkpoint: { every: 4 } }, amend })
  expect(checkpointNames(trained.path)).toEqual(['step-00000004'])
  return trained
}

const hash = (text: string) => `"${text}"`

describe('what differs is named', () => {
  const other = corpusOf(7)
  test.each([
    ['the seed was 1, is now 2', { amend: (run: RunContext) => ({ ...run, seed: 2 }) }],
    ['training.learningRate was 0.02, is now 0.03', { config: { ...full, learningRate: 0.03 } }],
    ['training.accumulation was 2, is now 1', { config: { ...full, accumulation: 1 } }],
    ['training.ema was 0.9, is now null', { config: { ...full, ema: null } }],
    [`the data's hash was ${hash(corpus.hash)}, is now ${hash(other.hash)}`, { corpus: other }],
    [
      `the data's training was ${corpus.train.tokens.length}, is now ${corpusOf(6, 0.3).train.tokens.length}`,
      { corpus: corpusOf(6, 0.3) },
    ],
  ] satisfies [string, Partial<Plan>][])('%s', async (difference, amendment) => {
    const first = await broken()
    const before = lastCheckpoint(first.path)
    const { error, status, events } = await trainIn({ model, config: full, resume: first.path, ...amendment })
    expect(status).toBe('failed')
    expect(MixlabError.is(error) && error.code).toBe('other-run')
    const path = join(first.path, 'checkpoints', 'step-00000004')
    expect(String(error)).toBe(`MixlabError: cannot resume from ${path}: ${difference}; start a new run instead`)
    expect(events.some(({ type }) => type === 'train.step')).toBe(false)
    expect(lastCheckpoint(first.path)).toEqual(before)
  })

  test('another model is refused', async () => {
    const first = await broken()
    const wider = () => mixtureModel({ name: 'noisy-top-k' }, { dropout: 0.2, width: 16 })
    const { error } = await trainIn({ model: wider, config: full, resume: first.path })
    expect(String(error)).toMatch(/^MixlabError: state does not fit the model: .* has shape/)
  })
})

test('steps and intervals may change', async () => {
  const first = await broken()
  const config = { ...full, steps: 6, log: { every: 2 }, evaluation: { every: null }, checkpoint: { every: null } }
  const second = await trainIn({ model, config, resume: first.path })
  expect(outline(second)).toEqual([
    'train.started',
    'run.resumed@4',
    'train.step@6',
    'mixture.routing@6',
    'eval.result@6',
    'checkpoint.saved@6',
  ])
})

test.each([
  ['at its last step', null],
  ['early', { metric: 'train.loss', minDelta: 100, patience: 4 }],
])('a run that failed after training had ended %s is not trained further', async (_, earlyStopping) => {
  const config = { ...full, earlyStopping }
  const whole = await trainIn({ model, config })
  const after = () => {
    throw new Error('broken')
  }
  const first = await trainIn({ model, config, after })
  expect(first.status).toBe('failed')
  const second = await trainIn({ model, config, resume: first.path })
  expect(outline(second)).toEqual(['train.started', `run.resumed@${whole.result!.steps}`])
  expect(second.result).toEqual(whole.result)
})

test('a run without a checkpoint starts over', async () => {
  const amend = (run: RunContext): RunContext => ({
    ...run,
    emit: (type, data) => {
      run.emit(type, data)
      if (type === 'train.step') throw new Error('broken')
    },
  })
  const first = await trainIn({ model, config: full, amend })
  expect(checkpointNames(first.path)).toEqual([])
  const second = await trainIn({ model, config: full, resume: first.path })
  expect(second.result).toEqual((await trainIn({ model, config: full })).result)
})

test.each(['model.safetensors', 'optimizer.safetensors', 'ema.safetensors', 'tokenizer.json'])(
  'a checkpoint whose %s is corrupt is not gone on from, and the model is not touched',
  async (name) => {
    const first = await broken()
    const file = join(first.path, 'checkpoints', 'step-00000004', name)
    const bytes = Buffer.from(lastCheckpoint(first.path)[name]!)
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(file, bytes)
    let own: LanguageModel | undefined
    let left: Float32Array[] = []
    const values = (of: LanguageModel) => [...of.state().values()].map((tensor) => tensor.dataSync<'float32'>())
    const { error } = await trainIn({
      model: () => (own = model()),
      config: full,
      resume: first.path,
      failed: () => (left = values(own!)),
    })
    expect(String(error)).toContain(`is corrupt: ${name} has been changed (SHA-256); remove that folder`)
    using fresh = model()
    expect(left).toEqual(values(fresh))
  },
)
