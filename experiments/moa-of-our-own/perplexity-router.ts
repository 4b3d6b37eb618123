// The agent whose model finds the passage least surprising is asked: what a mixture of such models can know for itself.
import { type AgentRouter, type LanguageModel, ops, tf } from 'mixlab'

export interface PromptReader {
  readonly model: LanguageModel
  encode(text: string): Int32Array
}

/** Mean negative log-likelihood of a text's tokens after the first, in nats. */
export function promptLoss({ model, encode }: PromptReader, text: string): number {
  const tokens = encode(text).slice(-model.contextLength)
  return tf.tidy(() => {
    const inputs = tf.tensor2d(tokens.subarray(0, -1), [1, tokens.length - 1], 'int32')
    const { logits } = model.forward(inputs, { training: false })
    const { loss } = ops.crossEntropy(logits, tf.tensor1d(tokens.subarray(1), 'int32'))
    return loss.dataSync()[0]!
  })
}

export function perplexityRouter(readers: ReadonlyMap<string, PromptReader>): AgentRouter {
  return {
    name: 'perplexity',
    choices: 1,
    route({ question, members }) {
      const scores = members.map((member) => -promptLoss(readers.get(member)!, question.text))
      return { members: [scores.indexOf(Math.max(...scores))], weights: [1], scores }
    },
  }
}

/** Who was trained on the question's domain: not known in earnest; what a perfect router of domains would do. */
export const domainRouter: AgentRouter = {
  name: 'domain',
  choices: 1,
  route({ question, members }) {
    const own = members.indexOf(question.group!.split('/')[0]!)
    return { members: [own], weights: [1], scores: members.map((_, index) => (index === own ? 1 : 0)) }
  },
}
