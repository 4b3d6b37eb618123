// Writes a run directory as mixtures of agents leave it: arms as children, each with `answers.jsonl`, `grades.jsonl`,
// `topology.json` and events. Topologies are run for real; the models are scripted: right with a given probability that
// grows with the right answers in view, padded with words, at drawn times and given prices. The same every time.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  aggregate,
  answerQuestion,
  type Call,
  type CallOutcome,
  type FailureKind,
  type Grade,
  propose,
  type Question,
  type QuestionGrades,
  type QuestionResult,
  sample,
  type Step,
  type Topology,
  topology,
  vote,
  withPolicy,
} from '@mixlab/agents'
import { RandomStream, toJson } from '@mixlab/core'
import { writeRun } from '../synthetic-run.ts'

export interface ScriptedAgent {
  readonly accuracy: number
  /** Money for a million tokens, in and out; absent: unknown. */
  readonly price?: readonly [input: number, output: number]
  /** Probability that a call fails for good. */
  readonly failing?: number
  readonly msPerToken?: number
  readonly warnings?: readonly string[]
}

export interface ScriptedArm {
  readonly name: string
  readonly topology: Topology
  readonly seed?: number
  /** Name of the router, where the topology has one. */
  readonly router?: string
}

export interface ScriptedOptions {
  readonly arms: readonly ScriptedArm[]
  readonly agents: Readonly<Record<string, ScriptedAgent>>
  readonly questions: number
  /** Words of a reply. */
  readonly words?: number
  /** Comes first in a reply. */
  readonly says?: string
  /** Comes first in a question. */
  readonly asks?: string
  /** Without grades of the answers on the way. */
  readonly finalGradesOnly?: boolean
  readonly groups?: number
}

const policy = { quorum: 1, below: 'degrade' } as const

/** `layers` counts the aggregator's. */
export const mixture = (
  name: string,
  layers: number,
  proposers: readonly string[],
  aggregator: string,
): ScriptedArm => ({
  name,
  topology: withPolicy(
    topology(name, ...Array.from({ length: layers - 1 }, () => propose(proposers)), aggregate(aggregator)),
    policy,
  ),
})

export const single = (name: string, agent: string): ScriptedArm => ({
  name,
  topology: topology(name, propose([agent])),
})

export const voting = (name: string, agent: string, count: number): ScriptedArm => ({
  name,
  topology: withPolicy(topology(name, sample(agent, count), vote()), policy),
})

/** One of the agents by the question's own random numbers, the first three times in four. */
export function routed(name: string, router: string, agents: readonly string[]): ScriptedArm {
  const step: Step = {
    id: 'layer-1/route',
    kind: 'route',
    layer: 1,
    agents,
    from: [],
    plan: () => ({ calls: [], answers: { count: 1, tokens: 100 } }),
    async run({ question, rng, call }) {
      const agent = rng.uniform() < 0.75 ? agents[0]! : agents.at(-1)!
      const outcome = await call({ agent, messages: [{ role: 'user', content: question.text }] })
      return {
        answers: outcome.ok ? [{ text: outcome.reply.text, agent, call: outcome.call.id }] : [],
        decision: { router, chosen: agent },
      }
    },
  }
  return { name, router, topology: { name, steps: [step], output: step.id } }
}

const vocabulary =
  'we first count the boxes that each shelf holds then multiply by how many shelves there are which gives a number of items and from that we take away what was sold so that what remains is left over for next week divided evenly among friends who bring twice as much money each day'.split(
    ' ',
  )

const parse = (text: string): string | undefined => /#### (-?\d+)/.exec(text)?.[1]
const tokensOf = (text: string): number => Math.ceil(text.length / 4)

const referenceOf = (index: number): string => String(7 + ((index * 37) % 900))

export const questionAt = (
  index: number,
  { asks = '', groups }: Pick<ScriptedOptions, 'asks' | 'groups'>,
): Question => ({
  id: `gsm8k-${String(index).padStart(4, '0')}`,
  text: `${asks}A warehouse has ${3 + (index % 11)} shelves with ${10 + (index % 17)} boxes on each; some were sold. How many items are left over in case ${index}?`,
  answer: referenceOf(index),
  ...(groups !== undefined && { group: `topic ${index % groups}` }),
})

