// A layer of proposers: each answers the question; from the second layer on each sees all answers of the layer before, by
// the same prompt as an aggregator (Mixture-of-Agents, arXiv 2406.04692, eq. 1).
import { idAt, idsOf, type Part } from '../compose.ts'
import { synthesisMessages, synthesisPrompt } from '../prompts.ts'
import type { Step } from '../topology.ts'
import {
  answersPlanned,
  answersSeen,
  oneReply,
  plannedCalls,
  type ReplySettings,
  replyOf,
  replySettings,
} from './ask.ts'

export interface ProposeOptions extends ReplySettings {
  /** By proposer, in their order: comes in the system message, before `system`. */
  readonly roles?: readonly string[] | undefined
  /** What proposers that see answers are told to do with them. Default: `synthesisPrompt`. */
  readonly prompt?: string | undefined
}

/** One step for each of `agents`; one that is named twice gives two samples. */
export const propose =
  (agents: readonly string[], options: ProposeOptions = {}): Part =>
  ({ layer, before }) =>
    agents.map((agent, index): Step => {
      const role = options.roles?.[index]
      const system = [role, options.system].filter((text) => text !== undefined).join('\n\n')
      return {
        id: idAt(layer, 'proposer', index + 1),
        kind: 'propose',
        layer,
        agents: [agent],
        from: idsOf(before),
        plan(context) {
          const { tokens } = answersPlanned(context)
          const texts = before.length > 0 ? [options.prompt ?? synthesisPrompt] : []
          return oneReply(plannedCalls(context, agent, { ...options, system, texts, more: tokens }))
        },
        async run({ question, inputs, call }) {
          const messages = synthesisMessages(question, answersSeen(inputs), { ...options, system })
          return replyOf(await call({ agent, messages, ...replySettings(options) }))
        },
      }
    })

/** `count` samples of one agent. */
export const sample = (agent: string, count: number, options: ProposeOptions = {}): Part =>
  propose(
    Array.from({ length: count }, () => agent),
    options,
  )
