// Models of ours as agents of a run, by their plugins: one checkpoint and the GGUF file of the same weights answer the same.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { answerQuestions, mixtureConfig, propose, type QuestionResult, topology, vote } from '@mixlab/agents'
import { saveGguf } from '@mixlab/checkpoints'
import { buildCorpus, byteTokenizer } from '@mixlab/data'
import { expect, test } from 'vitest'
import { defineExperiment, runExperiment } from '../../../packages/lab/src/index.ts'
import { quiet, trainIn } from '../../../packages/training/test/runs.ts'
import { build, llamaShape, temporaryFolder, verse } from './models.ts'

test('a training run and a GGUF file agree in a vote; a replay gives the same bytes', async () => {
  const folder = temporaryFolder()
  const gguf = join(folder, 'rain.gguf')
  const trained = await trainIn({
    model: () => build({ ...llamaShape, contextLength: 256, initializerRange: 0.05 }, byteTokenizer.size),
    corpus: buildCorpus(
      Array.from({ length: 20 }, () => ({ text: verse, domain: '' })),
      { tokenizer: byteTokenizer, validationFraction: 0 },
    ),
    config: { ...quiet, steps: 200, contextLength: 210, learningRate: 0.01, schedule: { name: 'cosine', warmup: 10 } },
    after: (model) => saveGguf(gguf, model, byteTokenizer, { name: 'rain' }),
  })
  expect(trained.status).toBe('finished')

  const agents = {
    own: { model: { name: 'mixlab', path: trained.path }, temperature: 0, maxTokens: 150 },
    gguf: {
      model: { name: 'llama-cpp', path: gguf, gpu: false, threads: 1, sequences: 2 },
      temperature: 0,
      maxTokens: 150,
    },
  }
  const questions = ['the rain it rain', 'every day, with', 'a great while'].map((text, index) => ({
    id: `line-${index + 1}`,
    text,
    answer: verse.slice(verse.indexOf(text) + text.length),
  }))
  const experiment = defineExperiment({
    name: 'own-agents-test',
    run: (run) =>
      answerQuestions(run, {
        questions,
        config: mixtureConfig.parse({ agents, graders: ['exact-match'] }),
        topology: topology('both', propose(['own', 'gguf']), vote()),
      }),
  })
  let path = ''
  const options = { runs: folder, engine: 'cpu', onStart: (run: { readonly path: string }) => void (path = run.path) }
  expect((await runExperiment(experiment, options)).status).toBe('finished')
  const file = readFileSync(join(path, 'answers.jsonl'), 'utf8')
  const results = file
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as QuestionResult)
  for (const [index, { calls, answer, steps }] of results.entries()) {
    const { text, answer: wanted } = questions[index]!
    expect(calls.map(({ agent, finishReason, cost }) => [agent, finishReason, cost.inputTokens])).toEqual([
      ['own', 'stop', text.length],
      ['gguf', 'stop', text.length],
    ])
    expect(calls.map((call) => call.text)).toEqual([wanted, wanted])
    expect(answer).toBe(wanted)
    expect(steps.at(-1)!.answers[0]!.score).toBe(1)
  }
  const first = path
  expect((await runExperiment(experiment, { ...options, replay: first })).status).toBe('finished')
  expect(path).not.toBe(first)
  expect(readFileSync(join(path, 'answers.jsonl'), 'utf8')).toBe(file)
}, 180_000)
