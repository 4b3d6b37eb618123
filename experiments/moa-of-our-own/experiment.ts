// Does a mixture of small language models, each trained here on text of one kind, beat one model that was trained on
// everything, as long as all of them together? No network, no keys: the agents are checkpoints of this run, asked through the
// same topologies, scheduler and recording as any others.
import { armOf, compareArms } from '@mixlab/agent-evaluation'
import {
  type AnswersSummary,
  answerQuestions,
  type ChatModel,
  type Corpus,
  createTransformer,
  defineExperiment,
  loadCorpus,
  loadModel,
  mixtureConfig,
  moa,
  ownModel,
  type Question,
  type RunContext,
  type Topology,
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
  steps: z.number().int().min(1).default(800).describe('Optimizer steps of each specialist.'),
  questions: z.number().int().min(1).default(80).describe('Of each domain.'),
  threshold: z.number().min(0).max(1).default(0.7).describe('Confidence with which the cascade is content.'),
  model: withDefaults(transformerConfig, {
    layers: 2,
    heads: 4,
    width: 64,
    contextLength: 64,
    initializerRange: 0.1,
  }),
  training: withDefaults(trainingConfig, {
    batchSize: 8,
    learningRate: 0.01,
    schedule: { name: 'cosine', warmup: 30, minimum: 0.1 },
  }),
})
type Config = z.output<typeof config>

/** Bytes. Words that go on for longer are not asked. */
const longestReply = 12

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

interface Agents {
  /** In the order in which they were trained; the generalist is the last. */
  readonly names: readonly string[]
  readonly chat: Readonly<Record<string, ChatModel>>
  readonly readers: ReadonlyMap<string, PromptReader>
}

/** Trains a specialist of each domain and the generalist; a run that goes on loads those that it has. */
async function trainAgents(run: RunContext<Config>, corpus: Corpus, models: DisposableStack): Promise<Agents> {
  const { steps, model: shape, training } = run.config
  const names = [...corpus.domains, 'generalist']
  const chat: Record<string, ChatModel> = {}
  const readers = new Map<string, PromptReader>()
  for (const [index, name] of names.entries()) {
    const own = name === 'generalist' ? corpus : domainCorpus(corpus, name)
    const planned = { ...training, steps: name === 'generalist' ? steps * corpus.domains.length : steps }
    const options = { config: { model: shape, training: planned }, index, total: names.length }
    await run.child(`train-${name}`, options, (child) => trainOne(child, own, child.config))
    const { model, tokenizer } = await loadModel(run.directory.file(`children/train-${name}`), run)
    models.use(model)
    chat[name] = await ownModel({ name, model, tokenizer })
    readers.set(name, { model, encode: (text) => tokenizer.encode(text) })
  }
  return { names, chat, readers }
}

/** Who answers, and how several answers become one. */
function arms(specialists: readonly string[], threshold: number): readonly Topology[] {
  const { cascade, propose, route, topology, vote } = moa
  const tiers = [...specialists, 'generalist'].map((agent) => ({ agent, threshold }))
  return [
    topology('generalist', propose(['generalist'])),
    ...specialists.map((name) => topology(name, propose([name]))),
    topology('vote', propose(specialists), vote()),
    topology('likeliest', likeliest(specialists)),
    topology('cascade', cascade(tiers, { by: 'log-probability' })),
    topology('perplexity', route(specialists, { router: 'perplexity' })),
    topology('domain', route(specialists, { router: 'domain' })),
  ]
}

/** Answers all questions in one way. */
async function ask(
  run: RunContext,
  topology: Topology,
  questions: readonly Question[],
  { names, chat, readers }: Agents,
): Promise<AnswersSummary> {
  const agent = { model: 'mixlab', temperature: 0, maxTokens: longestReply }
  return answerQuestions(run, {
    questions,
    config: mixtureConfig.parse({
      agents: Object.fromEntries(names.map((name) => [name, agent])),
      graders: ['word'],
    }),
    models: chat,
    topology,
    routers: { perplexity: perplexityRouter(readers), domain: domainRouter },
  })
}

const percent = (share: number): string => (100 * share).toFixed(1).padStart(5)

export default defineExperiment({
  name: 'moa-of-our-own',
  summary: 'Specialists trained here, alone and as mixtures, against a generalist of their total training',
  config,
  plugins: [wordGrader],

  async run(run) {
    const { questions: count, threshold, model } = run.config
    const corpus = await loadCorpus({ data: 'default', validationFraction: 0.2 })
    using models = new DisposableStack()
    const agents = await trainAgents(run, corpus, models)
    const questions = corpus.domains.flatMap((name) =>
      wordQuestions(domainCorpus(corpus, name), name, {
        count,
        passage: model.contextLength - longestReply,
        rng: run.rng.stream(`questions/${name}`),
      }),
    )
    const results = []
    const all = arms(corpus.domains, threshold)
    // Specialists and the generalist.
    const trained = corpus.domains.length + 1
    for (const [index, topology] of all.entries()) {
      const { name } = topology
      const options = { config: { arm: name }, index: trained + index, total: trained + all.length }
      const { calls } = await run.child(name, options, (child) => ask(child, topology, questions, agents))
      results.push({ calls, arm: armOf(name, await moa.readGrades(run.directory.file(`children/${name}`))) })
    }
    const comparison = compareArms(
      results.map(({ arm }) => arm),
      { rng: run.rng.stream('comparison'), baseline: 'generalist' },
    )
    for (const [index, { name, mean, interval, unparseable }] of comparison.arms.entries()) {
      const calls = (results[index]!.calls / questions.length).toFixed(1)
      run.emit('note', {
        message: `${name.padEnd(12)} ${percent(mean)} %  (${percent(interval.low)} to ${percent(interval.high)})  ${calls} calls a question, ${unparseable} replies without a word`,
      })
    }
    for (const { text } of comparison.pairs) run.emit('note', { message: text })
    return {
      questions: questions.length,
      accuracy: Object.fromEntries(comparison.arms.map(({ name, mean }) => [name, mean])),
      findings: comparison.pairs.map(({ text }) => text),
    }
  },
})
