// One question with all its runs as compact JSON: every text once in a table, messages as pieces that refer to it, absent
// fields left out. The page's script (script.ts) reads exactly this.
import type { CallSummary, Grade, QuestionGrades, QuestionResult, StepResult } from '@mixlab/agents'
import { stepGrades } from '../marks.ts'
import { type Known, type Piece, piecesOf } from './pieces.ts'

/** A longer text is cut in the page. */
export const TEXT_LIMIT = 20_000

export interface PackedCall {
  readonly id: string
  readonly agent: string
  readonly sample: number
  readonly key: string
  readonly messages: readonly { readonly role: string; readonly pieces: readonly Piece[] }[]
  /** Of the reply, in the table. */
  readonly text?: number
  readonly finish?: string
  readonly failure?: CallSummary['failure']
  readonly warnings?: readonly string[]
  readonly attempts: number
  readonly cost: CallSummary['cost']
  readonly timing: CallSummary['timing']
}

export interface PackedStep {
  readonly id: string
  readonly kind: string
  readonly layer: number
  readonly saw: readonly string[]
  readonly skipped?: string
  readonly decision?: Readonly<Record<string, unknown>>
  readonly answers: readonly {
    readonly text: number
    readonly agent: string
    readonly call?: string
    readonly score?: number
    readonly grade?: Grade
  }[]
  readonly missing?: StepResult['missing']
  readonly calls: readonly PackedCall[]
}

export interface PackedRun {
  /** Place among the page's runs. */
  readonly run: number
  readonly answer?: number
  readonly failure?: string
  readonly grades?: Readonly<Record<string, Grade>>
  readonly steps: readonly PackedStep[]
  readonly timing: QuestionResult['timing']
}

export interface PackedQuestion {
  readonly id: string
  readonly text?: number
  readonly reference?: string
  readonly group?: string
  readonly texts: readonly string[]
  readonly runs: readonly PackedRun[]
}

export interface RunOfQuestion {
  readonly run: number
  readonly result: QuestionResult
  readonly grades?: QuestionGrades
}

const cut = (text: string): string =>
  text.length <= TEXT_LIMIT
    ? text
    : `${text.slice(0, TEXT_LIMIT)}\n… ${text.length - TEXT_LIMIT} more characters: mixlab transcript prints them`

/** The table of texts under construction. */
function textTable() {
  const places = new Map<string, number>()
  return {
    place(text: string): number {
      const found = places.get(text)
      if (found !== undefined) return found
      places.set(text, places.size)
      return places.size - 1
    },
    texts: (): string[] => [...places.keys()].map(cut),
  }
}

type Table = ReturnType<typeof textTable>

function packCall(call: CallSummary, known: readonly Known[], table: Table): PackedCall {
  const { id, agent, sample, key, text, finishReason, failure, warnings, attempts, cost, timing } = call
  return {
    id,
    agent,
    sample,
    key,
    messages: call.messages.map(({ role, content }) => ({
      role,
      pieces: piecesOf(content, known).map((piece) => (typeof piece === 'string' ? cut(piece) : piece)),
    })),
    ...(text !== undefined && { text: table.place(text) }),
    ...(finishReason !== undefined && { finish: finishReason }),
    ...(failure && { failure }),
    ...(warnings.length > 0 && { warnings }),
    attempts,
    cost,
    timing,
  }
}

function packRun({ run, result, grades }: RunOfQuestion, question: readonly Known[], table: Table): PackedRun {
  const { answer, failure, steps, calls, timing } = result
  const byStep = Map.groupBy(calls, ({ step }) => step)
  const replies = calls.flatMap(({ text, layer, id }) =>
    text === undefined ? [] : [{ text, layer, id, place: table.place(text) }],
  )
  /** What a call can have been shown: the question, and replies that it does not come before. */
  const knownTo = (call: CallSummary): Known[] => [
    ...question,
    ...replies.filter(({ layer, id }) => layer < call.layer || (layer === call.layer && id !== call.id)),
  ]
  return {
    run,
    ...(answer !== null && { answer: table.place(answer) }),
    ...(failure !== undefined && { failure }),
    ...(grades && { grades: grades.grades }),
    steps: steps.map((step) => ({
      id: step.id,
      kind: step.kind,
      layer: step.layer,
      saw: step.saw,
      ...(step.skipped !== undefined && { skipped: step.skipped }),
      ...(step.decision && { decision: step.decision }),
      answers: step.answers.map(({ text, agent, call, score }, i) => {
        const grade = stepGrades(grades, step.id)[i]
        return {
          text: table.place(text),
          agent,
          ...(call !== undefined && { call }),
          ...(score !== undefined && { score }),
          ...(grade && { grade }),
        }
      }),
      ...(step.missing && step.missing.length > 0 && { missing: step.missing }),
      calls: (byStep.get(step.id) ?? []).map((call) => packCall(call, knownTo(call), table)),
    })),
    timing,
  }
}

export function packQuestion(id: string, runs: readonly RunOfQuestion[]): PackedQuestion {
  const table = textTable()
  const graded = runs.find(({ grades }) => grades !== undefined)?.grades
  const text = graded && table.place(graded.text)
  const question = graded && text !== undefined ? [{ text: graded.text, place: text }] : []
  const packed = runs.map((run) => packRun(run, question, table))
  return {
    id,
    ...(text !== undefined && { text }),
    ...(graded?.reference !== undefined && { reference: graded.reference }),
    ...(graded?.group !== undefined && { group: graded.group }),
    texts: table.texts(),
    runs: packed,
  }
}
