// Whether a mixture's members complement each other, layer by layer: how often they disagree, what the best of them would
// have reached, how far their texts differ. A mixture can only gain where its members are right on different questions.
import type { QuestionGrades, QuestionResult } from '@mixlab/agents'
import { clusteredMean } from '@mixlab/statistics'
import { dispersion, similarities, vendiScore } from './dispersion.ts'
import { type GradedAnswer, gradedQuestions } from './layers.ts'

export interface MemberScore {
  readonly member: string
  readonly agent: string
  readonly answered: number
  /** Over the questions that it answered. */
  readonly mean: number
}

export interface LayerDiversity {
  readonly layer: number
  /** Questions to which the layer gave at least one answer. */
  readonly questions: number
  readonly members: readonly MemberScore[]
  /** Share of pairs of members of which one is right and the other wrong (Kuncheva & Whitaker 2003, section 2.1). */
  readonly disagreement: number
  /** Share of pairs whose parsed answers differ; pairs with an unparseable one are left out. */
  readonly differentAnswers: number
  /** Mean of the best answer to each question: what a perfect selector would reach. */
  readonly oracle: number
  /** Mean of all answers: what a blind selector reaches. */
  readonly blind: number
  /** The member with the highest mean, chosen after the fact and therefore flattered. */
  readonly bestMember: MemberScore
  /** Mean over questions of 1 − the mean similarity of two texts. */
  readonly dispersion: number
  /** Mean over questions of the number of texts that differ. */
  readonly vendi: number
  readonly unparseable: number
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function pairsOf<T>(values: readonly T[]): (readonly [T, T])[] {
  return values.flatMap((a, index) => values.slice(index + 1).map((b) => [a, b] as const))
}

/** By layer, from the first; layers of which no question has two answers are left out, as there is nobody to differ from. */
export function layerDiversity(
  results: readonly QuestionResult[],
  grades: readonly QuestionGrades[],
): readonly LayerDiversity[] {
  const questions = gradedQuestions(results, grades)
  const layers = [...new Set(questions.flatMap(({ steps }) => steps.map(({ step }) => step.layer)))]
  return layers
    .toSorted((a, b) => a - b)
    .flatMap((layer) => {
      const answers = questions
        .map(({ steps }) => steps.filter(({ step }) => step.layer === layer).flatMap((step) => step.answers))
        .filter((all) => all.length > 0)
      return answers.some((all) => all.length > 1) ? [diversityOf(layer, answers)] : []
    })
}

function diversityOf(layer: number, answers: readonly (readonly GradedAnswer[])[]): LayerDiversity {
  const members = membersOf(answers.flat())
  const pairs = answers.flatMap((all) => pairsOf(all))
  const parsed = pairs.filter((pair) => pair.every(({ grade }) => grade.parsed !== undefined))
  const several = answers.filter((all) => all.length > 1).map((all) => similarities(all.map(({ text }) => text)))
  return {
    layer,
    questions: answers.length,
    members,
    disagreement: meanOf(pairs.map(([a, b]) => Number(a.grade.correct !== b.grade.correct))),
    differentAnswers: meanOf(parsed.map(([a, b]) => Number(a.grade.parsed !== b.grade.parsed))),
    oracle: meanOf(answers.map((all) => Math.max(...all.map(({ grade }) => grade.score)))),
    blind: meanOf(answers.map((all) => meanOf(all.map(({ grade }) => grade.score)))),
    bestMember: members.toSorted((a, b) => b.mean - a.mean)[0]!,
    dispersion: meanOf(several.map(dispersion)),
    vendi: meanOf(several.map(vendiScore)),
    unparseable: answers.flat().filter(({ grade }) => grade.unparseable).length,
  }
}

function membersOf(answers: readonly GradedAnswer[]): readonly MemberScore[] {
  return [...Map.groupBy(answers, ({ member }) => member)].map(([member, own]) => ({
    member,
    // Of a route it is whoever answered most.
    agent: [...Map.groupBy(own, ({ agent }) => agent)].toSorted(([, a], [, b]) => b.length - a.length)[0]![0],
    answered: own.length,
    mean: meanOf(own.map(({ grade }) => grade.score)),
  }))
}

export interface Lift {
  /** Mean of the final answer's score − the member's, over the questions that the member answered. */
  readonly mean: number
  readonly halfWidth: number
  readonly questions: number
}

/** What a mixture adds to one of its members, e.g. the best of its first layer: paired, with a cluster-robust interval. */
export function liftOver(
  member: string,
  results: readonly QuestionResult[],
  grades: readonly QuestionGrades[],
): Lift | undefined {
  const both = gradedQuestions(results, grades).flatMap(({ question, group, steps, final }) => {
    const answer = steps.flatMap((step) => step.answers).find((each) => each.member === member)
    return answer ? [{ gain: final.score - answer.grade.score, group: group ?? question }] : []
  })
  if (both.length === 0) return undefined
  const gains = both.map(({ gain }) => gain)
  const { mean, halfWidth } = clusteredMean(
    gains,
    both.map(({ group }) => group),
  )
  return { mean, halfWidth, questions: both.length }
}
