// The value of a subset of members, from what was recorded. A vote among fewer members needs no new call: their answers are
// there. An aggregator has to be asked again about fewer answers; its calls are recorded like any other, and a question
// on which the subset is all that it saw is not asked again.
import {
  agentRequest,
  type AgentSettings,
  type CallAgent,
  type Grade,
  type Message,
  type Question,
  type QuestionGrades,
  type QuestionResult,
  type StepCall,
  synthesisMessages,
  tally,
} from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import type { SubsetValue } from './attribution.ts'
import { type GradedAnswer, gradedQuestions } from './layers.ts'

export interface ValuedMembers {
  readonly members: readonly string[]
  readonly value: SubsetValue
  /** Clusters of the questions; absent where no question has one. */
  readonly groups?: readonly string[]
}

const membersOf = (answers: readonly (readonly GradedAnswer[])[]): readonly string[] => [
  ...new Set(answers.flat().map(({ member }) => member)),
]

function groupsOf(questions: readonly { readonly question: string; readonly group?: string }[]) {
  return questions.some(({ group }) => group !== undefined)
    ? {
        groups: questions.map(({ question, group }) =>
          group === undefined ? `question:${question}` : `group:${group}`,
        ),
      }
    : {}
}

/** Those members' answers, in the order in which they were given. */
const only = (answers: readonly GradedAnswer[], members: readonly string[], subset: readonly number[]) => {
  const names = new Set(subset.map((index) => members[index]!))
  return answers.filter(({ member }) => names.has(member))
}

/** The score of the majority's answer, as a vote step finds it; 0 where nobody answered. */
function votedScore(answers: readonly GradedAnswer[]): number {
  if (answers.length === 0) return 0
  const parsed = new Map(answers.map(({ text, grade }) => [text, grade.parsed]))
  const { winner } = tally(answers, (text) => parsed.get(text))
  return answers.find(({ text }) => text === winner.text)!.grade.score
}

/** Members of a layer, valued by what a majority vote among them would have scored. */
export function votingMembers(
  results: readonly QuestionResult[],
  grades: readonly QuestionGrades[],
  layer = 1,
): ValuedMembers {
  const questions = gradedQuestions(results, grades)
  const answers = questions.map(({ steps }) =>
    steps.filter(({ step }) => step.layer === layer).flatMap((step) => step.answers),
  )
  const members = membersOf(answers)
  return {
    members,
    value: (subset) => answers.map((all) => votedScore(only(all, members, subset))),
    ...groupsOf(questions),
  }
}

export interface ReaskOptions {
  readonly results: readonly QuestionResult[]
  readonly grades: readonly QuestionGrades[]
  readonly questions: readonly Question[]
  /** The id of the step that aggregates. */
  readonly step: string
  /** Its agent's settings. */
  readonly settings: AgentSettings
  readonly call: CallAgent
  /** How an answer is graded: the run's first grader. */
  readonly grade: (question: Question, answer: string) => Promise<Grade>
  /** What the step asked for beside the messages. */
  readonly asked?: Pick<StepCall, 'temperature' | 'maxTokens'>
  /** The step's messages for some of what it saw. Default: the aggregate-and-synthesise prompt. */
  readonly messages?: (question: Question, answers: readonly GradedAnswer[]) => readonly Message[]
}

/**
 * Members whose answers a step aggregates, valued by what it makes of some of them: 2ⁿ calls a question, at most. A call
 * that fails scores 0, as a missing answer does in a run.
 * @throws MixlabError when no result has the step
 */
export function aggregatedMembers(options: ReaskOptions): ValuedMembers {
  const { results, grades, step: id, settings, call, grade, asked, messages = synthesisMessages } = options
  const texts = new Map(options.questions.map((question) => [question.id, question]))
  const questions = gradedQuestions(results, grades).flatMap((graded) => {
    const step = graded.steps.find((each) => each.step.id === id)
    const question = texts.get(graded.question)
    return step && question ? [{ ...graded, ...step, asked: question }] : []
  })
  if (questions.length === 0)
    throw new MixlabError(`no graded result has the step ${id}: expected the id of a step that aggregates`)
  const members = membersOf(questions.map(({ seen }) => seen))
  const agents = new Map(results.flatMap(({ calls }) => calls.map((one) => [one.step, one.agent])))
  const ask = async (question: Question, answers: readonly GradedAnswer[]): Promise<number> => {
    const agent = agents.get(id)!
    const subset = answers.map(({ member }) => member).join('+') || 'none'
    const outcome = await call({
      id: `${question.id}/attribution/${id}/${subset}`,
      question: question.id,
      step: `attribution/${id}`,
      layer: 0,
      agent,
      request: agentRequest(settings, { agent, messages: messages(question, answers), ...asked }),
      sample: 0,
    })
    return outcome.ok ? (await grade(question, outcome.reply.text)).score : 0
  }
  return {
    members,
    value: (subset) =>
      Promise.all(
        questions.map(async ({ asked: question, seen, answers }) => {
          const kept = only(seen, members, subset)
          return kept.length === seen.length ? (answers[0]?.grade.score ?? 0) : ask(question, kept)
        }),
      ),
    ...groupsOf(questions),
  }
}
