// One pass over a run's answers: what each question came to, and sums by step, agent, layer and kind of failure. Texts are
// not kept; each question remembers where its line is.
import {
  type CallSummary,
  type FailureKind,
  type QuestionGrades,
  type QuestionResult,
  readGrades,
} from '@mixlab/agents'
import { fromJson } from '@mixlab/core'
import { linesOf, type Line } from './json-lines.ts'
import { addToLayers, type LayerTally } from './layer-tally.ts'
import { firstGrade, marksOf } from './marks.ts'
import { noSpending, spend, type Spent } from './money.ts'
import { answersFile, type DrawnTopology, readTopology } from './run-files.ts'

export interface AnsweredQuestion {
  readonly index: number
  readonly id: string
  /** Empty where it was not graded. */
  readonly text: string
  readonly group?: string
  readonly line: Pick<Line, 'at' | 'bytes'>
  readonly answered: boolean
  /** By the first grader. */
  readonly score?: number
  readonly correct?: boolean
  readonly parsed?: string
  readonly marks: number
  readonly spent: Spent
  readonly failedCalls: number
  /** Answers that a layer should have had. */
  readonly missing: number
  readonly criticalPathMs: number
  readonly firstTokenMs?: number
}

export interface CallTally {
  readonly spent: Spent
  failed: number
  /** Of the calls that succeeded, milliseconds. */
  readonly durations: number[]
  readonly firstTokens: number[]
}

export interface StepTally extends CallTally {
  readonly id: string
  readonly kind: string
  readonly layer: number
  readonly agents: Set<string>
  readonly saw: Set<string>
  answers: number
  missing: number
  skipped: number
  /** Questions whose graded answers of this step were right, and how many were graded. */
  right: number
  graded: number
}

export interface FailureTally {
  readonly kind: FailureKind
  count: number
  readonly agents: Map<string, number>
  readonly steps: Set<string>
  /** The first one's. */
  readonly message: string
  readonly question: string
}

export interface Tally {
  /** The run's directory. */
  readonly run: string
  readonly topology?: DrawnTopology
  /** The first grader's name. */
  readonly grader?: string
  /** In order of their place. */
  readonly questions: readonly AnsweredQuestion[]
  readonly steps: ReadonlyMap<string, StepTally>
  readonly agents: ReadonlyMap<string, CallTally>
  /** By layer and agent, in that order of nesting. */
  readonly layers: ReadonlyMap<number, LayerTally>
  readonly failures: ReadonlyMap<FailureKind, FailureTally>
  readonly warnings: ReadonlyMap<string, number>
  readonly grades: ReadonlyMap<number, QuestionGrades>
}

const at = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

const noCalls = (): CallTally => ({ spent: noSpending(), failed: 0, durations: [], firstTokens: [] })

function addCall(into: CallTally, { cost, failure, timing }: CallSummary): void {
  spend(into.spent, cost)
  if (failure) into.failed++
  else {
    into.durations.push(timing.durationMs)
    if (timing.firstTokenMs !== undefined) into.firstTokens.push(timing.firstTokenMs)
  }
}

interface Sums {
  readonly steps: Map<string, StepTally>
  readonly agents: Map<string, CallTally>
  readonly layers: Map<number, LayerTally>
  readonly failures: Map<FailureKind, FailureTally>
  readonly warnings: Map<string, number>
}

function addFailure(failures: Sums['failures'], question: string, call: CallSummary): void {
  const { kind, message } = call.failure!
  const failure = at(failures, kind, () => ({
    kind,
    count: 0,
    agents: new Map<string, number>(),
    steps: new Set<string>(),
    message,
    question,
  }))
  failure.count++
  failure.agents.set(call.agent, (failure.agents.get(call.agent) ?? 0) + 1)
  failure.steps.add(call.step)
}

function addResult(sums: Sums, result: QuestionResult, grades: QuestionGrades | undefined): void {
  for (const step of result.steps) {
    const tally = at(sums.steps, step.id, () => ({
      ...noCalls(),
      id: step.id,
      kind: step.kind,
      layer: step.layer,
      agents: new Set<string>(),
      saw: new Set<string>(),
      answers: 0,
      missing: 0,
      skipped: 0,
      right: 0,
      graded: 0,
    }))
    for (const one of step.saw) tally.saw.add(one)
    tally.answers += step.answers.length
    tally.missing += step.missing?.length ?? 0
    if (step.skipped !== undefined) tally.skipped++
    for (const grade of grades?.steps?.[step.id] ?? []) {
      tally.graded++
      if (grade.correct) tally.right++
    }
  }
  for (const call of result.calls) {
    const step = sums.steps.get(call.step)
    if (step) {
      step.agents.add(call.agent)
      addCall(step, call)
    }
    addCall(at(sums.agents, call.agent, noCalls), call)
    if (call.failure) addFailure(sums.failures, result.question, call)
    for (const warning of call.warnings) sums.warnings.set(warning, (sums.warnings.get(warning) ?? 0) + 1)
  }
  addToLayers(sums.layers, result, grades)
}

function facts(
  result: QuestionResult,
  graded: QuestionGrades | undefined,
  line: Line,
  output: string | undefined,
): AnsweredQuestion {
  const grade = firstGrade(graded)
  const spent = noSpending()
  for (const { cost } of result.calls) spend(spent, cost)
  return {
    index: result.index,
    id: result.question,
    text: graded?.text ?? '',
    ...(graded?.group !== undefined && { group: graded.group }),
    line: { at: line.at, bytes: line.bytes },
    answered: result.answer !== null,
    ...(grade && { score: grade.score, correct: grade.correct }),
    ...(grade?.parsed !== undefined && { parsed: grade.parsed }),
    marks: marksOf(result, graded, output),
    spent,
    failedCalls: result.calls.filter(({ failure }) => failure !== undefined).length,
    missing: result.steps.reduce((sum, { missing }) => sum + (missing?.length ?? 0), 0),
    criticalPathMs: result.timing.criticalPathMs,
    ...(result.timing.firstTokenMs !== undefined && { firstTokenMs: result.timing.firstTokenMs }),
  }
}

/** Reads a run's answers; undefined where it has none. A question that stands twice counts once, as it stands last. */
export async function tallyRun(run: string): Promise<Tally | undefined> {
  const topology = await readTopology(run)
  const grades = new Map((await readGrades(run)).map((of) => [of.index, of]))
  const sums: Sums = {
    steps: new Map(),
    agents: new Map(),
    layers: new Map(),
    failures: new Map(),
    warnings: new Map(),
  }
  const questions = new Map<number, AnsweredQuestion>()
  for await (const line of linesOf(answersFile(run))) {
    const result = fromJson(line.text) as QuestionResult
    const graded = grades.get(result.index)
    if (!questions.has(result.index)) addResult(sums, result, graded)
    questions.set(result.index, facts(result, graded, line, topology?.output))
  }
  if (questions.size === 0) return undefined
  const grader = Object.keys(grades.values().next().value?.grades ?? {})[0]
  return {
    run,
    ...(topology && { topology }),
    ...(grader !== undefined && { grader }),
    questions: [...questions.values()].toSorted((a, b) => a.index - b.index),
    ...sums,
    grades,
  }
}
