// What makes a question worth opening, as bits: the page's filters and the choice of transcripts are made of them.
import type { Grade, QuestionGrades, QuestionResult } from '@mixlab/agents'

export const MARKS = {
  wrong: 1,
  /** Two answers of one layer were parsed differently. */
  disagreed: 2,
  /** A right answer was given up: one that the final step saw, or an agent's own in an earlier layer. */
  flipped: 4,
  /** The final answer is right, and nothing that the final step saw was. */
  rescued: 8,
  /** A call failed, or an answer is missing. */
  missing: 16,
  unanswered: 32,
  unparseable: 64,
} as const

export type Mark = keyof typeof MARKS

export const firstGrade = (grades: QuestionGrades | undefined): Grade | undefined =>
  grades && Object.values(grades.grades)[0]

/** Grades of a step's answers, where the run has them. */
export const stepGrades = (grades: QuestionGrades | undefined, step: string): readonly Grade[] =>
  grades?.steps?.[step] ?? []

/** The step whose answer is the question's. */
export const finalStep = ({ steps }: QuestionResult, output: string | undefined) =>
  (output === undefined ? undefined : steps.find(({ id }) => id === output)) ??
  steps.findLast(({ answers, skipped }) => answers.length > 0 && skipped === undefined) ??
  steps.at(-1)

const differ = (grades: readonly Grade[]): boolean =>
  grades.some((grade) => (grade.parsed ?? '') !== (grades[0]!.parsed ?? ''))

/** An agent was right in one layer and wrong in a later one. */
function gaveUp({ steps }: QuestionResult, grades: QuestionGrades | undefined): boolean {
  const right = new Map<string, number>()
  return steps
    .toSorted((a, b) => a.layer - b.layer)
    .some(({ id, layer, answers }) =>
      answers.some(({ agent }, i) => {
        const grade = stepGrades(grades, id)[i]
        if (grade?.correct === true && !right.has(agent)) right.set(agent, layer)
        return grade?.correct === false && (right.get(agent) ?? layer) < layer
      }),
    )
}

export function marksOf(
  result: QuestionResult,
  grades: QuestionGrades | undefined,
  output: string | undefined,
): number {
  const grade = firstGrade(grades)
  const layers = Map.groupBy(result.steps, (step) => step.layer)
  const final = finalStep(result, output)
  const seen = (final?.saw ?? []).flatMap((step) => stepGrades(grades, step))
  const is: Readonly<Record<Mark, boolean>> = {
    wrong: grade?.correct === false,
    disagreed: [...layers.values()].some((steps) => differ(steps.flatMap(({ id }) => stepGrades(grades, id)))),
    flipped: (grade?.correct === false && seen.some(({ correct }) => correct)) || gaveUp(result, grades),
    rescued: grade?.correct === true && seen.length > 0 && !seen.some(({ correct }) => correct),
    missing:
      result.calls.some(({ failure }) => failure !== undefined) ||
      result.steps.some(({ missing }) => missing !== undefined && missing.length > 0),
    unanswered: result.answer === null,
    unparseable: grade?.unparseable === true,
  }
  return (Object.keys(MARKS) as Mark[]).reduce((bits, mark) => bits | (is[mark] ? MARKS[mark] : 0), 0)
}
