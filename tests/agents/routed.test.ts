// From recordings to a router to a topology that asks it: two agents that are good at different things, a router that learns
// from what each of them answered which is which, and questions that it has never seen.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scriptedAnswers, scriptedModel } from '@mixlab/agent-models'
import {
  agentRouter,
  createMessageRouter,
  fitFeatures,
  gatherOutcomes,
  textOf,
  trainRouter,
} from '@mixlab/agent-routing'
import { answerQuestions, mixtureConfig, type Question, readGrades } from '@mixlab/agents'
import { defineExperiment, readEvents, runExperiment } from '@mixlab/lab'
import { mixlab, temporaryFolder } from '../e2e/mixlab.ts'
import { everything } from '../e2e/everything.ts'
import { startHostileServer } from './hostile-server.ts'

const sums = (from: number, to: number): Question[] =>
  Array.from({ length: to - from }, (_, n) => ({
    id: `sum-${from + n}`,
    text: `How much is ${from + n} + ${3 * n + 1}?`,
    answer: String(from + 4 * n + 1),
    group: 'sums',
  }))
const letters = (from: number, to: number): Question[] =>
  Array.from({ length: to - from }, (_, n) => ({
    id: `word-${from + n}`,
    text: `Count the letters of the word ${'abcdefghij'.repeat(3).slice(0, 3 + ((from + n) % 17))}, please.`,
    answer: String(3 + ((from + n) % 17)),
    group: 'letters',
  }))

test('a router that learnt from recordings sends each question to the agent that is good at it', async () => {
  const learnt = [...sums(0, 60), ...letters(0, 60)]
  const asked = [...sums(60, 160), ...letters(60, 160)]
  const questions = [...learnt, ...asked]
  const modelOf = (name: string, accuracy: Record<string, number>) =>
    scriptedModel({ name, text: scriptedAnswers({ questions, accuracy }), seed: 1 })
  const models = {
    counter: modelOf('counter', { sums: 0.9, letters: 0.2 }),
    reader: modelOf('reader', { sums: 0.2, letters: 0.9 }),
  }
  const members = Object.keys(models)
  const agents = Object.fromEntries(members.map((name) => [name, { model: 'scripted' }]))
  const config = (topology: object) => mixtureConfig.parse({ agents, topology, graders: ['gsm8k'] })

  const experiment = defineExperiment({
    name: 'routed',
    async run(run) {
      const graded = []
      for (const agent of members) {
        await run.child(`only-${agent}`, { config: {} }, (child) =>
          answerQuestions(child, { questions: learnt, models, config: config({ name: 'single', agent }) }),
        )
        for (const { index, grades } of await readGrades(run.directory.file(`children/only-${agent}`)))
          graded.push({ agent, question: learnt[index]!, score: grades['gsm8k']!.score })
      }
      const features = fitFeatures(learnt.map(textOf), { rng: run.rng.stream('features'), config: { dimensions: 16 } })
      using router = createMessageRouter({
        router: 'logistic',
        plugins: run.plugins,
        members,
        features,
        rng: run.rng.stream('router'),
      })
      trainRouter(router, gatherOutcomes(members, graded), { rng: run.rng.stream('training') })
      const routed = await run.child('routed', { config: {} }, (child) =>
        answerQuestions(child, {
          questions: asked,
          models,
          routers: { router: agentRouter(router) },
          config: config({ name: 'route-llm', strong: 'counter', weak: 'reader' }),
        }),
      )
      return { accuracy: routed.graders['gsm8k']!.accuracy, calls: routed.calls }
    },
  })
  const { path, result } = await runExperiment(experiment, { runs: temporaryFolder() })
  expect(result['calls']).toBe(asked.length)
  // 0.9 with perfect routing; either agent alone, or a coin, comes to 0.55. Four standard errors are 0.085.
  expect(result['accuracy']).toBeGreaterThan(0.9 - 0.085)
  const loads = []
  for await (const event of readEvents(join(path, 'children/routed')))
    if (event.type === 'mixture.routing') loads.push(event)
  expect(loads).toHaveLength(1)
  expect(loads[0]).toMatchObject({ layer: 1, members, dropped: 0 })
  expect(loads[0]!.entropy).toBeGreaterThan(0.98)
})

test('a key is in no file of a run and in nothing that is printed, also where the server repeats it', async () => {
  const canary = 'sk-canary-2f81c9e7'
  await using server = await startHostileServer({ key: canary })
  const runs = temporaryFolder()
  const script = join(import.meta.dirname, 'fixtures/mixture.ts')
  const agent = { model: { name: 'openai-compatible', url: server.url, model: 'm', keyVariable: 'CANARY_KEY' } }
  const args = [
    'run',
    script,
    '--runs',
    runs,
    '--set',
    `agents=${JSON.stringify({ a: agent })}`,
    '--set',
    'questions=3',
  ]
  const well = await mixlab(args, { env: { CANARY_KEY: canary } })
  expect(well.code, well.stderr).toBe(0)
  const wrong = 'sk-wrong-77aa31bc'
  const refused = await mixlab(args, { env: { CANARY_KEY: wrong } })
  expect(refused.code).toBe(2)
  const visible = [well, refused].map(({ stdout, stderr }) => stdout + stderr).join('') + everything(runs)
  expect(visible).toContain('CANARY_KEY')
  expect(visible).not.toContain(canary)
  expect(visible).not.toContain(wrong)
})
