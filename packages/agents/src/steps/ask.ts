// What most steps have in common: one agent is asked once, and its reply is the step's answer.
import type { CallOutcome } from '../call.ts'
import type { ChatReply } from '../chat-model.ts'
import type { PlanContext, PlannedCalls, StepContext, StepPlan } from '../topology.ts'
import type { Answer, StepOutput } from '../result.ts'

/** How a step wants its agents to reply; what is absent is up to each agent. */
export interface ReplySettings {
  /** Comes in the system message, after the agent's own. */
  readonly system?: string | undefined
  readonly maxTokens?: number | undefined
  readonly temperature?: number | undefined
}

/** The settings that go into a call. */
export const replySettings = ({ maxTokens, temperature }: ReplySettings) => ({
  ...(maxTokens !== undefined && { maxTokens }),
  ...(temperature !== undefined && { temperature }),
})

/** It has a text. A reply without (a reasoning model that was cut short, a filter) is missing, as a failure is. */
export const isAnswered = ({ text }: ChatReply): boolean => text.trim() !== ''

export const answered = (outcome: CallOutcome): outcome is Extract<CallOutcome, { ok: true }> =>
  outcome.ok && isAnswered(outcome.reply)

export const answerOf = (outcome: Extract<CallOutcome, { ok: true }>): Answer => ({
  text: outcome.reply.text,
  agent: outcome.call.agent,
  call: outcome.call.id,
})

/** Replies as answers, in the order of the calls. */
export const answersOf = (outcomes: readonly CallOutcome[]): readonly Answer[] =>
  outcomes.filter(answered).map(answerOf)

/**
 * What the inputs gave, in their order. An answer that came on several ways (critics pass on what they review) is there
 * once, with all notes.
 */
export function answersSeen(inputs: StepContext['inputs']): readonly Answer[] {
  const seen = new Map<string, Answer>()
  for (const answer of inputs.flatMap(({ output }) => output.answers)) {
    const key = answer.call ?? `#${seen.size}`
    const before = seen.get(key)
    const notes = [before?.note, answer.note].filter((note) => note !== undefined)
    seen.set(key, { ...before, ...answer, ...(notes.length > 0 && { note: notes.join('\n\n') }) })
  }
  return [...seen.values()]
}

/** Tokens that a chat's template adds to a message, at most. */
const MESSAGE_OVERHEAD = 8
/** `12. ` and the blank line. */
const NUMBER_OVERHEAD = 6

/** Answers that the inputs give together: how many at most and at least, tokens of all at most, with their numbers. */
export function answersPlanned({ inputs }: PlanContext): {
  readonly count: number
  readonly least: number
  readonly tokens: number
  readonly longest: number
} {
  const answers = inputs.map((input) => input.answers)
  const count = answers.reduce((sum, { count }) => sum + count, 0)
  return {
    count,
    least: answers.reduce((sum, { count, least = count }) => sum + least, 0),
    tokens: answers.reduce((sum, { count, tokens }) => sum + count * (tokens + NUMBER_OVERHEAD), 0),
    longest: Math.max(0, ...answers.map(({ tokens }) => tokens)),
  }
}

/** One call, or between `min` and `max`, whose prompt holds the question, fixed texts and `more` tokens. */
export function plannedCalls(
  context: PlanContext,
  agent: string,
  settings: ReplySettings & {
    readonly texts?: readonly string[]
    readonly more?: number
    readonly messages?: number
    readonly min?: number
    readonly max?: number
  } = {},
): PlannedCalls {
  const { texts = [], more = 0, messages = 2, max = 1, min = max, system, maxTokens } = settings
  const fixed = [...texts, ...(system === undefined ? [] : [system])]
  return {
    agent,
    min,
    max,
    inputTokens:
      context.questionTokens +
      more +
      messages * MESSAGE_OVERHEAD +
      fixed.reduce((sum, text) => sum + context.tokens(text), 0),
    outputTokens: maxTokens ?? context.maxTokens(agent),
  }
}

/** The plan of a step that makes one call and gives its reply. */
export const oneReply = (call: PlannedCalls): StepPlan => ({
  calls: [call],
  answers: { count: 1, least: call.min, tokens: call.outputTokens },
})

/** Its reply alone. */
export const replyOf = (outcome: CallOutcome): StepOutput => ({ answers: answersOf([outcome]) })
