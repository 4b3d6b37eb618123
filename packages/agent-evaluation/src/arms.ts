// An arm of an experiment as a comparison sees it: what each question scored. Questions are matched by id, never by place:
// two arms that answered different samples share only what both were asked.
import type { QuestionGrades } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'

export interface ArmScore {
  /** The mean over an arm's repetitions of the question. */
  readonly score: number
  /** For cluster-robust errors. */
  readonly group?: string
}

export interface Arm {
  readonly name: string
  /** By question id. */
  readonly scores: ReadonlyMap<string, ArmScore>
  /** Answers that could not be parsed; they scored 0. */
  readonly unparseable: number
}

/**
 * An arm from its grades; several runs of it (seeds) may be given together and are averaged question by question.
 * @param grader by default the first one
 * @throws MixlabError when there are none, or none by that grader
 */
export function armOf(name: string, grades: readonly QuestionGrades[], grader?: string): Arm {
  const gathered = new Map<string, { scores: number[]; group?: string }>()
  let unparseable = 0
  for (const { question, group, grades: given } of grades) {
    const grade = grader === undefined ? Object.values(given)[0] : given[grader]
    if (grade === undefined)
      throw new MixlabError(
        `arm ${name}: question ${question} has no grade${grader === undefined ? '' : ` by ${grader}; it has ${Object.keys(given).join(', ') || 'none'}`}`,
      )
    if (grade.unparseable) unparseable++
    const known = gathered.get(question)
    if (known) known.scores.push(grade.score)
    else gathered.set(question, { scores: [grade.score], ...(group !== undefined && { group }) })
  }
  if (gathered.size === 0) throw new MixlabError(`arm ${name} has no graded questions: there is nothing to compare`)
  const scores = new Map(
    [...gathered].map(([question, { scores: all, group }]) => [
      question,
      { score: all.reduce((sum, score) => sum + score, 0) / all.length, ...(group !== undefined && { group }) },
    ]),
  )
  return { name, scores, unparseable }
}

/** Scores of two arms on the questions that both answered, in the order of the first. */
export interface PairedScores {
  readonly first: readonly number[]
  readonly second: readonly number[]
  /** Clusters; absent where no question has one. */
  readonly groups?: readonly string[]
  /** Questions that only one of them answered. */
  readonly unpaired: number
}

export function pairedScores(first: Arm, second: Arm): PairedScores {
  const common = [...first.scores.keys()].filter((question) => second.scores.has(question))
  const groups = common.map((question) => first.scores.get(question)!.group)
  return {
    first: common.map((question) => first.scores.get(question)!.score),
    second: common.map((question) => second.scores.get(question)!.score),
    // A question without a group is a cluster of its own.
    ...(groups.some((group) => group !== undefined) && {
      groups: groups.map((group, index) => (group === undefined ? `question:${common[index]!}` : `group:${group}`)),
    }),
    unpaired: first.scores.size + second.scores.size - 2 * common.length,
  }
}
