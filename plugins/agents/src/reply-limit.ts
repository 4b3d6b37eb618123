// How long a reply may grow before it is given up: a server that does not heed the limit on tokens must not fill the memory.
import { ChatFailure, type ChatRequest } from '@mixlab/agents'

/** Characters, where no `maxTokens` was asked for. */
export const characterLimit = 16 * 2 ** 20

/** No tokenizer's tokens are longer on average over a reply. */
const charactersPerToken = 64

/** Characters of a reply, reasoning included. */
export const replyLimit = ({ maxTokens }: ChatRequest): number =>
  maxTokens === undefined ? characterLimit : Math.min(characterLimit, 4096 + maxTokens * charactersPerToken)

export const endless = (provider: string, limit: number): ChatFailure =>
  new ChatFailure('endless', `${provider} had sent more than ${limit} characters and went on: the reply was given up`)
