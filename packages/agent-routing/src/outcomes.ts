// How good each agent's answer to each question was: what routers learn from and are judged by. It comes from recordings
// (every agent asked everything) or from use (each question went to a few: the others' outcomes are not known).
import { MixlabError } from '@mixlab/core'
import type { Question } from '@mixlab/agents'

export interface Outcomes {
  readonly members: readonly string[]
  readonly questions: readonly Question[]
  /** By question, then member, from 0 (wrong) to 1 (right); null where it is not known. */
  readonly quality: readonly (readonly (number | null)[])[]
}

/** The text that a router sees of a question: the conversation's last user turns count as much as its first. */
export const textOf = ({ text, history = [] }: Question): string =>
  [...history.filter(({ role }) => role === 'user').map(({ content }) => content), text].join('\n')

/** Some of the questions, by index. */
export const pickOutcomes = ({ members, questions, quality }: Outcomes, indices: readonly number[]): Outcomes => ({
  members,
  questions: indices.map((index) => questions[index]!),
  quality: indices.map((index) => quality[index]!),
})

/** What a grader said of one answer. */
export interface GradedAnswer {
  readonly agent: string
  readonly question: Question
  readonly score: number
}

/**
 * Gathers outcomes from graded answers in any order; several of one agent to one question are averaged.
 * @param members the agents, in the order in which routers know them
 * @throws MixlabError on an agent that is none of them, or a score outside 0 … 1
 */
export function gatherOutcomes(members: readonly string[], answers: readonly GradedAnswer[]): Outcomes {
  const rows = new Map<string, { readonly question: Question; readonly scores: number[][] }>()
  for (const { agent, question, score } of answers) {
    const member = members.indexOf(agent)
    if (member < 0)
      throw new MixlabError(`outcomes: the agent ${agent} is none of ${members.join(', ')}; name it among the members`)
    if (!(score >= 0 && score <= 1))
      throw new MixlabError(`outcomes: ${agent}'s score for question ${question.id} is ${score}, expected 0 to 1`)
    const row = rows.get(question.id) ?? { question, scores: members.map(() => []) }
    row.scores[member]!.push(score)
    rows.set(question.id, row)
  }
  const mean = (scores: readonly number[]) =>
    scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length
  return {
    members,
    questions: [...rows.values()].map(({ question }) => question),
    quality: [...rows.values()].map(({ scores }) => scores.map(mean)),
  }
}
