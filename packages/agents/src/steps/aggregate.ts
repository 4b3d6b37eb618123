// An aggregator: one agent that sees all answers and writes one.
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

export interface AggregateOptions extends ReplySettings {
  /** What it is told to do with the answers. Default: `synthesisPrompt`. */
  readonly prompt?: string | undefined
  /** Part of its id. Default `aggregator`. */
  readonly role?: string
}

/** One step: `agent` sees what was before and gives one answer. */
export const aggregate =
  (agent: string, options: AggregateOptions = {}): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, options.role ?? 'aggregator'),
      kind: 'aggregate',
      layer,
      agents: [agent],
      from: idsOf(before),
      plan: (context) =>
        oneReply(
          plannedCalls(context, agent, {
            ...options,
            texts: [options.prompt ?? synthesisPrompt],
            more: answersPlanned(context).tokens,
          }),
        ),
      async run({ question, inputs, call }) {
        const messages = synthesisMessages(question, answersSeen(inputs), options)
        return replyOf(await call({ agent, messages, ...replySettings(options) }))
      },
    } satisfies Step,
  ]
