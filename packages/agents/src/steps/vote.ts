// The majority of answers, without a call. Answers agree when the task's grader finds the same in them; what it finds
// nothing in has no vote and is counted apart. A tie goes to what was answered first.
import { idAt, idsOf, type Part } from '../compose.ts'
import type { Answer, StepOutput } from '../result.ts'
import type { Step } from '../topology.ts'
import { answersPlanned, answersSeen } from './ask.ts'

export interface Tally {
  /** The first answer of the largest group; where nothing could be parsed, the first answer. */
  readonly winner: Answer
  /** Parsed answer → votes. */
  readonly votes: Readonly<Record<string, number>>
  readonly unparseable: number
  /** Others had as many votes. */
  readonly tie: boolean
  /** The winner's votes among all answers, 0 to 1. */
  readonly share: number
}

/** Counts at least one answer. */
export function tally(answers: readonly Answer[], parse: (text: string) => string | undefined): Tally {
  const groups = new Map<string, Answer[]>()
  for (const answer of answers) {
    const parsed = parse(answer.text)
    if (parsed !== undefined) groups.set(parsed, [...(groups.get(parsed) ?? []), answer])
  }
  const sizes = [...groups.values()].map((group) => group.length)
  const most = Math.max(0, ...sizes)
  const largest = [...groups.values()].find((group) => group.length === most)
  return {
    winner: largest?.[0] ?? answers[0]!,
    votes: Object.fromEntries([...groups].map(([parsed, group]) => [parsed, group.length])),
    unparseable: answers.length - sizes.reduce((sum, size) => sum + size, 0),
    tie: sizes.filter((size) => size === most).length > 1,
    share: most / answers.length,
  }
}

/** A step's output of a tally: the winner, with its share as its score. */
export function voted({ winner, votes, unparseable, tie, share }: Tally): StepOutput {
  return { answers: [{ ...winner, score: share }], decision: { votes, unparseable, tie } }
}

/** One step without a call: the majority of what was before. */
export const vote =
  (): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, 'vote'),
      kind: 'vote',
      layer,
      agents: [],
      from: idsOf(before),
      plan: (context) => ({ calls: [], answers: { count: 1, tokens: answersPlanned(context).longest } }),
      async run({ inputs, parse }) {
        const answers = answersSeen(inputs)
        return answers.length === 0
          ? { answers: [], skipped: 'there was nothing to vote on' }
          : voted(tally(answers, parse))
      },
    } satisfies Step,
  ]
