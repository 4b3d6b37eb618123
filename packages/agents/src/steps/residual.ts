// What changed from one layer to the next, and an answer that takes it up (Residual Mixture-of-Agents, arXiv 2505.24442).
// Layer l of `residualLayers`: proposers see the chosen answers R_{l−1}; the most unlike ones of theirs are R_l; an extractor
// says what R_l has that R_{l−1} had not; an aggregator writes the answer from R_{l−1} and that. Where nothing is new the
// answer of the layer before stands, and no later layer makes a call.
import { idAt, type Part } from '../compose.ts'
import { numbered, questionMessages, questionText, synthesisPrompt, systemMessage } from '../prompts.ts'
import type { Step } from '../topology.ts'
import { aggregate } from './aggregate.ts'
import {
  answered,
  answersOf,
  answersPlanned,
  answersSeen,
  oneReply,
  plannedCalls,
  type ReplySettings,
  replyOf,
  replySettings,
} from './ask.ts'
import { unlessEnded } from './ending.ts'
import { propose, type ProposeOptions } from './propose.ts'
import { selectDiverse } from './select.ts'

export const residualPrompt = `Two rounds of answers to one question are given. List what the later round says that the earlier one did not: corrections, new arguments, new facts, another result. Leave out what is only said in other words.
Name the answer that each point is from. If there is nothing of the kind, reply with [[NONE]] and nothing else.`

export const residualSynthesis = `${synthesisPrompt.replace(/\n\nAnswers:$/, '')}
After the answers you find what a later round added to them: take up what is right of it.

Answers:`

/** One call: what the answers of `later` add to those of `earlier`. Ends nothing by itself; `isNothing` reads it. */
const extract = (agent: string, layer: number, earlier: Step, later: Step, settings: ReplySettings): Step => ({
  id: idAt(layer, 'residual'),
  kind: 'residual',
  layer,
  agents: [agent],
  from: [earlier.id, later.id],
  plan: (context) =>
    oneReply(
      plannedCalls(context, agent, {
        ...settings,
        texts: [residualPrompt, roundsText('', '', '')],
        more: answersPlanned(context).tokens,
      }),
    ),
  async run({ question, inputs, call }) {
    const [before, now] = inputs.map(({ output }) => numbered(output.answers)) as [string, string]
    const reply = await call({
      agent,
      messages: [
        ...systemMessage(residualPrompt, settings.system),
        { role: 'user', content: roundsText(questionText(question), before, now) },
      ],
      ...replySettings(settings),
    })
    return { answers: answersOf([reply]), decision: { nothing: answered(reply) && isNothing(reply.reply.text) } }
  },
})

const roundsText = (question: string, earlier: string, later: string): string =>
  `Question:\n${question}\n\nEarlier round:\n\n${earlier}\n\nLater round:\n\n${later}`

export const isNothing = (text: string): boolean => /\[\[\s*none\s*\]\]/i.test(text)

/** One call: the answer from the earlier answers and what was added; none where nothing was. */
const merge = (
  agent: string,
  layer: number,
  earlier: Step,
  added: Step,
  last: Step,
  settings: ReplySettings,
): Step => ({
  id: idAt(layer, 'aggregator'),
  kind: 'residual',
  layer,
  agents: [agent],
  from: [earlier.id, added.id, last.id],
  plan(context) {
    const { tokens } = answersPlanned({ ...context, inputs: context.inputs.slice(0, 2) })
    return {
      ...oneReply(
        plannedCalls(context, agent, { ...settings, texts: [residualSynthesis, addedText('')], more: tokens, min: 0 }),
      ),
      answers: {
        count: 1,
        tokens: Math.max(settings.maxTokens ?? context.maxTokens(agent), context.inputs[2]!.answers.tokens),
      },
    }
  },
  async run({ question, inputs, call }) {
    const [before, residual, last] = inputs.map(({ output }) => output) as [
      (typeof inputs)[number]['output'],
      (typeof inputs)[number]['output'],
      (typeof inputs)[number]['output'],
    ]
    const [text] = residual.answers
    // A failed extractor adds nothing, and proves nothing either: the answer stands and the loop goes on.
    if (text === undefined)
      return { answers: last.answers, skipped: 'what was added is not known: the extractor gave nothing' }
    if (residual.decision?.['nothing'] === true)
      return { answers: last.answers, skipped: 'nothing was added to the answers', decision: { end: true } }
    const [first, ...rest] = questionMessages(
      question,
      [settings.system, residualSynthesis].filter(Boolean).join('\n\n'),
    )
    const content = `${first!.content}\n\n${numbered(answersSeen([{ id: '', output: before }]))}${addedText(text.text)}`
    return replyOf(await call({ agent, messages: [{ role: 'system', content }, ...rest], ...replySettings(settings) }))
  },
})

const addedText = (residual: string): string => `\n\nAdded by a later round:\n${residual}`

export interface ResidualOptions {
  readonly layers: number
  readonly proposers: readonly string[]
  /** Answers of a layer that go on. */
  readonly keep: number
  readonly extractor: string
  readonly aggregator: string
  readonly proposing?: ProposeOptions
  readonly aggregating?: ReplySettings
}

/** n + 1 calls in the first layer, then up to n + 2 in each. */
export const residualLayers =
  ({ layers, proposers, keep, extractor, aggregator, proposing = {}, aggregating = {} }: ResidualOptions): Part =>
  ({ layer, before }) => {
    const proposed = propose(proposers, proposing)({ layer, before })
    let [chosen] = selectDiverse(keep)({ layer: layer + 1, before: proposed }) as [Step]
    let [answer] = aggregate(aggregator, aggregating)({ layer: layer + 2, before: [chosen] }) as [Step]
    const steps = [...proposed, chosen, answer]
    for (let next = 2; next <= layers; next++) {
      const first = answer.layer + 1
      const again = propose(proposers, proposing)({ layer: first, before: [chosen] })
      const [selected] = selectDiverse(keep)({ layer: first + 1, before: again }) as [Step]
      const added = extract(extractor, first + 2, chosen, selected, { temperature: 0 })
      const merged = merge(aggregator, first + 3, chosen, added, answer, aggregating)
      // The first layer cannot end the loop.
      const made = [...again, selected, added, merged]
      const round = next === 2 ? made : unlessEnded(made, answer)
      steps.push(...round)
      chosen = round.at(-3)!
      answer = round.at(-1)!
    }
    return steps
  }
