// A verifier checks each answer in a call of its own; those that it finds wrong do not go on (Archon, arXiv 2409.15254). Where
// it finds all of them wrong, or its replies cannot be read, all go on: something has to.
import { idAt, idsOf, type Part } from '../compose.ts'
import { questionText, systemMessage, withNote } from '../prompts.ts'
import { lastBracketed } from '../read-reply.ts'
import type { Step } from '../topology.ts'
import { answered, answersPlanned, answersSeen, plannedCalls, type ReplySettings, replySettings } from './ask.ts'

export const verifyPrompt = `An answer to a question is given. Check its reasoning and its result step by step. End with [[RIGHT]] if the answer is right, or with [[WRONG]] if it is not.`

export const verify =
  (agent: string, settings: ReplySettings = { temperature: 0 }): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, 'verifier'),
      kind: 'select',
      layer,
      agents: [agent],
      from: idsOf(before),
      plan(context) {
        const { count, least, longest } = answersPlanned(context)
        const texts = [verifyPrompt, checkText('', '')]
        const calls = plannedCalls(context, agent, { ...settings, texts, more: longest, min: least, max: count })
        return { calls: [calls], answers: { count, least: Math.min(1, least), tokens: longest } }
      },
      async run({ question, inputs, call }) {
        const answers = answersSeen(inputs)
        const replies = await Promise.all(
          answers.map((answer) =>
            call({
              agent,
              messages: [
                ...systemMessage(verifyPrompt, settings.system),
                { role: 'user', content: checkText(questionText(question), withNote(answer)) },
              ],
              ...replySettings(settings),
            }),
          ),
        )
        const verdicts = replies.map((reply) =>
          answered(reply) ? (lastBracketed(reply.reply.text)?.toUpperCase() ?? '') : undefined,
        )
        const right = answers.filter((_, index) => verdicts[index] === 'RIGHT')
        return {
          answers: right.length > 0 ? right : answers,
          decision: {
            right: verdicts.flatMap((verdict, index) => (verdict === 'RIGHT' ? [index + 1] : [])),
            wrong: verdicts.flatMap((verdict, index) => (verdict === 'WRONG' ? [index + 1] : [])),
            unparseable: verdicts.filter(
              (verdict) => verdict !== undefined && verdict !== 'RIGHT' && verdict !== 'WRONG',
            ).length,
          },
        }
      },
    } satisfies Step,
  ]

const checkText = (question: string, answer: string): string => `Question:\n${question}\n\nAnswer:\n${answer}`
