// Attention-MoA (arXiv 2601.16596, and its authors' code): within a layer every agent reviews every draft, its own too (n²
// calls: the attention matrix, in words), and each author revises; an aggregator merges. From the second layer on one more call
// reads the answers of all layers and writes the one that goes on, or says that nothing is left to improve: then the last
// merged answer stands, and no later layer makes a call.
import { idAt, idsOf, type Part, sequence } from '../compose.ts'
import { questionText, systemMessage } from '../prompts.ts'
import type { Step } from '../topology.ts'
import { aggregate } from './aggregate.ts'
import { answered, answersPlanned, oneReply, plannedCalls, type ReplySettings, replyOf, replySettings } from './ask.ts'
import { critique } from './critique.ts'
import { unlessEnded } from './ending.ts'
import { propose } from './propose.ts'
import { refine } from './refine.ts'

export const historyPrompt = `The answers that several rounds of work have given to one question are listed, the latest last.
If the latest one has all that is right in the earlier ones, and another round would not improve it, reply with [[STOP]] and nothing else.
Otherwise write the answer anew: the latest one, with what earlier ones had right and it lost, and without what it has wrong. Do not mention the rounds.`

const isStop = (text: string): boolean => /^\W*\[\[\s*stop\s*\]\]\W*$/i.test(text)

/** One call over the answers of all layers, the layer's own last. */
const synthesiseLayers = (agent: string, layer: number, history: readonly Step[], settings: ReplySettings): Step => ({
  id: idAt(layer, 'residual'),
  kind: 'residual',
  layer,
  agents: [agent],
  from: idsOf(history),
  plan: (context) =>
    oneReply(
      plannedCalls(context, agent, {
        ...settings,
        texts: [historyPrompt, ...history.map(() => 'Answer of round 99:\n\n\n')],
        more: answersPlanned(context).tokens,
      }),
    ),
  async run({ question, inputs, call }) {
    const texts = inputs.flatMap(({ output }) => output.answers.slice(0, 1)).map(({ text }) => text)
    const rounds = texts.map((text, index) => `Answer of round ${index + 1}:\n${text}`).join('\n\n')
    const reply = await call({
      agent,
      messages: [
        ...systemMessage(historyPrompt, settings.system),
        { role: 'user', content: `Question:\n${questionText(question)}\n\n${rounds}` },
      ],
      ...replySettings(settings),
    })
    if (!answered(reply) || !isStop(reply.reply.text)) return replyOf(reply)
    return { answers: inputs.at(-1)!.output.answers, decision: { end: true } }
  },
})

export interface AttentionOptions {
  readonly layers: number
  readonly members: readonly string[]
  readonly aggregator: string
  readonly proposing?: ReplySettings
  readonly aggregating?: ReplySettings
}

/** n² + 2n + 1 calls in the first layer, then up to n² + 2n + 2 in each; four layers of steps, then five. */
export const attentionLayers =
  ({ layers, members, aggregator, proposing = {}, aggregating = {} }: AttentionOptions): Part =>
  ({ layer, before }) => {
    const round = sequence(
      propose(members, proposing),
      critique(members, { ...proposing, authors: true }),
      refine(members, proposing),
      aggregate(aggregator, aggregating),
    )
    const steps = [...round({ layer, before })]
    const history = [steps.at(-1)!]
    for (let index = 2; index <= layers; index++) {
      const last = history.at(-1)!
      const made = round({ layer: last.layer + 1, before: [last] })
      const merged = made.at(-1)!
      const residual = synthesiseLayers(aggregator, merged.layer + 1, [...history, merged], aggregating)
      // The first layer cannot end the loop.
      const ended = index === 2 ? [...made, residual] : unlessEnded([...made, residual], last)
      steps.push(...ended)
      history.push(ended.at(-1)!)
    }
    return steps
  }
