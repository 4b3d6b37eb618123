// Writes a run directory as mixtures of agents leave it: arms as children, each with `answers.jsonl`, `grades.jsonl`,
// `topology.json` and events. No model is asked: agents are right with a given probability, replies are padded with words,
// times and prices are drawn. The same every time.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallSummary, Cost, FailureKind, Grade, QuestionGrades, QuestionResult, StepResult } from '@mixlab/agents'
import { RandomStream, toJson } from '@mixlab/core'
import { writeRun } from '../synthetic-run.ts'

export interface ScriptedAgent {
  readonly accuracy: number
  /** Money for a million tokens, in and out; absent: unknown. */
  readonly price?: readonly [input: number, output: number]
  /** Probability that a call fails for good. */
  readonly failing?: number
  readonly msPerToken?: number
}

export interface ScriptedStep {
  readonly id: string
  readonly kind: StepResult['kind']
  readonly layer: number
  readonly agents: readonly string[]
  readonly from: readonly string[]
}

export interface ScriptedArm {
  readonly name: string
  readonly steps: readonly ScriptedStep[]
  /** Routes each question to one of the agents. */
  readonly router?: string
  readonly seed?: number
}

export interface ScriptedOptions {
  readonly arms: readonly ScriptedArm[]
  readonly agents: Readonly<Record<string, ScriptedAgent>>
  readonly questions: number
  /** Words of a reply. */
  readonly words?: number
  /** What is put before the text of reply `n` of question `q`. */
  readonly says?: (question: number, agent: string) => string
  readonly text?: (question: number) => string
  /** Without grades of the answers on the way. */
  readonly finalGradesOnly?: boolean
  readonly groups?: number
}

const propose = (layer: number, agents: readonly string[], from: readonly string[] = []): ScriptedStep[] =>
  agents.map((agent, i) => ({
    id: `layer-${layer}/proposer-${i + 1}`,
    kind: 'propose',
    layer,
    agents: [agent],
    from,
  }))

const ids = (steps: readonly ScriptedStep[]): string[] => steps.map(({ id }) => id)

/** `layers` counts the aggregator's. */
export function mixture(name: string, layers: number, proposers: readonly string[], aggregator: string): ScriptedArm {
  const steps: ScriptedStep[] = []
  let before: ScriptedStep[] = []
  for (let layer = 1; layer < layers; layer++) {
    before = propose(layer, proposers, ids(before))
    steps.push(...before)
  }
  steps.push({ id: 'aggregate', kind: 'aggregate', layer: layers, agents: [aggregator], from: ids(before) })
  return { name, steps }
}

export const single = (name: string, agent: string): ScriptedArm => ({ name, steps: propose(1, [agent]) })

export function voting(name: string, agents: readonly string[]): ScriptedArm {
  const steps = propose(1, agents)
  return { name, steps: [...steps, { id: 'vote', kind: 'vote', layer: 2, agents: [], from: ids(steps) }] }
}

const vocabulary =
  'we first count the boxes that each shelf holds then multiply by how many shelves there are which gives a number of items and from that we take away what was sold so that what remains is left over for next week divided evenly among friends who bring twice as much money each day'.split(
    ' ',
  )

const number = (text: string): string | undefined => /#### (-?\d+)/.exec(text)?.[1]
const tokensOf = (text: string): number => Math.ceil(text.length / 4)

