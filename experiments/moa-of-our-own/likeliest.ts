// A step of this experiment's own: all are asked, and the word that its own model finds likeliest is the answer. It needs
// log-probabilities, which models of ours give, and which compare because all have one vocabulary.
import { moa } from 'mixlab'
import { parseWord } from './questions.ts'

/** Mean log-probability of the word's letters and of its end. */
export function wordConfidence(reply: Pick<moa.ChatReply, 'text' | 'logProbabilities'>): number {
  const letters = parseWord(reply.text)?.length ?? 0
  const tokens = reply.logProbabilities!.slice(0, letters + 1)
  return tokens.reduce((sum, { logProbability }) => sum + logProbability, 0) / tokens.length
}

export const likeliest =
  (agents: readonly string[]): moa.Part =>
  ({ layer, before }) => [
    {
      id: moa.idAt(layer, 'likeliest'),
      kind: 'select',
      layer,
      agents,
      from: moa.idsOf(before),
      plan: (context) => ({
        calls: agents.map((agent) => moa.plannedCalls(context, agent)),
        answers: { count: 1, tokens: Math.max(...agents.map((agent) => context.maxTokens(agent))) },
      }),
      async run({ question, call }) {
        const messages = moa.questionMessages(question)
        const outcomes = await Promise.all(agents.map((agent) => call({ agent, messages, logProbabilities: 0 })))
        const answers = outcomes
          .filter(moa.answered)
          .map((outcome) => ({ ...moa.answerOf(outcome), score: wordConfidence(outcome.reply) }))
          .toSorted((a, b) => b.score - a.score)
        const scores = Object.fromEntries(answers.map(({ agent, score }) => [agent, score]))
        return { answers: answers.slice(0, 1), decision: { scores } }
      },
    },
  ]
