// Selections: some of the answers go on, none is written. Most need no call: the most unlike ones, the most typical one, the
// best-valued ones. `choose` asks a judge for the best one, with all of them before it.
import { cumulativeBleu } from '../bleu.ts'
import { idAt, idsOf, type Part } from '../compose.ts'
import { diverseSubset } from '../lexical-similarity.ts'
import { numbered, questionText, systemMessage } from '../prompts.ts'
import { bracketedNumber } from '../read-reply.ts'
import type { Answer } from '../result.ts'
import type { Step } from '../topology.ts'
import { answered, answersPlanned, answersSeen, plannedCalls, type ReplySettings, replySettings } from './ask.ts'

/**
 * A step without a call that lets at most `count` answers on.
 * @param pick their indices, in the order in which they go on, and what to record of the choice
 */
export const select =
  (
    role: string,
    count: number,
    pick: (answers: readonly Answer[]) => {
      readonly chosen: readonly number[]
      readonly decision?: Readonly<Record<string, unknown>>
    },
  ): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, role),
      kind: 'select',
      layer,
      agents: [],
      from: idsOf(before),
      plan(context) {
        const planned = answersPlanned(context)
        const answers = { count: Math.min(count, planned.count), least: Math.min(count, planned.least) }
        return { calls: [], answers: { ...answers, tokens: planned.longest } }
      },
      async run({ inputs }) {
        const answers = answersSeen(inputs)
        const { chosen, decision } = pick(answers)
        return {
          answers: chosen.map((index) => answers[index]!),
          decision: { chosen: chosen.map((index) => index + 1), of: answers.length, ...decision },
        }
      },
    } satisfies Step,
  ]

/** The `count` answers that are most unlike one another, in their order. */
export const selectDiverse = (count: number): Part =>
  select('diverse', count, (answers) => ({
    chosen: diverseSubset(
      answers.map(({ text }) => text),
      count,
    ),
  }))

/** The answer that is most like all others: the largest sum of BLEU (for texts that no grader can compare). */
export const selectTypical = (): Part =>
  select('typical', 1, (answers) => {
    const scores = cumulativeBleu(answers.map(({ text }) => text))
    return { chosen: answers.length === 0 ? [] : [scores.indexOf(Math.max(...scores))], decision: { bleu: scores } }
  })

export const choicePrompt = `Several answers to a question are listed below. Decide which one is best: correct first, then complete, then clear.
Their order means nothing. Think briefly, then end with the number of the best answer in double brackets, e.g. [[2]].`

/** A judge names the best answer. A reply that names none chooses the first, and says so. */
export const choose =
  (judge: string, settings: ReplySettings = { temperature: 0 }): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, 'judge'),
      kind: 'select',
      layer,
      agents: [judge],
      from: idsOf(before),
      plan(context) {
        const { tokens, longest, least } = answersPlanned(context)
        const call = plannedCalls(context, judge, {
          ...settings,
          texts: [choicePrompt],
          more: tokens,
          min: least > 1 ? 1 : 0,
        })
        return { calls: [call], answers: { count: 1, tokens: longest } }
      },
      async run({ inputs, question, call }) {
        const answers = answersSeen(inputs)
        if (answers.length < 2) return { answers, skipped: 'there was no choice' }
        const reply = await call({
          agent: judge,
          messages: [
            ...systemMessage(choicePrompt, settings.system),
            { role: 'user', content: `Question:\n${questionText(question)}\n\nAnswers:\n\n${numbered(answers)}` },
          ],
          ...replySettings(settings),
        })
        const chosen = answered(reply) ? bracketedNumber(reply.reply.text, 1, answers.length) : undefined
        const index = Number.isInteger(chosen) ? chosen! - 1 : 0
        return {
          answers: [answers[index]!],
          decision: { chosen: [index + 1], of: answers.length, ...(index + 1 !== chosen && { unparseable: true }) },
        }
      },
    } satisfies Step,
  ]
