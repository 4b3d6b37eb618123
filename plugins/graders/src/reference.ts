// The right answer of a question, which most graders cannot do without.
import type { Question } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'

/** @throws MixlabError when the question has none */
export function referenceOf(question: Question, grader: string): string {
  if (question.answer !== undefined) return question.answer
  throw new MixlabError(
    `question ${question.id} has no reference answer: the grader ${grader} needs one in the questions' file`,
  )
}
