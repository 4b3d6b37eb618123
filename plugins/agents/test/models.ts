// Small models of ours for the adapters' tests, and what asks a chat model.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChatChunk, ChatModel, ChatReply, ChatRequest } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { buildCorpus, byteTokenizer, createBatches } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { createOptimizer, optimizerConfig, trainStep } from '@mixlab/training'
import { onTestFinished } from 'vitest'
import { build } from '../../../packages/nn/test/models.ts'

export { startEngine } from '../../../packages/nn/test/engines.ts'
export { build, plugins } from '../../../packages/nn/test/models.ts'

export const verse =
  'the rain it raineth every day, with hey, ho, the wind and the rain; a great while ago the world begun. '

/** Llama's shape, with grouped-query attention, over bytes. */
export const llamaShape = {
  layers: 2,
  width: 32,
  heads: 4,
  keyValueHeads: 2,
  contextLength: 64,
  initializerRange: 0.2,
  feedForward: { width: 48 },
}

/** A model that knows the verse, and that a document ends with it: greedy continuations have clear margins. */
export function trainedModel(config: object, steps = 250): LanguageModel {
  const model = build({ ...config, initializerRange: 0.05 }, byteTokenizer.size)
  const documents = Array.from({ length: 20 }, () => ({ text: verse, domain: '' }))
  const corpus = buildCorpus(documents, { tokenizer: byteTokenizer })
  const batches = createBatches(corpus.train, { batchSize: 2, contextLength: 210, rng: new RandomStream(1) })
  using optimizer = createOptimizer(optimizerConfig.parse({}), model.parameters())
  for (let step = 1; step <= steps; step++) {
    const result = trainStep({
      model,
      batches,
      optimizer,
      step,
      accumulation: 1,
      learningRate: 0.01 * (1 - (step - 1) / steps),
      clip: 1,
      rng: new RandomStream(2),
      observe: false,
    })
    result.scalars.dispose()
  }
  return model
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-agents-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const ask = (content: string, others: Omit<ChatRequest, 'messages'> = {}): ChatRequest => ({
  messages: [{ role: 'user', content }],
  ...others,
})

/** A signal that is never aborted. */
export const never: AbortSignal = new AbortController().signal

export async function streamed(
  model: ChatModel,
  request: ChatRequest,
  signal = never,
): Promise<{ pieces: string[]; reply: ChatReply }> {
  const pieces: string[] = []
  let reply: ChatReply | undefined
  for await (const chunk of model.stream(request, { signal }) as AsyncIterable<ChatChunk>) {
    if (chunk.type === 'reply') reply = chunk.reply
    else pieces.push(chunk.text)
  }
  return { pieces, reply: reply! }
}
