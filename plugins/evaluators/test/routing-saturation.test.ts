// Checkpoints that turn a scripted router by a known amount, so that the overlap with the final routing is known, too.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { evaluate, type SavedModel } from '@mixlab/training'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { saveCheckpoint } from '../../../packages/training/src/checkpoint.ts'
import { tensorFile } from '../../../packages/training/src/state-files.ts'
import { routingSaturation } from '../src/index.ts'
import { overlap } from '../src/routing-saturation.ts'
import { corpusOf, range, recordingRun, routedModel, run, startCpu, transformerOf, usage } from './scripted.ts'

beforeAll(startCpu)

/** Every id 0 … 15 once, and one more token as the last target. */
const corpus = corpusOf([...range(16), 0])
const options = { batchSize: 2, contextLength: 8, config: { batches: 1 } }

const shiftsOf = (model: LanguageModel) => [...model.buffers()].filter(([name]) => name.endsWith('shift'))

/** Turns the router of each layer. */
function turn(model: LanguageModel, shifts: readonly number[]): void {
  for (const [layer, [, variable]] of shiftsOf(model).entries())
    tf.tidy(() => variable.assign(tf.tensor1d([shifts[layer]!])))
}

const saved = (model: LanguageModel, step: number, shifts: readonly number[]): SavedModel => ({
  step,
  load: () => Promise.resolve(turn(model, shifts)),
})

/** Token t goes to members t + shift and t + shift + 1 of four. */
const turning = (token: number, _: number, shift: number) => [(token + shift) % 4, (token + shift + 1) % 4]

describe('overlap', () => {
  test('by hand', () => {
    // 1 of 2, 2 of 2, 0 of 1; the fourth token has no final choice.
    expect(overlap([[0, 1], [3, 2], [1], [2]], [[1, 2], [2, 3], [0], []])).toBeCloseTo((0.5 + 1 + 0) / 3, 10)
    expect(overlap([[], []], [[], []])).toBe(0)
    expect(overlap([[]], [[0, 1, 2]])).toBe(0)
  })

  const choices = fc.array(fc.subarray(range(6), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 20 })

  test('is 1 with itself, the same in both directions, 1 − half the distance of the indicators', () =>
    fc.assert(
      fc.property(choices, choices, (a, b) => {
        const tokens = Math.min(a.length, b.length)
        const [early, late] = [a.slice(0, tokens), b.slice(0, tokens)]
        expect(overlap(late, late)).toBe(1)
        expect(overlap(early, late)).toBeCloseTo(overlap(late, early), 10)
        const apart = early.map((own, t) => range(6).filter((m) => own.includes(m) !== late[t]!.includes(m)).length)
        expect(overlap(early, late)).toBeCloseTo(1 - apart.reduce((sum, count) => sum + count, 0) / (4 * tokens), 10)
      }),
    ))
})

describe('routing-saturation', () => {
  test('each layer and checkpoint against the final routing', async () => {
    using model = routedModel({ layers: 2, k: 2, members: 4 }, turning)
    turn(model, [2, 1])
    // Turned by 2: disjoint; by 1 or 3: one of two; by 0 or 4: the same.
    const checkpoints = [saved(model, 10, [0, 0]), saved(model, 20, [1, 2]), saved(model, 40, [6, 1])]
    const { metrics, matrices } = await run(routingSaturation, model, corpus, { ...options, checkpoints })
    expect(metrics).toEqual({
      'step-10': 0.25,
      'layer-0/step-10': 0,
      'layer-1/step-10': 0.5,
      'step-20': 0.5,
      'layer-0/step-20': 0.5,
      'layer-1/step-20': 0.5,
      'step-40': 1,
      'layer-0/step-40': 1,
      'layer-1/step-40': 1,
    })
    expect(matrices!['saturation']).toMatchObject({
      rows: ['layer 0', 'layer 1'],
      columns: ['step 10', 'step 20', 'step 40'],
      values: [
        [0, 0.5, 1],
        [0.5, 0.5, 1],
      ],
      // k/E: a choice at random.
      baseline: 2 / 4,
    })
  })

  test('k/E if the early choice knows nothing of the final one', async () => {
    // With ids 4a + b, the final pair begins at a and the early one at b: every combination once.
    const choose = (token: number, _: number, shift: number) => {
      const first = shift === 0 ? Math.floor(token / 4) : token % 4
      return [first, (first + 1) % 4]
    }
    using model = routedModel({ k: 2, members: 4 }, choose)
    const { metrics } = await run(routingSaturation, model, corpus, { ...options, checkpoints: [saved(model, 5, [1])] })
    expect(metrics['step-5']).toBeCloseTo(2 / 4, 10)
  })

  test('the share is of the final choice, also where the numbers of choices differ', async () => {
    // Early: members 0, 1, 2; finally member 0 alone, and none for odd ids.
    const choose = (token: number, _: number, shift: number) =>
      shift === 1 ? [0, 1, 2] : token % 2 === 0 ? [0, -1, -1] : [-1, -1, -1]
    using model = routedModel({ k: 3, members: 4 }, choose)
    const { metrics } = await run(routingSaturation, model, corpus, { ...options, checkpoints: [saved(model, 5, [1])] })
    expect(metrics['step-5']).toBe(1)
  })

  test('no checkpoints, no metrics', async () => {
    using model = routedModel({ k: 2, members: 4 }, turning)
    expect(await run(routingSaturation, model, corpus, options)).toEqual({ metrics: {} })
  })

  test('a dense model has none either, whatever was saved', async () => {
    using model = transformerOf({})
    const checkpoints = [{ step: 5, load: () => Promise.resolve() }]
    expect(await run(routingSaturation, model, corpus, { ...options, checkpoints })).toEqual({ metrics: {} })
  })

  test('through evaluate: checkpoints from disk, and the model is as it was afterwards', async () => {
    const root = await mkdtemp(join(tmpdir(), 'saturation-'))
    try {
      using model = routedModel({ layers: 2, k: 2, members: 4 }, turning)
      const { run: context, events } = recordingRun(root)
      const final = [2, 1]
      const history: [step: number, shifts: number[]][] = [
        [10, [0, 1]],
        [20, [1, 3]],
        [30, final],
      ]
      for (const [step, shifts] of history) {
        turn(model, shifts)
        // Other parameters change, too.
        const embedding = model.parameters().get('model.embed_tokens.weight')!
        tf.tidy(() => embedding.assign(tf.mul(embedding, 1.5)))
        await saveCheckpoint(join(root, 'checkpoints'), step, { 'model.safetensors': tensorFile(model.state()) }, {})
      }
      const values = () => [...model.state()].map(([name, tensor]) => [name, ...tensor.dataSync()])
      const before = { values: values(), usage: await usage() }
      const evaluators = [{ name: 'routing-saturation', batches: 1 }]
      const results = await evaluate(context, { model, corpus, step: 30, evaluators, batchSize: 2 })
      // The checkpoint of this very step is the final model, not an earlier one.
      const wanted = { 'step-10': 0.5, 'step-20': 0.25 }
      expect(results.get('routing-saturation')!.metrics).toMatchObject(wanted)
      expect(Object.keys(results.get('routing-saturation')!.metrics)).toHaveLength(6)
      expect(events.map(({ type }) => type)).toEqual(['eval.result'])
      expect(events[0]!.data).toMatchObject({ step: 30, evaluator: 'routing-saturation', metrics: wanted })
      expect(values()).toEqual(before.values)
      expect(await usage()).toEqual(before.usage)
    } finally {
      await rm(root, { recursive: true })
    }
  })
})
