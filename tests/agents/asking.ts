// What the tests of adapters share: a request, and a model's stream gathered up.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatChunk, ChatFailure, ChatModel, ChatReply, ChatRequest, GenerateOptions } from '@mixlab/agents'
import { secretsFrom } from '@mixlab/agents'
import { openAiCompatible } from '@mixlab/agent-models'
import { pluginConfiguration, RandomStream } from '@mixlab/core'

export const question: ChatRequest = {
  messages: [
    { role: 'system', content: 'You answer questions.' },
    { role: 'user', content: 'How many eggs are left? — «œufs» 🥚' },
  ],
  maxTokens: 256,
}

export const options = (more: Partial<GenerateOptions> = {}): GenerateOptions => ({
  signal: new AbortController().signal,
  ...more,
})

/** An `openai-compatible` model, as a run would make it. */
export const openAiCompatibleModel = async (
  config: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<ChatModel> =>
  openAiCompatible.create(pluginConfiguration(openAiCompatible, { model: 'tiny', ...config }), {
    ...secretsFrom(environment),
    rng: new RandomStream(0),
  } as never)

export interface Gathered {
  readonly text: string
  readonly reasoning: string
  readonly pieces: number
  readonly reply?: ChatReply
  readonly failure?: ChatFailure
}

/** A stream to its end, or to its failure. */
export async function gather(stream: AsyncIterable<ChatChunk>): Promise<Gathered> {
  let text = ''
  let reasoning = ''
  let pieces = 0
  let reply: ChatReply | undefined
  try {
    for await (const chunk of stream) {
      if (chunk.type === 'reply') reply = chunk.reply
      else if (chunk.type === 'text') text += chunk.text
      else reasoning += chunk.text
      pieces++
    }
  } catch (error) {
    return { text, reasoning, pieces, failure: error as ChatFailure }
  }
  return { text, reasoning, pieces, ...(reply && { reply }) }
}

export const failureOf = async (promise: Promise<unknown>): Promise<ChatFailure> => {
  try {
    await promise
  } catch (error) {
    return error as ChatFailure
  }
  throw new Error('it did not fail')
}

/** Aborts a little after the server has got its next request, and gives the time at which it did. */
export async function abortOnceAsked(
  { log }: { readonly log: readonly unknown[] },
  controller: AbortController,
  reason: Error,
): Promise<number> {
  const before = log.length
  while (log.length === before) await sleep(2)
  await sleep(30)
  const at = performance.now()
  controller.abort(reason)
  return at
}
