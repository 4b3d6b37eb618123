// Ranks answers by comparing every pair in both orders, so that a judge who favours the first place favours nobody:
// s_i = mean over j of (L_ij − L_ji) / 2, where L_ij is 1, 0 or −1 as the judge prefers the first, neither or the second of
// (i, j) (LLM-Blender's PairRanker, arXiv 2306.02561, with a judge's verdicts in the place of its logits).
import { idAt, idsOf, type Part } from '../compose.ts'
import { questionText, systemMessage, withNote } from '../prompts.ts'
import { lastBracketed } from '../read-reply.ts'
import type { Step } from '../topology.ts'
import { answered, answersPlanned, answersSeen, plannedCalls, type ReplySettings, replySettings } from './ask.ts'

export const pairPrompt = `Two answers to a question are given. Decide which one is better: correct first, then complete, then clear.
Their order means nothing. Think briefly, then end with [[A]] if answer A is better, [[B]] if answer B is better, or [[C]] if neither is.`

const verdicts: Readonly<Record<string, number>> = { A: 1, B: -1, C: 0 }

/** n × n: L_ij; what was not answered is undefined. */
export type Verdicts = readonly (readonly (number | undefined)[])[]

/** s_i of each answer; a comparison without a verdict prefers neither. */
export const pairScores = (verdicts: Verdicts): readonly number[] =>
  verdicts.map((row, i) => {
    const sum = row.reduce<number>(
      (total, first, j) => (i === j ? total : total + (first ?? 0) - (verdicts[j]![i] ?? 0)),
      0,
    )
    return verdicts.length < 2 ? 0 : sum / (2 * (verdicts.length - 1))
  })

/** The `top` best of the answers that it sees, best first; n·(n − 1) calls. Ties keep their order. */
export const rank =
  (judge: string, options: ReplySettings & { readonly top?: number } = {}): Part =>
  ({ layer, before }) => {
    const { top = Number.POSITIVE_INFINITY, temperature = 0, ...rest } = options
    const settings = { ...rest, temperature }
    return [
      {
        id: idAt(layer, 'rank'),
        kind: 'rank',
        layer,
        agents: [judge],
        from: idsOf(before),
        plan(context) {
          const { count, least, longest } = answersPlanned(context)
          return {
            calls: [
              plannedCalls(context, judge, {
                ...settings,
                texts: [pairPrompt, pairText('', '', '')],
                more: 2 * longest,
                min: least * (least - 1),
                max: count * (count - 1),
              }),
            ],
            answers: { count: Math.min(top, count), least: Math.min(top, least), tokens: longest },
          }
        },
        async run({ inputs, question, call }) {
          const answers = answersSeen(inputs)
          const outcomes = await Promise.all(
            answers.map((first, i) =>
              Promise.all(
                answers.map(async (second, j) => {
                  if (i === j) return undefined
                  const content = pairText(questionText(question), withNote(first), withNote(second))
                  const messages = [...systemMessage(pairPrompt, settings.system), { role: 'user', content } as const]
                  const outcome = await call({ agent: judge, messages, ...replySettings(settings) })
                  return answered(outcome) ? (lastBracketed(outcome.reply.text)?.toUpperCase() ?? '') : undefined
                }),
              ),
            ),
          )
          const table = outcomes.map((row) =>
            row.map((verdict) => (verdict === undefined ? undefined : verdicts[verdict])),
          )
          const scores = pairScores(table)
          const order = answers.map((_, index) => index).toSorted((a, b) => scores[b]! - scores[a]! || a - b)
          return {
            answers: order.slice(0, top).map((index) => ({ ...answers[index]!, score: scores[index]! })),
            decision: {
              scores,
              order: order.map((index) => index + 1),
              ...consistency(table),
              unparseable: outcomes.flat().filter((verdict) => verdict !== undefined && verdicts[verdict] === undefined)
                .length,
            },
          }
        },
      } satisfies Step,
    ]
  }

const pairText = (question: string, a: string, b: string): string =>
  `Question:\n${question}\n\nAnswer A:\n${a}\n\nAnswer B:\n${b}`

/** Of the pairs with two verdicts, those where both orders prefer the same answer. */
function consistency(table: Verdicts): { readonly pairs: number; readonly consistent: number } {
  let pairs = 0
  let consistent = 0
  for (let i = 0; i < table.length; i++)
    for (let j = 0; j < i; j++) {
      const [one, other] = [table[i]![j], table[j]![i]]
      if (one === undefined || other === undefined) continue
      pairs++
      if (one === -other) consistent++
    }
  return { pairs, consistent }
}
