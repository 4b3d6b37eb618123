// What the sections are made from: the arms that answered questions, their runs' tallies put together, scores by question,
// and the comparisons between arms.
import type { Arm } from '../arms.ts'
import { quantile } from '../curves.ts'
import { compareAll, type Comparisons } from './comparisons.ts'
import { type Interval, type Scored, scoreInterval } from './intervals.ts'
import { addLayer, layerOf, type LayerTally } from './layer-tally.ts'
import { addSpending, noSpending, type Spent } from './money.ts'
import type { DrawnTopology } from './run-files.ts'
import type { AnsweredQuestion, CallTally, FailureTally, StepTally, Tally } from './tally.ts'

export interface AgentArm {
  readonly arm: Arm
  /** One for each run that answered questions. */
  readonly tallies: readonly Tally[]
  readonly topology?: DrawnTopology
  /** Of all its runs. */
  readonly answers: readonly AnsweredQuestion[]
  readonly scores: readonly Scored[]
  readonly score?: Interval
  readonly spent: Spent
  readonly latency: Percentiles
  readonly firstToken?: Percentiles
  readonly failedCalls: number
  readonly missing: number
  readonly unanswered: number
  readonly steps: readonly StepTally[]
  readonly agents: ReadonlyMap<string, CallTally>
  readonly layers: readonly LayerTally[]
  readonly failures: readonly FailureTally[]
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly n: number
}

export interface AgentView {
  readonly arms: readonly AgentArm[]
  readonly comparisons: Comparisons
  /** The name of the first grader, where all arms have the same. */
  readonly grader?: string
}

export function percentiles(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), n: sorted.length }
}

/** Over an arm's runs: the mean score of each question. */
function scoresOf(answers: readonly AnsweredQuestion[]): Scored[] {
  const scored = answers.filter(({ score }) => score !== undefined)
  return [...Map.groupBy(scored, ({ id }) => id)].map(([id, runs]) => ({
    id,
    score: runs.reduce((sum, run) => sum + run.score!, 0) / runs.length,
    ...(runs[0]!.group !== undefined && { group: runs[0]!.group }),
  }))
}

function addCalls(into: CallTally, other: CallTally): void {
  addSpending(into.spent, other.spent)
  into.failed += other.failed
  for (const value of other.durations) into.durations.push(value)
  for (const value of other.firstTokens) into.firstTokens.push(value)
}

const noCalls = (): CallTally => ({ spent: noSpending(), failed: 0, durations: [], firstTokens: [] })

function mergedSteps(tallies: readonly Tally[]): StepTally[] {
  const merged = new Map<string, StepTally>()
  for (const step of tallies.flatMap(({ steps }) => [...steps.values()])) {
    const into = merged.get(step.id) ?? {
      ...step,
      ...noCalls(),
      agents: new Set(),
      saw: new Set(),
      answers: 0,
      missing: 0,
      skipped: 0,
      right: 0,
      graded: 0,
    }
    merged.set(step.id, into)
    addCalls(into, step)
    for (const agent of step.agents) into.agents.add(agent)
    for (const seen of step.saw) into.saw.add(seen)
    for (const key of ['answers', 'missing', 'skipped', 'right', 'graded'] as const) into[key] += step[key]
  }
  return [...merged.values()].toSorted((a, b) => a.layer - b.layer)
}

function mergedAgents(tallies: readonly Tally[]): Map<string, CallTally> {
  const merged = new Map<string, CallTally>()
  for (const [agent, calls] of tallies.flatMap(({ agents }) => [...agents])) {
    const into = merged.get(agent) ?? noCalls()
    merged.set(agent, into)
    addCalls(into, calls)
  }
  return merged
}

function mergedLayers(tallies: readonly Tally[]): LayerTally[] {
  const merged = new Map<number, LayerTally>()
  for (const layer of tallies.flatMap(({ layers }) => [...layers.values()]))
    addLayer(layerOf(merged, layer.layer), layer)
  return [...merged.values()].toSorted((a, b) => a.layer - b.layer)
}

function mergedFailures(tallies: readonly Tally[]): FailureTally[] {
  const merged = new Map<string, FailureTally>()
  for (const failure of tallies.flatMap(({ failures }) => [...failures.values()])) {
    const into = merged.get(failure.kind) ?? { ...failure, count: 0, agents: new Map(), steps: new Set() }
    merged.set(failure.kind, into)
    into.count += failure.count
    for (const step of failure.steps) into.steps.add(step)
    for (const [agent, count] of failure.agents) into.agents.set(agent, (into.agents.get(agent) ?? 0) + count)
  }
  return [...merged.values()].toSorted((a, b) => b.count - a.count)
}

function agentArm(arm: Arm, tallies: readonly Tally[]): AgentArm {
  const answers = tallies.flatMap(({ questions }) => questions)
  const scores = scoresOf(answers)
  const score = scoreInterval(scores)
  const spent = noSpending()
  for (const question of answers) addSpending(spent, question.spent)
  const firstToken = percentiles(answers.flatMap(({ firstTokenMs }) => firstTokenMs ?? []))
  const sum = (of: (question: AnsweredQuestion) => number): number =>
    answers.reduce((total, question) => total + of(question), 0)
  const { topology } = tallies[0]!
  return {
    arm,
    tallies,
    ...(topology && { topology }),
    answers,
    scores,
    ...(score && { score }),
    spent,
    latency: percentiles(answers.map(({ criticalPathMs }) => criticalPathMs))!,
    ...(firstToken && { firstToken }),
    failedCalls: sum(({ failedCalls }) => failedCalls),
    missing: sum(({ missing }) => missing),
    unanswered: sum(({ answered }) => Number(!answered)),
    steps: mergedSteps(tallies),
    agents: mergedAgents(tallies),
    layers: mergedLayers(tallies),
    failures: mergedFailures(tallies),
  }
}

/** @param tallies by run directory; arms none of whose runs is there have no part in the view */
export function agentView(arms: readonly Arm[], tallies: ReadonlyMap<string, Tally>): AgentView | undefined {
  const shown = arms.flatMap((arm) => {
    const own = arm.runs.flatMap((run) => tallies.get(run.record.path) ?? [])
    return own.length > 0 ? [agentArm(arm, own)] : []
  })
  if (shown.length === 0) return undefined
  const graders = new Set(shown.flatMap((one) => one.tallies.map(({ grader }) => grader)))
  const [grader] = graders
  return {
    arms: shown,
    comparisons: compareAll(shown.map(({ arm: { label }, scores }) => ({ name: label, scores }))),
    ...(graders.size === 1 && grader !== undefined && { grader }),
  }
}
