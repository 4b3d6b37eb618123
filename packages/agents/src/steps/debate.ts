// Multi-agent debate (Du et al., arXiv 2305.14325): in each later round an agent is shown the others' answers of the round
// before and gives its own anew, its earlier turns before it as a conversation.
import { idAt, type Part, type Place } from '../compose.ts'
import type { Message } from '../chat-model.ts'
import { numbered, questionMessages, synthesisMessages } from '../prompts.ts'
import type { Step, StepContext } from '../topology.ts'
import {
  answersPlanned,
  answersSeen,
  oneReply,
  plannedCalls,
  type ReplySettings,
  replyOf,
  replySettings,
} from './ask.ts'

export const othersPrompt = (answers: string): string =>
  `Other agents have answered as follows:

${answers}

Check their reasoning and your own against each other, then give your answer again, changed or not, in the form in which it was asked for.`

export const alonePrompt =
  'Check your answer once more, then give it again, changed or not, in the form in which it was asked for.'

const stepOf = (
  agents: readonly string[],
  place: Place,
  round: number,
  index: number,
  settings: ReplySettings,
): Step => {
  const idIn = (other: number, of: number) => idAt(place.layer + other - 1, 'debater', of + 1)
  const earlier = Array.from({ length: round - 1 }, (_, other) => agents.map((_, of) => idIn(other + 1, of)))
  const agent = agents[index]!
  return {
    id: idIn(round, index),
    kind: 'debate',
    layer: place.layer + round - 1,
    agents: [agent],
    from: round === 1 ? place.before.map(({ id }) => id) : earlier.flat(),
    plan(context) {
      const { tokens } = answersPlanned(context)
      const texts = earlier.map(() => othersPrompt(''))
      return oneReply(plannedCalls(context, agent, { ...settings, texts, more: tokens, messages: 2 * round }))
    },
    async run({ question, inputs, call }) {
      const messages =
        round === 1
          ? synthesisMessages(question, answersSeen(inputs), settings)
          : conversation(questionMessages(question, settings.system), earlier, index, inputs)
      return replyOf(await call({ agent, messages, ...replySettings(settings) }))
    },
  }
}

/** The question, then for each earlier round one's own answer and what the others said. A turn that is missing is left out. */
function conversation(
  start: readonly Message[],
  earlier: readonly (readonly string[])[],
  index: number,
  inputs: StepContext['inputs'],
): readonly Message[] {
  const answersOfStep = new Map(inputs.map(({ id, output }) => [id, output.answers]))
  const messages = [...start]
  for (const round of earlier) {
    const own = answersOfStep.get(round[index]!)!
    const others = round.filter((_, of) => of !== index).flatMap((id) => answersOfStep.get(id)!)
    const content = others.length === 0 ? alonePrompt : othersPrompt(numbered(others))
    const last = messages.at(-1)!
    if (own.length > 0) messages.push({ role: 'assistant', content: own[0]!.text }, { role: 'user', content })
    // Without an own answer two user turns would follow each other, which many models refuse.
    else messages[messages.length - 1] = { ...last, content: `${last.content}\n\n${content}` }
  }
  return messages
}

/** A layer for each round; the last round's answers go on. Needs a vote or an aggregator after it. */
export const debate =
  (agents: readonly string[], options: ReplySettings & { readonly rounds?: number } = {}): Part =>
  (place) => {
    const { rounds = 2, ...settings } = options
    return Array.from({ length: rounds }, (_, round) =>
      agents.map((_, index) => stepOf(agents, place, round + 1, index, settings)),
    ).flat()
  }
