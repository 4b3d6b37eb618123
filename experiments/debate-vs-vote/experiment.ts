// Does debate add anything to voting? First with scripted agents, whose votes and debates have closed forms; then, where a
// server is named, with language models on questions of one's own, at equal numbers of calls.
import {
  answerQuestions,
  type AnswersSummary,
  defineExperiment,
  mixtureConfig,
  questionFileConfig,
  type Question,
  readQuestions,
  type RunContext,
  scriptedAnswers,
  scriptedModel,
  withDefaults,
  z,
} from 'mixlab'
import { debateAccuracy, voteAccuracy } from './closed-forms.ts'

const share = z.number().min(0).max(1)

const config = z.strictObject({
  agents: z
    .int()
    .min(3)
    .max(9)
    .refine((count) => count % 2 === 1, 'expected an odd number: a vote of two against two has no majority')
    .default(3)
    .describe('In a vote or a debate.'),
  questions: z.int().min(1).default(1000).describe('For scripted agents.'),
  settings: z
    .array(
      z.strictObject({
        accuracy: share.describe('Of one agent.'),
        correlation: share.default(0).describe('Probability of following the common draw.'),
        sycophancy: share.default(0).describe('Probability of saying what most others said.'),
      }),
    )
    .default([
      { accuracy: 0.65, correlation: 0, sycophancy: 0 },
      { accuracy: 0.65, correlation: 0, sycophancy: 0.5 },
      { accuracy: 0.65, correlation: 0, sycophancy: 1 },
      { accuracy: 0.65, correlation: 0.6, sycophancy: 0.5 },
    ]),
  live: z
    .strictObject({
      url: z.string().describe('An OpenAI-compatible server, e.g. http://localhost:8000/v1.'),
      model: z.string(),
      keyVariable: z.string().optional().describe('The environment variable that holds its key.'),
      temperature: z.number().min(0).default(0.7),
      maxTokens: z.int().min(1).default(512),
      questions: withDefaults(questionFileConfig, { path: 'gsm8k/test.jsonl', sample: 100 }),
      grader: z.string().default('gsm8k'),
      concurrency: z.int().min(1).default(8),
    })
    .optional()
    .describe('With language models, too.'),
})
type Config = z.output<typeof config>
type Setting = Config['settings'][number]

/** By name: a topology, and the number of calls of a question. */
const arms = (agents: number) =>
  ({
    single: { topology: { name: 'single', agent: 'agent' }, calls: 1 },
    vote: { topology: { name: 'self-consistency', agent: 'agent', samples: agents }, calls: agents },
    debate: {
      topology: { name: 'debate', agents: Array.from({ length: agents }, () => 'agent'), rounds: 2 },
      calls: 2 * agents,
    },
    'vote-at-equal-calls': {
      topology: { name: 'self-consistency', agent: 'agent', samples: 2 * agents },
      calls: 2 * agents,
    },
  }) as const
type Arm = keyof ReturnType<typeof arms>

const closedForm: Record<Arm, (setting: Setting, count: number) => number> = {
  single: ({ accuracy }) => accuracy,
  vote: (setting, count) => voteAccuracy({ ...setting, count }),
  debate: (setting, count) => debateAccuracy({ ...setting, count }),
  'vote-at-equal-calls': (setting, count) => voteAccuracy({ ...setting, count: 2 * count }),
}

const sums = (count: number): Question[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `sum-${n}`,
    text: `How much is ${17 * n + 3} + ${5 * n + 11}?`,
    answer: String(22 * n + 14),
  }))

const accuracyOf = ({ graders }: AnswersSummary): number => Object.values(graders)[0]!.accuracy

const percent = (value: number): string => (100 * value).toFixed(1).padStart(5)

/** One setting of scripted agents, every arm; a line for each. */
async function scripted(run: RunContext<Config>, setting: Setting, index: number): Promise<Record<string, object>> {
  const { agents: count, questions: size, settings } = run.config
  const questions = sums(size)
  const { accuracy, correlation, sycophancy } = setting
  const model = scriptedModel({
    name: `p${accuracy}-r${correlation}-s${sycophancy}`,
    text: scriptedAnswers({ questions, accuracy, correlation, sycophancy }),
    seed: run.seed,
  })
  const results: Record<string, object> = {}
  const label = `p=${accuracy} ρ=${correlation} s=${sycophancy}`
  const all = Object.entries(arms(count))
  for (const [place, [arm, { topology, calls }]] of all.entries()) {
    const options = {
      config: { ...setting, arm, topology },
      index: index * all.length + place,
      total: settings.length * all.length,
    }
    const summary = await run.child(`setting-${index + 1}-${arm}`, options, (child) =>
      answerQuestions(child, {
        questions,
        models: { agent: model },
        config: mixtureConfig.parse({
          agents: { agent: { model: 'scripted' } },
          topology,
          graders: ['gsm8k'],
          calling: { concurrency: 256 },
        }),
      }),
    )
    const exact = closedForm[arm as Arm](setting, count)
    const measured = accuracyOf(summary)
    const deviations = (measured - exact) / Math.sqrt((exact * (1 - exact)) / size || Infinity)
    results[arm] = { calls, measured, exact, deviations }
    run.emit('note', {
      message: `${label.padEnd(22)}  ${arm.padEnd(20)} ${String(calls).padStart(2)} calls  ${percent(measured)} %  exactly ${percent(exact)} %  (${deviations >= 0 ? '+' : ''}${deviations.toFixed(1)} standard errors)`,
    })
  }
  return { [label]: results }
}

/** The same arms with language models. */
async function live(run: RunContext<Config>, { questions: file, ...server }: NonNullable<Config['live']>) {
  const { questions, warnings } = await readQuestions(file)
  for (const message of warnings) run.emit('warning', { message })
  const { url, model, keyVariable, temperature, maxTokens, grader, concurrency } = server
  const agent = {
    model: { name: 'openai-compatible', url, model, ...(keyVariable !== undefined && { keyVariable }) },
    temperature,
    maxTokens,
  }
  const results: Record<string, object> = {}
  const all = Object.entries(arms(run.config.agents))
  for (const [index, [arm, { topology, calls }]] of all.entries()) {
    const options = { config: { arm, topology, ...server }, index, total: all.length }
    const summary = await run.child(`live-${arm}`, options, (child) =>
      answerQuestions(child, {
        questions,
        config: mixtureConfig.parse({ agents: { agent }, topology, graders: [grader], calling: { concurrency } }),
      }),
    )
    results[arm] = { calls, measured: accuracyOf(summary) }
  }
  return results
}

export default defineExperiment({
  name: 'debate-vs-vote',
  summary: 'Does debate add anything to voting, at equal calls?',
  engine: 'none',
  config,
  async run(run) {
    const results: Record<string, object> = {}
    for (const [index, setting] of run.config.settings.entries())
      Object.assign(results, await scripted(run, setting, index))
    return { scripted: results, ...(run.config.live && { live: await live(run, run.config.live) }) }
  },
})
