// Marks answers after the fact and lets the best ones on (RouteMoA's mixture of judges, arXiv 2601.18130). The author of the
// best-valued answer marks all of them in one call; an answer's score becomes the mean of what it had and its mark.
import { idAt, idsOf, type Part } from '../compose.ts'
import { numbered, questionText, synthesisMessages, synthesisPrompt, systemMessage } from '../prompts.ts'
import { jsonObject } from '../read-reply.ts'
import type { Answer } from '../result.ts'
import type { Step } from '../topology.ts'
import {
  answered,
  answersPlanned,
  answersSeen,
  plannedCalls,
  type ReplySettings,
  replyOf,
  replySettings,
} from './ask.ts'

export const assessPrompt = `Several answers to a question are listed below. Mark each from 0 (wrong or useless) to 100 (right and complete); their order means nothing.
Reply with one JSON object and nothing else: {"marks": [70, 35]}, a mark for each answer in their order.`

/** Marks, 0 to 1; undefined where the reply is not what was asked for. */
export function readMarks(text: string, count: number): readonly number[] | undefined {
  const marks = jsonObject(text)?.['marks']
  if (!Array.isArray(marks) || marks.length !== count) return undefined
  const numbers = marks.map(Number)
  return numbers.every((mark) => mark >= 0 && mark <= 100) ? numbers.map((mark) => mark / 100) : undefined
}

const byScore = (answers: readonly Answer[]): Answer[] => answers.toSorted((a, b) => (b.score ?? 0) - (a.score ?? 0))

/** One call, by one of `members`; gives the `keep` best answers, best first. */
export const assess =
  (members: readonly string[], options: ReplySettings & { readonly keep: number }): Part =>
  ({ layer, before }) => {
    const { keep, temperature = 0, ...rest } = options
    const settings = { ...rest, temperature }
    return [
      {
        id: idAt(layer, 'assess'),
        kind: 'rank',
        layer,
        agents: members,
        from: idsOf(before),
        plan(context) {
          const { count, least, tokens, longest } = answersPlanned(context)
          const calls = members.map((agent) =>
            plannedCalls(context, agent, { ...settings, texts: [assessPrompt], more: tokens, min: 0, max: 1 }),
          )
          return {
            calls,
            total: { min: least > 1 ? 1 : 0, max: 1 },
            answers: { count: Math.min(keep, count), least: Math.min(keep, least), tokens: longest },
          }
        },
        async run({ question, inputs, call }) {
          const answers = answersSeen(inputs)
          if (answers.length < 2) return { answers, skipped: 'there was nothing to compare' }
          const judge = byScore(answers)[0]!.agent
          const reply = await call({
            agent: judge,
            messages: [
              ...systemMessage(assessPrompt, settings.system),
              { role: 'user', content: `Question:\n${questionText(question)}\n\nAnswers:\n\n${numbered(answers)}` },
            ],
            ...replySettings(settings),
          })
          const marks = answered(reply) ? readMarks(reply.reply.text, answers.length) : undefined
          const scored = answers.map((answer, index) =>
            marks === undefined ? answer : { ...answer, score: ((answer.score ?? marks[index]!) + marks[index]!) / 2 },
          )
          return {
            answers: byScore(scored).slice(0, keep),
            decision: { judge, ...(marks === undefined ? { unparseable: true } : { marks }) },
          }
        },
      } satisfies Step,
    ]
  }

/** An aggregator that is chosen among `members`: the author of the first answer that it sees. */
export const aggregateByBest =
  (members: readonly string[], settings: ReplySettings = {}): Part =>
  ({ layer, before }) => [
    {
      id: idAt(layer, 'aggregator'),
      kind: 'aggregate',
      layer,
      agents: members,
      from: idsOf(before),
      plan(context) {
        const { tokens } = answersPlanned(context)
        const calls = members.map((agent) =>
          plannedCalls(context, agent, { ...settings, texts: [synthesisPrompt], more: tokens, min: 0, max: 1 }),
        )
        const longest = Math.max(...calls.map(({ outputTokens }) => outputTokens))
        return { calls, total: { min: 1, max: 1 }, answers: { count: 1, tokens: longest } }
      },
      async run({ question, inputs, call }) {
        const answers = answersSeen(inputs)
        const agent = answers[0]!.agent
        const messages = synthesisMessages(question, answers, settings)
        return {
          ...replyOf(await call({ agent, messages, ...replySettings(settings) })),
          decision: { aggregator: agent },
        }
      },
    } satisfies Step,
  ]
