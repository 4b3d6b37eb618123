// A conversation as the tokens that a model of llama.cpp expects: by the chat template in its file, or as plain text.
import type { Message } from '@mixlab/agents'
import type { ChatHistoryItem, LlamaModel, Token } from 'node-llama-cpp'
import { formatPrompt, type PromptFormat } from '../prompt-format.ts'
import type { Library } from './library.ts'

export interface PromptTokens {
  readonly tokens: Token[]
  /** What ends a reply besides the model's end-of-generation tokens. */
  readonly stop: readonly string[]
  readonly stopTokens: readonly Token[]
}

const turn = ({ role, content }: Message): ChatHistoryItem =>
  role === 'assistant' ? { type: 'model', response: [content] } : { type: role, text: content }

export type PromptEncoder = (messages: readonly Message[]) => PromptTokens

/** @param format default: the file's own template, where it has one; else plain */
export function createPromptEncoder(
  { resolveChatWrapper }: Library,
  model: LlamaModel,
  format: PromptFormat | undefined,
): PromptEncoder {
  const template = model.fileInfo.metadata.tokenizer.chat_template
  if (format !== undefined || template === undefined) {
    return (messages) => {
      const tokens = model.tokenize(
        formatPrompt(messages, format ?? 'plain'),
        format !== undefined && format !== 'plain',
      )
      const { bos, shouldPrependBosToken } = model.tokens
      return { tokens: shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens, stop: [], stopTokens: [] }
    }
  }
  const wrapper = resolveChatWrapper(model)
  return (messages) => {
    const chatHistory: ChatHistoryItem[] = [...messages.map(turn), { type: 'model', response: [] }]
    const { contextText, stopGenerationTriggers } = wrapper.generateContextState({ chatHistory })
    const triggers = stopGenerationTriggers.map((trigger) => trigger.tokenize(model.tokenizer))
    const special = triggers.flatMap((tokens) => (tokens.length === 1 && model.isSpecialToken(tokens[0]) ? tokens : []))
    const texts = triggers.filter((tokens) => !tokens.some((token) => model.isSpecialToken(token)))
    return {
      tokens: contextText.tokenize(model.tokenizer),
      stop: texts.map((tokens) => model.detokenize(tokens)),
      stopTokens: special,
    }
  }
}