function gradeOf(text: string, reference: string): Grade {
  const parsed = parse(text)
  const correct = parsed === reference
  return { score: correct ? 1 : 0, correct, ...(parsed === undefined ? { unparseable: true } : { parsed }) }
}

/** What the scripted model makes of a call. */
function outcomeOf(call: Call, behaviour: ScriptedAgent, reference: string, options: ScriptedOptions): CallOutcome {
  const random = new RandomStream(7).stream(`${call.agent}/${call.question}/${call.layer}/${call.sample}`)
  const prompt = call.request.messages.map(({ content }) => content).join('\n')
  const seen = [...prompt.matchAll(/#### (-?\d+)/g)].map((match) => match[1])
  const rights = seen.filter((number) => number === reference).length
  const chance =
    seen.length === 0
      ? behaviour.accuracy
      : Math.min(0.97, 0.25 * behaviour.accuracy + (0.75 * rights) / seen.length + (rights > 0 ? 0.08 : 0))
  const value = random.uniform() < chance ? reference : String(Number(reference) + 1 + random.integer(12))
  const body = Array.from({ length: options.words ?? 60 }, () => vocabulary[random.integer(vocabulary.length)]!)
  const text = `${options.says ?? ''}${body.join(' ')}.\n${random.uniform() < 0.03 ? 'I cannot say.' : `#### ${value}`}`
  const failed = random.uniform() < (behaviour.failing ?? 0)
  const inputTokens = tokensOf(prompt)
  const outputTokens = failed ? 0 : tokensOf(text)
  const cachedInputTokens = failed || random.uniform() < 0.7 ? 0 : Math.floor(inputTokens / 2)
  const firstTokenMs = 80 + random.integer(200)
  const durationMs = failed
    ? 1500
    : firstTokenMs + Math.round(outputTokens * (behaviour.msPerToken ?? 8) * (0.8 + 0.4 * random.uniform()))
  const [priceIn = 0, priceOut = 0] = behaviour.price ?? []
  const money = (cached: number): number => (cached * priceIn + outputTokens * priceOut) / 1e6
  const record = {
    call,
    provider: 'scripted',
    model: call.agent,
    key: `${call.agent}-${call.sample}-${tokensOf(prompt)}`,
    attempts: failed ? 4 : 1,
    replayed: false,
    timing: { queuedMs: 2, ...(!failed && { firstTokenMs }), durationMs, totalMs: durationMs + 2 },
    cost: {
      inputTokens,
      cachedInputTokens,
      outputTokens,
      reasoningTokens: 0,
      estimated: false,
      ...(behaviour.price && {
        billed: failed ? 0 : money(inputTokens - cachedInputTokens / 2),
        logical: failed ? 0 : money(inputTokens),
        currency: 'USD',
      }),
    },
  }
  const kind: FailureKind = random.uniform() < 0.5 ? 'timeout' : 'rate-limit'
  if (failed)
    return {
      ...record,
      ok: false,
      failure: { kind, message: kind === 'timeout' ? 'no first piece within 1.5 s' : '429 after 4 tries' },
    }
  return { ...record, ok: true, reply: { text, finishReason: 'stop', usage: {}, warnings: behaviour.warnings ?? [] } }
}

export async function scriptedAnswer(
  arm: ScriptedArm,
  index: number,
  options: ScriptedOptions,
): Promise<{ result: QuestionResult; graded: QuestionGrades }> {
  const question = questionAt(index, options)
  const reference = question.answer!
  const result = await answerQuestion({
    topology: arm.topology,
    question,
    index,
    call: (call) => Promise.resolve(outcomeOf(call, options.agents[call.agent]!, reference, options)),
    identity: (agent) => ({ provider: 'scripted', model: agent }),
    agents: {},
    parse,
    rng: new RandomStream(arm.seed ?? 1),
    signal: new AbortController().signal,
  })
  const unanswered: Grade = { score: 0, correct: false, unparseable: true }
  const graded: QuestionGrades = {
    index,
    question: question.id,
    text: question.text,
    reference,
    ...(question.group !== undefined && { group: question.group }),
    grades: { gsm8k: result.answer === null ? unanswered : gradeOf(result.answer, reference) },
    ...(options.finalGradesOnly !== true && {
      steps: Object.fromEntries(
        result.steps.map(({ id, answers }) => [id, answers.map(({ text }) => gradeOf(text, reference))]),
      ),
    }),
  }
  return { result, graded }
}

/** Of a router's choices so far, every fifth question. */
function routingEvents(router: string, agents: readonly string[], results: readonly QuestionResult[]) {
  const counts = agents.map(() => 0)
  return results.flatMap(({ steps }, i) => {
    counts[agents.indexOf(String(steps[0]!.decision?.['chosen']))]!++
    if ((i + 1) % 5 !== 0) return []
    const load = counts.map((count) => count / (i + 1))
    const entropy = -load.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0) / Math.log(agents.length)
    const maxViolation = Math.max(...load) * agents.length - 1
    return [
      {
        type: 'mixture.routing' as const,
        time: start + i,
        step: i + 1,
        layer: 1,
        router,
        members: agents,
        load,
        entropy,
        maxViolation,
        dropped: 0,
      },
    ]
  })
}

const start = Date.UTC(2026, 10, 30, 9, 0, 0)

export async function writeAgentRun(path: string, options: ScriptedOptions): Promise<void> {
  const { arms, questions } = options
  const id = '20261130-090000-a9e7'
  await writeRun(
    path,
    {
      id,
      experiment: 'moa-layers',
      script: 'experiments/moa-layers/experiment.ts',
      command: ['mixlab', 'run', 'experiments/moa-layers'],
      summary: 'What do layers and proposers of a mixture of agents add?',
      seed: 1,
      config: { questions },
    },
    [],
  )
  for (const [place, arm] of arms.entries()) {
    const seed = arm.seed ?? 1
    const name = arm.seed === undefined ? arm.name : `${arm.name}-seed-${seed}`
    const folder = join(path, 'children', name.replaceAll(/[^\w.-]/g, '_'))
    const answered = []
    for (let index = 0; index < questions; index++) answered.push(await scriptedAnswer(arm, index, options))
    const { steps, output } = arm.topology
    const agents = [...new Set(steps.flatMap((step) => step.agents))]
    const calls = steps.filter((step) => step.agents.length > 0).length
    await writeRun(
      folder,
      {
        id: name,
        name,
        experiment: 'moa-layers',
        seed,
        parent: id,
        index: place,
        total: arms.length,
        config: { topology: { name: arm.name }, seed },
      },
      [
        {
          type: 'questions.started',
          time: start,
          topology: arm.name,
          questions,
          agents,
          calls: { min: calls, max: calls },
        },
        ...(arm.router === undefined
          ? []
          : routingEvents(
              arm.router,
              agents,
              answered.map(({ result }) => result),
            )),
      ],
    )
    const lines = (all: readonly unknown[]): string => all.map((one) => `${toJson(one)}\n`).join('')
    await writeFile(join(folder, 'answers.jsonl'), lines(answered.map(({ result }) => result)))
    await writeFile(join(folder, 'grades.jsonl'), lines(answered.map(({ graded }) => graded)))
    const drawn = steps.map((step) => ({
      id: step.id,
      kind: step.kind,
      layer: step.layer,
      agents: step.agents,
      from: step.from,
    }))
    await writeFile(
      join(folder, 'topology.json'),
      toJson({ name: arm.name, steps: drawn, output, plan: { calls: { min: calls, max: calls } } }, 2),
    )
  }
}

const weak = ['weak-a', 'weak-b', 'weak-c', 'weak-a', 'weak-b', 'weak-c']

/** What the pictures are looked at with. */
export const example: ScriptedOptions = {
  agents: {
    'weak-a': { accuracy: 0.55, price: [0.15, 0.6], failing: 0.03 },
    'weak-b': { accuracy: 0.5, price: [0.2, 0.8], msPerToken: 11 },
    'weak-c': { accuracy: 0.6, price: [0.1, 0.5], failing: 0.01, warnings: ['the server ignores the seed'] },
    strong: { accuracy: 0.78, price: [2.5, 10], msPerToken: 14 },
  },
  arms: [
    single('single', 'strong'),
    voting('self-consistency', 'weak-c', 5),
    mixture('moa-lite', 2, weak, 'strong'),
    mixture('moa', 3, weak, 'strong'),
    routed('route', 'top-k', ['weak-c', 'strong']),
  ],
  questions: 200,
  groups: 40,
}
