// Answers a data set with a mixture of agents: agents, topology, graders and the recording are made from the run, questions
// go through several at once, and what came of them is written in their order. A run that goes on, or is replayed, does the
// same work again with the calls that are in its recording; nothing else is kept between.
import { CALLS, interrupted, MixlabError, type PluginReference, type RunContext, routingEvent } from '@mixlab/core'
import { type Agent, type AgentContext, type Secrets, secretsFrom } from './agent.ts'
import type { AgentRouter } from './agent-router.ts'
import { answerQuestion } from './answer-question.ts'
import { AnswerStatistics, type AnswersSummary } from './answer-statistics.ts'
import { createCaller } from './caller.ts'
import type { ChatModel } from './chat-model.ts'
import type { Grade, Grader, GraderInput, QuestionGrades } from './grader.ts'
import type { MixtureConfig } from './mixture-config.ts'
import { OrderedLines } from './ordered-lines.ts'
import { longestQuestion, planTopology } from './plan-topology.ts'
import { listPrices, loadPrices } from './prices.ts'
import type { Question } from './question.ts'
import { questionSet } from './question-file.ts'
import { Recording } from './recording.ts'
import { refuseMistakes } from './refuse-mistakes.ts'
import type { QuestionResult } from './result.ts'
import type { Topology } from './topology.ts'
import { validateTopology } from './validate-topology.ts'

/** What of a run's context answering needs. */
export type AnswerRun = Pick<
  RunContext,
  'id' | 'plugins' | 'directory' | 'rng' | 'emit' | 'ready' | 'signal' | 'resolve'
>

export interface AnswerOptions {
  readonly questions: readonly Question[]
  readonly config: MixtureConfig
  /** Models that the script made, by the agent's name, in place of those that the configuration says. */
  readonly models?: Readonly<Record<string, ChatModel>>
  /** A topology that the script made, in place of the one that the configuration names. */
  readonly topology?: Topology
  /** Routers that the topology's steps name. */
  readonly routers?: Readonly<Record<string, AgentRouter>>
}

/** How many questions may be ahead of the first that is not answered yet: their results wait in memory. */
const AHEAD = 8

/**
 * Writes `topology.json`, `answers.jsonl` (a `QuestionResult` a line) and `grades.jsonl` (`QuestionGrades`) into the run's
 * directory.
 * @throws MixlabError on a configuration that cannot work, before the first call; interrupted() after Ctrl-C; what a replay
 * that diverges throws
 */
export async function answerQuestions(run: AnswerRun, options: AnswerOptions): Promise<AnswersSummary> {
  const { config } = options
  const { questions, hash, warnings } = questionSet(options.questions)
  for (const message of warnings) run.emit('warning', { message })
  const place = run.resolve(CALLS)
  // A replay needs no keys.
  const secrets = place.mode === 'replay' ? noSecrets : secretsFrom(process.env)
  const names = Object.keys(config.agents)
  const rng = run.rng.stream('topology')
  const topology = options.topology ?? run.plugins.create('topology', config.topology, { agents: names, rng })
  validateTopology(topology, names)
  const graders = gradersOf(run, config.graders)
  const prices = config.calling.prices === undefined ? listPrices : await loadPrices(config.calling.prices)
  await using agents = await createAgents(run, options, secrets)
  using recording = new Recording(place.path, {
    access: place.mode === 'replay' ? 'read' : 'write',
    secrets: secrets.handedOut,
  })
  // An arm's name is the same in a replay; the run's own id is not.
  const scope = [place.owner, ...run.id.split('/').slice(1)].join('/')
  await using caller = createCaller({
    agents: agents.table,
    signal: run.signal,
    emit: run.emit,
    recording,
    mode: place.mode,
    failures: place.keepFailures ? 'reuse' : 'retry',
    scope,
    retries: config.calling.retries,
    deadlines: config.calling.timeouts,
    concurrency: config.calling.concurrency,
    graceSeconds: config.calling.graceSeconds,
    ...(config.calling.budget && { budget: config.calling.budget, spent: recording.spentByRun(scope) }),
    prices,
    secrets: secrets.handedOut,
    rng: run.rng.stream('calls'),
  })
  const plan = planTopology(topology, {
    agents: config.agents,
    questionTokens: longestQuestion(questions),
    prices: (agent) => {
      const { provider, model } = caller.identity(agent)
      return config.agents[agent]?.price ?? prices.find(provider, model)
    },
  })
  await run.directory.write(
    'topology.json',
    `${JSON.stringify({ ...described(topology), plan, questions: { count: questions.length, hash } }, undefined, 1)}\n`,
  )
  run.emit('questions.started', {
    topology: topology.name,
    questions: questions.length,
    agents: names,
    calls: plan.calls,
    ...(plan.price && {
      priceBound: { amount: plan.price.amount * questions.length, currency: plan.price.currency },
    }),
  })
  await using answers = await OrderedLines.open(run.directory.file('answers.jsonl'))
  await using grades = await OrderedLines.open(run.directory.file('grades.jsonl'))
  const statistics = new AnswerStatistics(topology, Object.keys(graders), questions.length)
  const judge = Object.values(graders)[0]

  const call = refuseMistakes(caller.call)

  async function answer(index: number): Promise<void> {
    const question = questions[index]!
    const result = await answerQuestion({
      topology,
      question,
      index,
      call,
      identity: (agent) => caller.identity(agent),
      agents: config.agents,
      parse: (text) => judge?.parse?.(text, question),
      router: (name) => routerOf(options.routers, name),
      rng: run.rng.stream(`questions/${question.id}`),
      signal: run.signal,
      ...(config.questionSeconds !== undefined && { deadlineMs: 1000 * config.questionSeconds }),
    })
    const graded = await gradesOf(graders, question, result, { call, agents: config.agents })
    statistics.add(result, graded)
    run.emit('question.answered', statistics.progress(result, graded))
    await Promise.all([answers.add(index, result), grades.add(index, graded)])
    await run.ready()
  }

  await inOrder(questions.length, config.concurrency, run.signal, () => answers.written, answer)
  await answers.finish()
  await grades.finish()
  for (const layer of statistics.loads()) run.emit('mixture.routing', routingEvent(questions.length, layer))
  const summary = statistics.summary()
  for (const [evaluator, metrics] of Object.entries(statistics.metrics()))
    run.emit('eval.result', { step: questions.length, evaluator, metrics })
  return summary
}

