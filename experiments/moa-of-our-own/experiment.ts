// Does a mixture of small language models, each trained here on text of one kind, beat one model that was trained as long as
// all of them on everything? No network, no keys: the agents are our own checkpoints, asked through the same topologies,
// scheduler and recording as any others.
import { readFileSync } from 'node:fs'
import { loadModel, ownModel } from '@mixlab/agent-models'
import {
  type AnswersSummary,
  answerQuestions,
  type ChatModel,
  mixtureConfig,
  propose,
  type QuestionGrades,
  type Topology,
  topology,
  vote,
} from '@mixlab/agents'
import { armOf, compareArms } from '@mixlab/agent-evaluation'
import {
  type Corpus,
  createTransformer,
  defineExperiment,
  loadCorpus,
  type RunContext,
  train,
  trainingConfig,
  transformerConfig,
  withDefaults,
  z,
} from 'mixlab'
import { domainCorpus } from './domain-corpus.ts'
import { likeliest } from './likeliest.ts'
import { domainRouter, perplexityRouter, type PromptReader } from './perplexity-router.ts'
import { wordGrader, wordQuestions } from './questions.ts'

const config = z.strictObject({
  steps: z.number().int().min(1).default(400).describe('Optimizer steps of each specialist.'),
  questions: z.number().int().min(1).default(80).describe('Of each domain.'),
  threshold: z.number().min(0).max(1).default(0.6).describe('Confidence with which the cascade is content.'),
  model: withDefaults(transformerConfig, { layers: 2, heads: 4, width: 64, contextLength: 128 }),
  training: withDefaults(trainingConfig, {
    batchSize: 8,
    learningRate: 5e-3,
    schedule: { name: 'cosine', warmup: 30, minimum: 0.1 },
  }),
})
type Config = z.output<typeof config>

/** Trains one model; its checkpoint is what the agent is made of. */
async function trainOne(
  run: RunContext,
  corpus: Corpus,
  { model: shape, training }: Pick<Config, 'model' | 'training'>,
) {
  using model = createTransformer(shape, {
    vocabulary: corpus.tokenizer.size,
    rng: run.rng.stream('init'),
    plugins: run.plugins,
  })
  return { ...(await train(run, { model, corpus, config: training })) }
}

/** Who answers, by arm: agents and how their answers become one. */
const arms = (specialists: readonly string[], threshold: number): Record<string, Topology> => ({
  generalist: topology('generalist', propose(['generalist'])),
  ...Object.fromEntries(specialists.map((name) => [name, topology(name, propose([name]))])),
  vote: topology('vote', propose(specialists), vote()),
  likeliest: topology('likeliest', likeliest(specialists)),
})

export default defineExperiment({
  name: 'moa-of-our-own',
  summary: 'Specialists trained here, alone and as mixtures, against a generalist of their total training',
  config,
  plugins: [wordGrader],

  async run(run) {
    const { steps, questions: count, threshold, model: shape, training } = run.config
    const corpus = await loadCorpus({ data: 'default' })
    const specialists = corpus.domains
    using models = new DisposableStack()
    const chat: Record<string, ChatModel> = {}
    const readers = new Map<string, PromptReader>()
    const names = [...specialists, 'generalist']
    for (const [index, name] of names.entries()) {
      const own = name === 'generalist' ? corpus : domainCorpus(corpus, name)
      const planned = { ...training, steps: name === 'generalist' ? steps * specialists.length : steps }
      const options = { config: { model: shape, training: planned }, index, total: names.length }
      await run.child(`train-${name}`, options, (child) => trainOne(child, own, child.config))
      const { model, tokenizer } = await loadModel(run.directory.file(`children/train-${name}`), run)
      models.use(model)
      chat[name] = await ownModel({ name, model, tokenizer })
      readers.set(name, { model, encode: (text) => tokenizer.encode(text) })
    }

    const questions = specialists.flatMap((name) =>
      wordQuestions(domainCorpus(corpus, name), name, {
        count,
        passage: shape.contextLength - 32,
        rng: run.rng.stream(`questions/${name}`),
      }),
    )
    const agents = Object.fromEntries(names.map((name) => [name, { model: 'mixlab', temperature: 0, maxTokens: 12 }]))
    const routers = { perplexity: perplexityRouter(readers), domain: domainRouter }
    const accuracy: Record<string, number> = {}
    const scores = []
    const all = Object.entries(arms(specialists, threshold))
    for (const [index, [name, asked]] of all.entries()) {
      const options = { config: { arm: name }, index, total: all.length }
      const summary = await run.child(name, options, async (child): Promise<AnswersSummary> =>
        answerQuestions(child, {
          questions,
          config: mixtureConfig.parse({ agents, graders: ['word'], concurrency: 4 }),
          models: chat,
          topology: asked,
          routers,
        }),
      )
      accuracy[name] = summary.graders['word']!.accuracy
      const grades = readFileSync(run.directory.file(`children/${name}/grades.jsonl`), 'utf8')
        .trim()
        .split('\n')
      scores.push(
        armOf(
          name,
          grades.map((line) => JSON.parse(line) as QuestionGrades),
        ),
      )
    }
    const { pairs } = compareArms(scores, { rng: run.rng.stream('comparison'), baseline: 'generalist' })
    return { accuracy, findings: pairs.map(({ text }) => text) }
  },
})