export function scriptedQuestion(arm: ScriptedArm, index: number, options: ScriptedOptions, random: RandomStream) {
  const { agents, words = 60 } = options
  const id = `gsm8k-${String(index).padStart(4, '0')}`
  const reference = String(7 + ((index * 37) % 900))
  const text =
    options.text?.(index) ??
    `A warehouse has ${3 + (index % 11)} shelves with ${10 + (index % 17)} boxes on each; some were sold. How many items are left over in case ${index}?`
  const calls: CallSummary[] = []
  const steps: StepResult[] = []
  const grades: Record<string, Grade[]> = {}
  const ends = new Map<string, number>()
  const grade = (answer: string): Grade => {
    const parsed = number(answer)
    const correct = parsed === reference
    return { score: correct ? 1 : 0, correct, ...(parsed === undefined ? { unparseable: true } : { parsed }) }
  }
  const chosen =
    arm.router === undefined ? undefined : arm.steps[random.uniform() < 0.7 ? 0 : arm.steps.length - 1]?.agents[0]
  for (const step of arm.steps) {
    const seen = step.from.flatMap((from) => steps.find((one) => one.id === from)!.answers)
    const base = { id: step.id, kind: step.kind, layer: step.layer, saw: step.from }
    const start = Math.max(0, ...step.from.map((from) => ends.get(from) ?? 0))
    ends.set(step.id, start)
    if (step.kind === 'vote') {
      const votes = Map.groupBy(seen, (answer) => number(answer.text) ?? '')
      const [winner] = [...votes].toSorted((a, b) => b[1].length - a[1].length)
      const answers = winner ? [{ ...winner[1][0]!, score: winner[1].length / seen.length }] : []
      steps.push({
        ...base,
        answers,
        decision: { votes: Object.fromEntries([...votes].map(([answer, of]) => [answer, of.length])) },
      })
      grades[step.id] = answers.map((answer) => grade(answer.text))
      continue
    }
    const agent = step.agents[0]!
    if (chosen !== undefined && agent !== chosen) {
      steps.push({ ...base, answers: [], skipped: `the router chose ${chosen}` })
      continue
    }
    const behaviour = agents[agent]!
    const call = `${id}/${step.id}`
    const rights = seen.filter((answer) => number(answer.text) === reference).length
    const chance =
      seen.length === 0
        ? behaviour.accuracy
        : Math.min(0.98, 0.25 * behaviour.accuracy + (0.8 * rights) / seen.length + (rights > 0 ? 0.1 : 0))
    const draw = random.uniform()
    const value = draw < chance ? reference : String(Number(reference) + 1 + Math.floor(draw * 20))
    const body = Array.from({ length: words }, () => vocabulary[random.integer(vocabulary.length)]!).join(' ')
    const marks = random.uniform() < 0.03 ? 'I cannot say.' : `#### ${value}`
    const reply = `${options.says?.(index, agent) ?? ''}${body}.\n${marks}`
    const failed = random.uniform() < (behaviour.failing ?? 0)
    const system =
      seen.length === 0
        ? 'Answer with #### and the number.'
        : `You are given answers of several models to one question. Some may be wrong. Write the best answer you can.\n\nAnswers:\n${seen.map((answer, i) => `${i + 1}. ${answer.text}`).join('\n\n')}`
    const messages = [
      { role: 'system' as const, content: system },
      { role: 'user' as const, content: text },
    ]
    const inputTokens = tokensOf(system) + tokensOf(text)
    const outputTokens = failed ? 0 : tokensOf(reply)
    const [priceIn, priceOut] = behaviour.price ?? [0, 0]
    const logical = (inputTokens * priceIn + outputTokens * priceOut) / 1e6
    const cost: Cost = {
      inputTokens,
      cachedInputTokens: index % 4 === 0 ? Math.floor(inputTokens / 2) : 0,
      outputTokens,
      reasoningTokens: 0,
      estimated: false,
      ...(behaviour.price && { billed: failed ? 0 : logical * 0.8, logical: failed ? 0 : logical, currency: 'USD' }),
    }
    const firstTokenMs = 80 + Math.round(200 * random.uniform())
    const durationMs = failed
      ? 1500
      : firstTokenMs + Math.round(outputTokens * (behaviour.msPerToken ?? 8) * (0.8 + 0.4 * random.uniform()))
    const kind: FailureKind = random.uniform() < 0.5 ? 'timeout' : 'rate-limit'
    const failure = { kind, message: kind === 'timeout' ? 'no first piece within 1.5 s' : '429 after 4 tries' }
    ends.set(step.id, start + durationMs)
    calls.push({
      id: call,
      step: step.id,
      layer: step.layer,
      agent,
      key: `sha256:${String(index).padStart(4, '0')}${step.id.length}`,
      sample: 0,
      messages,
      ...(failed ? { failure } : { text: reply, finishReason: 'stop' as const }),
      warnings: agent === 'deaf' ? ['the server ignores the seed'] : [],
      attempts: failed ? 4 : 1,
      cost,
      timing: { queuedMs: 2, ...(!failed && { firstTokenMs }), durationMs, totalMs: durationMs + 2 },
    })
    steps.push({
      ...base,
      answers: failed ? [] : [{ text: reply, agent, call }],
      ...(failed && { missing: [{ agent, call, ...failure }] }),
    })
    grades[step.id] = failed ? [] : [grade(reply)]
  }
  const final = steps.findLast((step) => step.skipped === undefined)!
  const answer = final.answers[0]?.text ?? null
  const total = (pick: (cost: Cost) => number): number => calls.reduce((sum, { cost }) => sum + pick(cost), 0)
  const firstTokenMs = calls.at(-1)?.timing.firstTokenMs
  const result: QuestionResult = {
    index,
    question: id,
    answer,
    ...(answer === null && { failure: 'the last layer gave no answer' }),
    steps,
    calls,
    cost: {
      inputTokens: total((cost) => cost.inputTokens),
      cachedInputTokens: total((cost) => cost.cachedInputTokens),
      outputTokens: total((cost) => cost.outputTokens),
      reasoningTokens: 0,
      estimated: false,
    },
    timing: {
      criticalPathMs: ends.get(final.id)!,
      ...(firstTokenMs !== undefined && { firstTokenMs: ends.get(final.id)! - 300 }),
    },
  }
  const graded: QuestionGrades = {
    index,
    question: id,
    text,
    reference,
    ...(options.groups !== undefined && { group: `topic ${index % options.groups}` }),
    grades: { gsm8k: answer === null ? { score: 0, correct: false, unparseable: true } : grade(answer) },
    ...(options.finalGradesOnly !== true && { steps: grades }),
  }
  return { result, graded, chosen }
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
    const folder = join(path, 'children', name)
    const results = Array.from({ length: questions }, (_, index) =>
      scriptedQuestion(arm, index, options, new RandomStream(seed).stream(`${arm.name}/${index}`)),
    )
    const agents = [...new Set(arm.steps.flatMap((step) => step.agents))]
    const sums = agents.map(() => 0)
    const routing = results.flatMap(({ chosen }, i) => {
      if (chosen === undefined) return []
      sums[agents.indexOf(chosen)]!++
      const load = sums.map((sum) => sum / (i + 1))
      const entropy = -load.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0) / Math.log(agents.length)
      const maxViolation = Math.max(...load) * agents.length - 1
      return (i + 1) % 5 === 0
        ? [
            {
              type: 'mixture.routing' as const,
              time: start + i,
              step: i + 1,
              layer: 1,
              router: arm.router!,
              members: agents,
              load,
              entropy,
              maxViolation,
              dropped: 0,
            },
          ]
        : []
    })
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
          calls: { min: arm.steps.length, max: arm.steps.length },
        },
        ...results.map(({ result }) => ({
          type: 'question.answered' as const,
          time: start + result.index,
          index: result.index,
          question: result.question,
          answered: result.answer !== null,
          missing: 0,
          cost: result.cost,
          done: result.index + 1,
          total: questions,
        })),
        ...routing,
      ],
    )
    const lines = (all: readonly unknown[]): string => all.map((one) => `${toJson(one)}\n`).join('')
    await writeFile(join(folder, 'answers.jsonl'), lines(results.map(({ result }) => result)))
    await writeFile(join(folder, 'grades.jsonl'), lines(results.map(({ graded }) => graded)))
    const sent = arm.steps.filter((step) => step.agents.length > 0).length
    await writeFile(
      join(folder, 'topology.json'),
      toJson(
        { name: arm.name, steps: arm.steps, output: arm.steps.at(-1)!.id, plan: { calls: { min: sent, max: sent } } },
        2,
      ),
    )
  }
}

