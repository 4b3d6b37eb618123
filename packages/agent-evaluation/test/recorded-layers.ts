// Results and grades of a made-up run, as a real one records them: layers of members, and a step that saw them.
import type { Grade, QuestionGrades, QuestionResult, StepResult } from '@mixlab/agents'

const cost = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, estimated: false }

export interface MadeStep {
  readonly id: string
  readonly layer: number
  readonly saw?: readonly string[]
  /** Agent and text of each answer; the right one is `=R`, what is no answer is `?`. */
  readonly answers: readonly (readonly [agent: string, text: string])[]
}

/** `The ducks =7` says 7; a text without `=` says nothing. */
export const parse = (text: string): string | undefined => /=(\S+)/.exec(text)?.[1]

export function gradeOf(text: string, right: string): Grade {
  const parsed = parse(text)
  const correct = parsed === right
  return { score: correct ? 1 : 0, correct, ...(parsed === undefined ? { unparseable: true } : { parsed }) }
}

/** One question a list of steps; the last step's first answer is the final one. */
export function madeRun(
  questions: readonly (readonly MadeStep[])[],
  right = 'R',
  group?: (index: number) => string,
): { results: QuestionResult[]; grades: QuestionGrades[] } {
  const results = questions.map((steps, index): QuestionResult => {
    const made = steps.map((step): StepResult => ({
      id: step.id,
      kind: step.saw ? 'aggregate' : 'propose',
      layer: step.layer,
      saw: step.saw ?? [],
      answers: step.answers.map(([agent, text]) => ({ agent, text })),
    }))
    return {
      index,
      question: `q${index}`,
      answer: steps.at(-1)!.answers[0]?.[1] ?? null,
      steps: made,
      calls: steps.flatMap((step) =>
        step.answers.map(([agent, text]) => ({
          id: `q${index}/${step.id}`,
          step: step.id,
          layer: step.layer,
          agent,
          key: '',
          sample: 0,
          messages: [],
          text,
          warnings: [],
          attempts: 1,
          cost,
          timing: { queuedMs: 0, durationMs: 0, totalMs: 0 },
        })),
      ),
      cost,
      timing: { criticalPathMs: 0 },
    }
  })
  const grades = results.map((result): QuestionGrades => ({
    index: result.index,
    question: result.question,
    text: '?',
    reference: right,
    ...(group && { group: group(result.index) }),
    grades: { number: gradeOf(result.answer ?? '', right) },
    steps: Object.fromEntries(
      result.steps.map((step) => [step.id, step.answers.map(({ text }) => gradeOf(text, right))]),
    ),
  }))
  return { results, grades }
}
