// What holds for every evaluator: one run of all of them through `evaluate`, over a mixture and over a dense model.
import type { LanguageModel } from '@mixlab/nn'
import { evaluate } from '@mixlab/training'
import { beforeAll, describe, expect, test } from 'vitest'
import { evaluators } from '../src/index.ts'
import { corpusOf, range, recordingRun, repeated, startCpu, transformerOf, usage } from './scripted.ts'

beforeAll(startCpu)

const names = evaluators.map(({ name }) => name)
const corpus = corpusOf(
  range(60).map((index) => (index * index) % 16),
  {
    domains: ['first', 'second'],
    labels: repeated([30, 30]),
  },
)

const models: Record<string, () => LanguageModel> = {
  mixture: () => transformerOf({ layers: 2, mixture: { experts: { name: 'swiglu', count: 4, width: 6 } } }),
  dense: () => transformerOf({}),
}

test('their names are unique and each says where it is from', () => {
  expect(new Set(names).size).toBe(6)
  expect(evaluators.filter(({ source }) => source === undefined)).toEqual([])
})

describe.each(['mixture', 'dense'])('of a %s model', (kind) => {
  test('results are plain numbers, the same each time; the model and the memory stay as they were', async () => {
    using model = models[kind]!()
    const values = () => [...model.state()].map(([name, tensor]) => [name, ...tensor.dataSync()])
    const before = { values: values(), usage: await usage() }
    const once = async () => {
      const { run, events } = recordingRun()
      await evaluate(run, { model, corpus, step: 3, evaluators: names, batchSize: 2 })
      return events
    }
    const events = await once()
    // One result each, no warning; JSON holds all of it.
    expect(events.map(({ type }) => type)).toEqual(names.map(() => 'eval.result'))
    expect(JSON.parse(JSON.stringify(events))).toEqual(events)
    expect(await once()).toEqual(events)
    expect(values()).toEqual(before.values)
    expect(await usage()).toEqual(before.usage)
  })
})

test('a dense model has no routing to look at', async () => {
  using model = models['dense']!()
  const { run } = recordingRun()
  const results = await evaluate(run, { model, corpus, step: 3, evaluators: names })
  const silent = [...results].filter(([, { metrics }]) => Object.keys(metrics).length === 0).map(([name]) => name)
  expect(silent).toEqual(['expert-load', 'domain-specialization', 'routing-saturation', 'co-activation'])
  for (const name of silent) expect(results.get(name)!.matrices ?? {}).toEqual({})
})
