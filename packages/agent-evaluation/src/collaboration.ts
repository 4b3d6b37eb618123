// What a step makes of the answers that it sees: whether it keeps what was right, repairs what was wrong, or copies. The
// failure to look for is an aggregator that is led away from the right answer that it had before it.
import { bleu, type QuestionGrades, type QuestionResult } from '@mixlab/agents'
import { copied } from './copied.ts'
import { gradedQuestions, type GradedStep } from './layers.ts'

export interface CopyRate {
  /** The member whose answer was seen. */
  readonly member: string
  readonly agent: string
  /** Mean share of the step's runs of four words that stand in that answer. */
  readonly copied: number
  /** Mean sentence BLEU to that answer. */
  readonly bleu: number
  /** Share of questions on which the step gave that answer word by word. */
  readonly verbatim: number
}

export interface StepCollaboration {
  readonly step: string
  readonly layer: number
  /** Questions on which it saw and gave an answer. */
  readonly questions: number
  /** Of its own first answer. */
  readonly mean: number
  /** Share of questions on which most of what it saw was right, and it was wrong; and the other way round. */
  readonly rightToWrong: number
  readonly wrongToRight: number
  /** Share on which some of what it saw was right, and it was wrong: lost. */
  readonly lost: number
  /** Share on which nothing that it saw was right, and it was right: its own work. */
  readonly rescued: number
  /** Share of the questions on which what it saw disagreed (in parsed answers) where it gave the most frequent answer. */
  readonly conformity: number
  /** Members it saw most often first. */
  readonly copies: readonly CopyRate[]
}

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length

/** Of every step that saw answers, in the order of the topology. */
export function collaboration(
  results: readonly QuestionResult[],
  grades: readonly QuestionGrades[],
): readonly StepCollaboration[] {
  const steps = gradedQuestions(results, grades)
    .flatMap((question) => question.steps)
    .filter(({ seen, answers }) => seen.length > 0 && answers.length > 0)
  return [...Map.groupBy(steps, ({ step }) => step.id).values()].map(collaborationOf)
}

function collaborationOf(all: readonly GradedStep[]): StepCollaboration {
  const outcomes = all.map(({ seen, answers }) => {
    const right = seen.filter(({ grade }) => grade.correct).length
    const { correct } = answers[0]!.grade
    return { correct, most: 2 * right > seen.length, some: right > 0 }
  })
  const share = (holds: (outcome: (typeof outcomes)[number]) => boolean) =>
    meanOf(outcomes.map((outcome) => Number(holds(outcome))))
  return {
    step: all[0]!.step.id,
    layer: all[0]!.step.layer,
    questions: all.length,
    mean: meanOf(all.map(({ answers }) => answers[0]!.grade.score)),
    rightToWrong: share(({ correct, most }) => most && !correct),
    wrongToRight: share(({ correct, most }) => !most && correct),
    lost: share(({ correct, some }) => some && !correct),
    rescued: share(({ correct, some }) => !some && correct),
    conformity: meanOf(all.flatMap(conformed)),
    copies: copyRates(all),
  }
}

/** 1 or 0 where what was seen disagreed and one answer was the most frequent; nothing where not. */
function conformed({ seen, answers }: GradedStep): number[] {
  const parsed = seen.map(({ grade }) => grade.parsed).filter((value) => value !== undefined)
  const counts = [...Map.groupBy(parsed, (value) => value)].toSorted(([, a], [, b]) => b.length - a.length)
  if (counts.length < 2 || counts[0]![1].length === counts[1]![1].length) return []
  return [Number(answers[0]!.grade.parsed === counts[0]![0])]
}

function copyRates(all: readonly GradedStep[]): readonly CopyRate[] {
  const pairs = all.flatMap(({ seen, answers }) => seen.map((other) => ({ other, text: answers[0]!.text })))
  return [...Map.groupBy(pairs, ({ other }) => other.member)].map(([member, each]) => {
    const mean = (of: (text: string, other: string) => number) =>
      meanOf(each.map(({ text, other }) => of(text, other.text)))
    return {
      member,
      agent: each[0]!.other.agent,
      copied: mean(copied),
      bleu: mean(bleu),
      verbatim: mean((text, other) => Number(text.trim() === other.trim())),
    }
  })
}