/**
 * Calls `work` for each index, `width` at once, starting them in order and no further than a bounded way ahead of the first
 * that is not done. The first failure ends it, when those under way have ended.
 */
async function inOrder(
  count: number,
  width: number,
  signal: AbortSignal,
  done: () => number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }
  async function worker(): Promise<void> {
    while (next < count && !failure && !signal.aborted) {
      if (next - done() >= AHEAD * width) {
        await new Promise<void>((resolve) => waiting.add(resolve))
        continue
      }
      try {
        await work(next++)
      } catch (error) {
        failure ??= { error }
      }
      wake()
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker))
  if (failure) throw failure.error
  if (signal.aborted) throw interrupted()
}

const noSecrets: Secrets = { handedOut: new Set(), secret: () => 'not needed to replay' }

interface Agents extends AsyncDisposable {
  readonly table: ReadonlyMap<string, Agent>
}

/** Models of the script's own are not disposed: the script made them. */
async function createAgents(
  run: AnswerRun,
  { config, models = {} }: AnswerOptions,
  context: AgentContext,
): Promise<Agents> {
  const table = new Map<string, Agent>()
  const made: ChatModel[] = []
  const dispose = async (): Promise<void> => {
    for (const model of made) await model[Symbol.asyncDispose]?.()
  }
  try {
    for (const [name, agent] of Object.entries(config.agents)) {
      const own = models[name]
      const model =
        own ?? (await run.plugins.create('agent', agent.model, { ...context, rng: run.rng.stream(`agents/${name}`) }))
      if (!own) made.push(model)
      table.set(name, { name, config: agent, model })
    }
  } catch (error) {
    await dispose()
    throw error
  }
  return { table, [Symbol.asyncDispose]: dispose }
}

function gradersOf(run: AnswerRun, references: readonly PluginReference[]): Record<string, Grader> {
  return Object.fromEntries(
    references.map((reference) => {
      const name = typeof reference === 'string' ? reference : reference.name
      return [name, run.plugins.create('grader', reference, { rng: run.rng.stream(`graders/${name}`) })]
    }),
  )
}

function routerOf(routers: AnswerOptions['routers'], name: string): AgentRouter {
  const router = routers?.[name]
  if (router) return router
  const known = Object.keys(routers ?? {})
  throw new MixlabError(
    `the topology asks for a router "${name}", and ${known.length === 0 ? 'the experiment has none' : `there are ${known.join(', ')}`}: give it to answerQuestions in \`routers\``,
  )
}

const wrong: Grade = { score: 0, correct: false }

async function gradesOf(
  graders: Readonly<Record<string, Grader>>,
  question: Question,
  result: QuestionResult,
  calling: Pick<GraderInput, 'call' | 'agents'>,
): Promise<QuestionGrades> {
  const grades: Record<string, Grade> = {}
  for (const [name, grader] of Object.entries(graders))
    grades[name] = result.answer === null ? wrong : await grader.grade({ question, answer: result.answer, ...calling })
  const first = Object.values(graders)[0]
  const steps: Record<string, Grade[]> = {}
  // Only graders that parse ask no model.
  if (first?.parse)
    for (const step of result.steps) {
      steps[step.id] = []
      for (const { text } of step.answers)
        steps[step.id]!.push(await first.grade({ question, answer: text, ...calling }))
    }
  return {
    index: result.index,
    question: question.id,
    text: question.text,
    ...(question.answer !== undefined && { reference: question.answer }),
    ...(question.group !== undefined && { group: question.group }),
    grades,
    steps,
  }
}

const described = ({ name, steps, output, layers }: Topology) => ({
  name,
  output,
  steps: steps.map(({ id, kind, layer, agents, from, gates }) => ({
    id,
    kind,
    layer,
    agents,
    from,
    ...(gates && { gates }),
  })),
  ...(layers && { layers }),
})
