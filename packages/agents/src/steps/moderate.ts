// A moderator reads all answers, lets the best of them on and says whether to stop (Sparse Mixture-of-Agents, arXiv
// 2411.03284). A reply that cannot be read lets the first answers on: where the reference implementation draws lots, the
// choice here is the same in every run, and it is recorded.
import { idAt, idsOf, type Part } from '../compose.ts'
import { numbered, questionText, systemMessage } from '../prompts.ts'
import { jsonObject } from '../read-reply.ts'
import type { Step } from '../topology.ts'
import { answered, answersPlanned, answersSeen, plannedCalls, type ReplySettings, replySettings } from './ask.ts'

export const moderatorPrompt = (keep: number): string =>
  `You moderate a discussion in which several agents answer one question. Read their answers and do two things.
First choose the ${keep === 1 ? 'answer that is' : `${keep} answers that are`} best: correct first, then complete, then clear; leave out what repeats another.
Then decide whether to end: end when the answers agree and another round would not improve them.
Reply with one JSON object and nothing else: {"reasoning": "…", "chosen": [${keep === 1 ? '2' : '2, 3'}], "end": false}; "chosen" holds the numbers of answers.`

interface Verdict {
  /** Indices, from 0. */
  readonly chosen: readonly number[]
  readonly end: boolean
  readonly reasoning?: string
}

/** Undefined where the reply is not what was asked for. */
export function readVerdict(text: string, count: number, keep: number): Verdict | undefined {
  const found = jsonObject(text)
  if (found === undefined || !Array.isArray(found['chosen'])) return undefined
  const numbers = [...new Set(found['chosen'].map(Number))]
  if (numbers.length === 0 || !numbers.every((number) => Number.isInteger(number) && number >= 1 && number <= count))
    return undefined
  return {
    chosen: numbers.slice(0, keep).map((number) => number - 1),
    end: found['end'] === true,
    ...(typeof found['reasoning'] === 'string' && { reasoning: found['reasoning'] }),
  }
}

/** One call; gives at most `keep` of the answers that it sees, and its decision's `end`. */
export const moderate =
  (agent: string, options: ReplySettings & { readonly keep: number }): Part =>
  ({ layer, before }) => {
    const { keep, ...settings } = options
    const prompt = moderatorPrompt(keep)
    return [
      {
        id: idAt(layer, 'moderator'),
        kind: 'moderate',
        layer,
        agents: [agent],
        from: idsOf(before),
        plan(context) {
          const { count, tokens, longest } = answersPlanned(context)
          return {
            calls: [plannedCalls(context, agent, { ...settings, texts: [prompt], more: tokens })],
            answers: { count: Math.min(keep, count), least: Math.min(1, count), tokens: longest },
          }
        },
        async run({ inputs, question, call }) {
          const answers = answersSeen(inputs)
          const reply = await call({
            agent,
            messages: [
              ...systemMessage(prompt, settings.system),
              { role: 'user', content: `Question:\n${questionText(question)}\n\nAnswers:\n\n${numbered(answers)}` },
            ],
            ...replySettings(settings),
          })
          const verdict = answered(reply) ? readVerdict(reply.reply.text, answers.length, keep) : undefined
          const chosen = verdict?.chosen ?? answers.slice(0, keep).map((_, index) => index)
          return {
            answers: chosen.map((index) => answers[index]!),
            decision: {
              chosen: chosen.map((index) => index + 1),
              of: answers.length,
              end: verdict?.end ?? false,
              ...(verdict?.reasoning !== undefined && { reasoning: verdict.reasoning }),
              ...(verdict === undefined && { unparseable: true }),
            },
          }
        },
      } satisfies Step,
    ]
  }
