// An arm of a front from what a run recorded: the score of each question beside what it cost, in one of the measures that
// results have.
import type { QuestionGrades, QuestionResult } from '@mixlab/agents'
import type { ParetoArm } from './pareto.ts'

export type Measure = 'billed' | 'logical' | 'tokens' | 'latency' | 'first-token'

/** Money, tokens (of prompts and replies), or milliseconds; undefined where it is not known. */
export function measured({ cost, timing }: QuestionResult, measure: Measure): number | undefined {
  switch (measure) {
    case 'billed':
      return cost.billed
    case 'logical':
      return cost.logical
    case 'tokens':
      return cost.inputTokens + cost.outputTokens
    case 'latency':
      return timing.criticalPathMs
    case 'first-token':
      return timing.firstTokenMs
    default:
      return measure satisfies never
  }
}

/**
 * Joined by question; repetitions of a question (seeds) are averaged. Undefined where a question's measure is not known: a
 * mean over the others would be of other questions.
 */
export function paretoArmOf(
  name: string,
  results: readonly QuestionResult[],
  grades: readonly QuestionGrades[],
  measure: Measure,
): ParetoArm | undefined {
  const costs = Map.groupBy(results, ({ question }) => question)
  const scores = Map.groupBy(grades, ({ question }) => question)
  const points = new Map<string, { quality: number; cost: number; group?: string }>()
  for (const [question, own] of costs) {
    const values = own.map((result) => measured(result, measure))
    const graded = scores.get(question) ?? []
    const group = graded[0]?.group
    const marks = graded.flatMap((each) => Object.values(each.grades).slice(0, 1))
    if (marks.length === 0) continue
    if (values.some((value) => value === undefined)) return undefined
    points.set(question, {
      quality: marks.reduce((sum, { score }) => sum + score, 0) / marks.length,
      cost: values.reduce<number>((sum, value) => sum + value!, 0) / values.length,
      ...(group !== undefined && { group }),
    })
  }
  return { name, points }
}
