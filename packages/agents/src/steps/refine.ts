// Authors revise their drafts after reviews: each sees its own draft and all notes on it.
import { MixlabError } from '@mixlab/core'
import { idAt, idsOf, type Part } from '../compose.ts'
import { questionMessages } from '../prompts.ts'
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

export const refinePrompt = (reviews: string): string =>
  `Your answer has been reviewed:

${reviews}

Weigh what the reviews say: take over what is right, leave what is not. Then give your answer again, complete and in the form in which it was asked for, without mentioning the reviews.`

/** A step for each author; comes after `critique`, whose drafts were theirs in the same order. */
export const refine =
  (authors: readonly string[], settings: ReplySettings = {}): Part =>
  ({ layer, before }) => {
    const drafts = before[0]?.from ?? []
    if (drafts.length !== authors.length)
      throw new MixlabError(
        `refine has ${authors.length} authors, and the reviews are of ${drafts.length} drafts; expected one author a draft`,
        {
          code: 'invalid-topology',
        },
      )
    return authors.map((agent, author): Step => ({
      id: idAt(layer, 'author', authors.length === 1 ? undefined : author + 1),
      kind: 'refine',
      layer,
      agents: [agent],
      from: [drafts[author]!, ...idsOf(before)],
      plan(context) {
        const [draft, ...reviews] = context.inputs
        // Of each critic's notes, the one on this draft.
        const notes = reviews.reduce((sum, { calls }) => sum + (calls[0]?.outputTokens ?? 0) + 8, 0)
        const { longest } = answersPlanned({ ...context, inputs: [draft!] })
        const call = plannedCalls(context, agent, {
          ...settings,
          texts: [refinePrompt('')],
          more: longest + notes,
          messages: 4,
          min: draft!.answers.least ?? draft!.answers.count,
        })
        return oneReply(call)
      },
      async run({ question, inputs, call }) {
        const own = inputs[0]!.output.answers[0]
        if (own === undefined) return { answers: [], skipped: 'it has no draft to revise' }
        const notes = inputs
          .slice(1)
          .flatMap(({ output }) => answersSeen([{ id: '', output }]))
          .filter((draft) => draft.call === own.call && draft.note !== undefined)
          .map(({ note }, index) => `Review ${index + 1}: ${note}`)
        if (notes.length === 0) return { answers: [own], skipped: 'nobody reviewed its draft' }
        const messages = [
          ...questionMessages(question, settings.system),
          { role: 'assistant', content: own.text } as const,
          { role: 'user', content: refinePrompt(notes.join('\n\n')) } as const,
        ]
        return replyOf(await call({ agent, messages, ...replySettings(settings) }))
      },
    }))
  }
