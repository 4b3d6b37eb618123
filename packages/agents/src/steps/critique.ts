// Critics. Each looks at every draft in a call of its own and passes the drafts on with what it says of them as notes, so
// that whoever comes next (an author who revises, a fuser, a judge) sees both.
import { idAt, idsOf, type Part } from '../compose.ts'
import { questionText, systemMessage, withNote } from '../prompts.ts'
import type { Step } from '../topology.ts'
import { answered, answersPlanned, answersSeen, plannedCalls, type ReplySettings, replySettings } from './ask.ts'

export const critiquePrompt = `You review an answer to a question. Say what is wrong, doubtful or missing in it and how to put it right, and what is good and must stay.
Be specific and brief: quote what you mean. Do not write a new answer.`

export interface CritiqueOptions extends ReplySettings {
  /** The critics are the authors, in the same order: each also sees its own draft beside the one that it reviews. */
  readonly authors?: boolean
}

/** A step for each critic, a call for each draft. */
export const critique =
  (critics: readonly string[], options: CritiqueOptions = {}): Part =>
  ({ layer, before }) =>
    critics.map((agent, critic): Step => {
      const { authors = false, ...settings } = options
      return {
        id: idAt(layer, 'critic', critics.length === 1 ? undefined : critic + 1),
        kind: 'critique',
        layer,
        agents: [agent],
        from: idsOf(before),
        plan(context) {
          const { count, least, longest } = answersPlanned(context)
          const reviews = plannedCalls(context, agent, {
            ...settings,
            texts: [critiquePrompt, reviewText('', '', '')],
            more: (authors ? 2 : 1) * longest,
            min: least,
            max: count,
          })
          return {
            calls: [reviews],
            answers: {
              count,
              least,
              tokens: longest + reviews.outputTokens + context.tokens(withNote({ text: '', note: '' })),
            },
          }
        },
        async run({ inputs, question, call }) {
          const drafts = answersSeen(inputs)
          const own = authors ? inputs[critic]?.output.answers[0] : undefined
          const reviews = await Promise.all(
            drafts.map((draft) => {
              const beside = own === undefined || own.call === draft.call ? undefined : own.text
              return call({
                agent,
                messages: [
                  ...systemMessage(critiquePrompt, settings.system),
                  { role: 'user', content: reviewText(questionText(question), draft.text, beside) },
                ],
                ...replySettings(settings),
              })
            }),
          )
          return {
            answers: drafts.map((draft, index) => {
              const review = reviews[index]!
              return answered(review) ? { ...draft, note: review.reply.text } : draft
            }),
          }
        },
      }
    })

const reviewText = (question: string, draft: string, own: string | undefined): string =>
  `Question:\n${question}\n\nAnswer to review:\n${draft}${own === undefined ? '' : `\n\nYour own answer, to compare with:\n${own}`}`
