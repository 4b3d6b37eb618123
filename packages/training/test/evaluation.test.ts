// Evaluators look at a model, and at the run's earlier checkpoints with it; what they do to it is undone, in the memory
// that the optimizer goes on writing to.
import { MixlabError, type RunContext } from '@mixlab/core'
import type { LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { expect, test } from 'vitest'
import { tableOf } from '../../nn/test/plugin-table.ts'
import { defineEvaluator, evaluate, type EvaluationInput, type EvaluationResult, meanLoss } from '../src/index.ts'
import { eventsOf, lastCheckpoint, outline, quiet, trainIn } from './runs.ts'
import { corpus, mixtureModel, valuesOf } from './tiny.ts'

/** Amends a run so that its one evaluator is this function. */
const evaluating =
  (body: (input: EvaluationInput) => Promise<EvaluationResult>) =>
  (run: RunContext): RunContext => ({
    ...run,
    plugins: tableOf([defineEvaluator({ name: 'mine', summary: 'Of a test', create: () => ({ evaluate: body }) })]),
  })

const model = () => mixtureModel({ name: 'sigmoid-bias' })
const config = {
  ...quiet,
  learningRate: 0.05,
  evaluation: { every: 2, batches: 2, evaluators: ['mine'] },
  checkpoint: { every: 2, keep: null },
}

test('results become events, failures warnings', async () => {
  const matrices = { table: { title: 'Table', rows: ['a'], columns: ['b'], values: [[1]] } }
  const amend = evaluating(({ step, batchSize, contextLength }) =>
    Promise.resolve({
      metrics: { step, batchSize, contextLength },
      ...(step === 4 && { failed: 'the fourth is bad', matrices }),
    }),
  )
  const trained = await trainIn({ model, config: { ...config, steps: 4 }, amend })
  const results = eventsOf(trained, 'eval.result').filter(({ evaluator }) => evaluator === 'mine')
  expect(results.map(({ step, metrics }) => [step, metrics])).toEqual([
    [2, { step: 2, batchSize: 2, contextLength: 8 }],
    [4, { step: 4, batchSize: 2, contextLength: 8 }],
  ])
  expect(results.map((result) => result.matrices)).toEqual([undefined, matrices])
  expect(eventsOf(trained, 'warning').map(({ message }) => message)).toEqual(['mine: the fourth is bad'])
  expect(outline(trained).slice(-4)).toEqual(['eval.result@4', 'eval.result@4', 'warning', 'checkpoint.saved@4'])
})

test('early stopping listens to them', async () => {
  const amend = evaluating(({ step }) => Promise.resolve({ metrics: { score: step === 2 ? 5 : 1 } }))
  const earlyStopping = { metric: 'mine.score', mode: 'max' as const, patience: 2 }
  const trained = await trainIn({ model, config: { ...config, steps: 20, earlyStopping }, amend })
  expect(trained.result).toMatchObject({ steps: 6, stoppedEarly: true })
})

test('earlier checkpoints can be put into the model, and what it held comes back', async () => {
  const losses: number[][] = []
  const amend = evaluating(async (input) => {
    const batch = {
      inputs: new Int32Array(8),
      targets: new Int32Array(8),
      rows: 1,
      length: 8,
      starts: new Int32Array(1),
    }
    const found: number[] = []
    for await (const saved of input.checkpoints()) {
      await saved.load()
      found.push(await meanLoss(input.model, [batch]))
    }
    losses.push(found)
    return { metrics: {} }
  })
  const trained = await trainIn({ model, config, amend })
  const untouched = await trainIn({ model, config, amend: evaluating(() => Promise.resolve({ metrics: {} })) })
  expect(losses.map((found) => found.length)).toEqual([0, 1, 2])
  expect(losses[2]![0]).toBe(losses[1]![0])
  expect(losses[2]![1]).not.toBe(losses[2]![0])
  expect(lastCheckpoint(trained.path)).toEqual(lastCheckpoint(untouched.path))
})

test('an evaluation of an earlier step sees the checkpoints before it only, and leaves no tensor behind', async () => {
  const seen: number[] = []
  const tensors: number[] = []
  let inner: RunContext | undefined
  const amend = (run: RunContext): RunContext => {
    inner = evaluating(async ({ checkpoints }) => {
      for await (const saved of checkpoints()) {
        seen.push(saved.step)
        await saved.load()
      }
      return { metrics: {} }
    })(run)
    return inner
  }
  const after = async (trained: LanguageModel) => {
    seen.length = 0
    tensors.push(tf.memory().numTensors)
    const results = await evaluate(inner!, { model: trained, corpus, step: 5, evaluators: ['mine'] })
    tensors.push(tf.memory().numTensors)
    expect([...results.keys()]).toEqual(['mine'])
  }
  expect(await trainIn({ model, config, amend, after })).toMatchObject({ status: 'finished' })
  expect(seen).toEqual([2, 4])
  expect(tensors[1]).toBe(tensors[0])
})

test('parameters and biases that an evaluator overwrites come back, also when it fails', async () => {
  const spoil = ({ model: given }: EvaluationInput) => {
    for (const variable of given.state().values()) tf.tidy(() => variable.assign(tf.onesLike(variable)))
  }
  const good = await trainIn({ model, config, amend: evaluating(() => Promise.resolve({ metrics: {} })) })
  const spoilt = await trainIn({
    model,
    config,
    amend: evaluating((input) => {
      spoil(input)
      return Promise.resolve({ metrics: {} })
    }),
  })
  expect(lastCheckpoint(spoilt.path)['model.safetensors']).toEqual(lastCheckpoint(good.path)['model.safetensors'])

  let before: Map<string, Float32Array> | undefined
  let given: EvaluationInput['model'] | undefined
  let after: Map<string, Float32Array> | undefined
  const failing = evaluating((input) => {
    given = input.model
    before = valuesOf(input.model.state())
    spoil(input)
    throw new MixlabError('no')
  })
  const failed = await trainIn({ model, config, amend: failing, failed: () => void (after = valuesOf(given!.state())) })
  expect(failed.status).toBe('failed')
  expect(after).toEqual(before)
})
