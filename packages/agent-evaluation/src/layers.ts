// What the steps of each layer answered and how right that was: recorded results and grades, joined. A member is a place
// (the n-th answer of a step), so that two samples of one agent are two members.
import type { Answer, Grade, QuestionGrades, QuestionResult, StepResult } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'

export interface GradedAnswer extends Answer {
  /** `layer-1/proposer-2`, or `layer-1/sample#3` for one of several answers of a step. */
  readonly member: string
  readonly grade: Grade
}

export interface GradedStep {
  readonly step: StepResult
  /** What it saw, in order. */
  readonly seen: readonly GradedAnswer[]
  readonly answers: readonly GradedAnswer[]
}

export interface GradedQuestion {
  readonly question: string
  readonly group?: string
  readonly steps: readonly GradedStep[]
  readonly final: Grade
}

/**
 * Joins results with grades by question; steps whose answers were not graded (by a grader that asks a model) are left out.
 * @throws MixlabError when a result has no grades, or not as many as a step has answers
 */
export function gradedQuestions(
  results: readonly QuestionResult[],
  grades: readonly QuestionGrades[],
): readonly GradedQuestion[] {
  const byQuestion = new Map(grades.map((each) => [each.question, each]))
  return results.map((result) => {
    const known = byQuestion.get(result.question)
    const final = Object.values(known?.grades ?? {})[0]
    if (known === undefined || final === undefined)
      throw new MixlabError(`question ${result.question} was answered and not graded: give the grades of the same run`)
    const answers = new Map(result.steps.map((step) => [step.id, gradedAnswers(step, known)]))
    return {
      question: result.question,
      ...(known.group !== undefined && { group: known.group }),
      final,
      steps: result.steps.flatMap((step) => {
        const own = answers.get(step.id)
        return own === undefined ? [] : [{ step, answers: own, seen: step.saw.flatMap((id) => answers.get(id) ?? []) }]
      }),
    }
  })
}

function gradedAnswers(step: StepResult, { question, steps }: QuestionGrades): readonly GradedAnswer[] | undefined {
  const grades = steps?.[step.id]
  if (grades === undefined) return undefined
  if (grades.length !== step.answers.length)
    throw new MixlabError(
      `question ${question}, step ${step.id}: ${step.answers.length} answers have ${grades.length} grades: give the grades of the same run`,
    )
  return step.answers.map((answer, index) => ({
    ...answer,
    member: step.answers.length === 1 ? step.id : `${step.id}#${index + 1}`,
    grade: grades[index]!,
  }))
}
