// A router chooses which agents answer; only those are called. Its scores, and whom it chose, are recorded. The router is the
// run's, by name, or for two agents a threshold on the difference of its scores (RouteLLM, arXiv 2406.18665: the strong model
// where its expected win rate σ(s_strong − s_weak) reaches the threshold).
import { MixlabError } from '@mixlab/core'
import type { AgentRouter, RouteChoice } from '../agent-router.ts'
import { idAt, idsOf, type Part } from '../compose.ts'
import { synthesisMessages, synthesisPrompt } from '../prompts.ts'
import { bracketedNumber } from '../read-reply.ts'
import type { Step, StepContext } from '../topology.ts'
import {
  answered,
  answerOf,
  answersPlanned,
  answersSeen,
  plannedCalls,
  type ReplySettings,
  replySettings,
} from './ask.ts'

export interface RouteOptions extends ReplySettings {
  readonly router: string
  /** Agents that are asked. Default 1. */
  readonly choices?: number | undefined
  /** For two agents, the strong one first: 0 asks it always, 1 hardly ever. */
  readonly threshold?: number | undefined
  /** Asks agents to say how sure they are; scores are then the mean of the router's and theirs. */
  readonly confidence?: boolean
}

export const confidencePrompt =
  'After your answer say on a line of its own how likely it is to be right, as a percentage in double brackets, e.g. [[80]].'

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))

/** Members, best first. */
async function chosenBy(
  router: AgentRouter,
  members: readonly string[],
  options: RouteOptions,
  context: StepContext,
): Promise<RouteChoice> {
  const answers = answersSeen(context.inputs)
  const choice = await router.route({ question: context.question, members, answers })
  const { choices = 1, threshold } = options
  if (threshold !== undefined) {
    const strong = sigmoid(choice.scores[0]! - choice.scores[1]!) >= threshold
    return { ...choice, members: [strong ? 0 : 1], weights: [1] }
  }
  if (choice.members.length < choices)
    throw new MixlabError(
      `the router ${options.router} chose ${choice.members.length} of ${members.length} agents, and the topology asks for ${choices}: set its number of choices`,
      { code: 'invalid-topology' },
    )
  return { ...choice, members: choice.members.slice(0, choices), weights: choice.weights.slice(0, choices) }
}

/** One step: exactly `choices` calls, to agents that the router chooses. */
export const route =
  (members: readonly string[], options: RouteOptions): Part =>
  ({ layer, before }) => {
    const { choices = 1, confidence = false, threshold } = options
    if (threshold !== undefined && (members.length !== 2 || choices !== 1))
      throw new MixlabError(
        `a threshold routes between two agents, the strong one first; there are ${members.length}`,
        {
          code: 'invalid-topology',
        },
      )
    if (choices > members.length)
      throw new MixlabError(`${choices} choices of ${members.length} agents; expected at most as many as there are`, {
        code: 'invalid-topology',
      })
    const settings = {
      ...options,
      system: [options.system, confidence ? confidencePrompt : undefined].filter(Boolean).join('\n\n'),
    }
    return [
      {
        id: idAt(layer, 'route'),
        kind: 'route',
        layer,
        agents: members,
        from: idsOf(before),
        plan(context) {
          const { tokens } = answersPlanned(context)
          const texts = before.length > 0 ? [synthesisPrompt] : []
          const calls = members.map((agent) =>
            plannedCalls(context, agent, {
              ...settings,
              texts,
              more: tokens,
              min: members.length === choices ? 1 : 0,
              max: 1,
            }),
          )
          const longest = Math.max(...calls.map(({ outputTokens }) => outputTokens))
          return { calls, total: { min: choices, max: choices }, answers: { count: choices, tokens: longest } }
        },
        async run(context) {
          const choice = await chosenBy(context.router(options.router), members, options, context)
          const messages = synthesisMessages(context.question, answersSeen(context.inputs), settings)
          const chosen = choice.members.map((index) => members[index]!)
          const outcomes = await Promise.all(
            chosen.map((agent) => context.call({ agent, messages, ...replySettings(options) })),
          )
          const sure: Record<string, number> = {}
          const answers = outcomes.flatMap((outcome, place) => {
            if (!answered(outcome)) return []
            const answer = answerOf(outcome)
            if (!confidence) return [{ ...answer, score: choice.weights[place]! }]
            const prior = choice.scores[choice.members[place]!]!
            const own = bracketedNumber(answer.text, 0, 100)
            if (own !== undefined) sure[answer.agent] = own / 100
            return [{ ...answer, score: own === undefined ? prior : (prior + own / 100) / 2 }]
          })
          return {
            answers,
            decision: {
              chosen,
              scores: Object.fromEntries(members.map((agent, index) => [agent, choice.scores[index]!])),
              weights: choice.weights,
              ...(confidence && { confidence: sure }),
            },
          }
        },
      } satisfies Step,
    ]
  }