/** What the pictures are looked at with. */
export const example: ScriptedOptions = {
  agents: {
    'weak-a': { accuracy: 0.55, price: [0.15, 0.6], failing: 0.03 },
    'weak-b': { accuracy: 0.5, price: [0.2, 0.8], msPerToken: 11 },
    'weak-c': { accuracy: 0.6, price: [0.1, 0.5], failing: 0.01 },
    strong: { accuracy: 0.78, price: [2.5, 10], msPerToken: 14 },
  },
  arms: [
    single('single', 'strong'),
    voting('self-consistency', ['weak-c', 'weak-c', 'weak-c', 'weak-c', 'weak-c']),
    mixture('moa-lite', 2, ['weak-a', 'weak-b', 'weak-c', 'weak-a', 'weak-b', 'weak-c'], 'strong'),
    mixture('moa', 3, ['weak-a', 'weak-b', 'weak-c', 'weak-a', 'weak-b', 'weak-c'], 'strong'),
    {
      name: 'route',
      router: 'top-k',
      steps: [
        { id: 'route/weak-c', kind: 'route', layer: 1, agents: ['weak-c'], from: [] },
        { id: 'route/strong', kind: 'route', layer: 1, agents: ['strong'], from: [] },
      ],
    },
  ],
  questions: 200,
  groups: 8,
}
