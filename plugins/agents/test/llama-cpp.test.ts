// GGUF files written of our own models, read by llama.cpp itself: the same tokens, the same log-probabilities; then the
// adapter's streaming, usage, cancellation and errors, against that library.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ChatModel } from '@mixlab/agents'
import { saveGguf } from '@mixlab/checkpoints'
import { RandomStream } from '@mixlab/core'
import { byteTokenizer } from '@mixlab/data'
import { generate, type LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import type { Token } from 'node-llama-cpp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { llamaCpp } from '../src/index.ts'
import { acquire } from '../src/llama-cpp/load.ts'
import { ask, build, llamaShape, never, startEngine, streamed, temporaryFolder, trainedModel } from './models.ts'

const quiet = { gpu: false, threads: 1 } as const
const shape = { ...llamaShape, contextLength: 256 }

const create = async (config: object): Promise<ChatModel> => {
  const model = await llamaCpp.create(llamaCpp.config.parse({ ...quiet, ...config }), {} as never)
  onTestFinished(() => model[Symbol.asyncDispose]!())
  return model
}

/** Log-probabilities of each next token after each token of the text, by llama.cpp with keys and values in float32. */
async function logitsOf(path: string, text: string): Promise<number[][]> {
  const { loaded, release } = await acquire({ path, sequences: 1, ...quiet })
  const context = await loaded.model.createContext({
    contextSize: 64,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  })
  try {
    const tokens = loaded.model.tokenize(text)
    expect([...tokens]).toEqual([...byteTokenizer.encode(text)])
    const found = await context
      .getSequence()
      .controlledEvaluate(tokens.map((token) => [token, { generateNext: { logits: true } }]))
    return found.map((one) => {
      const logits = one!.next.logits!
      return Array.from({ length: byteTokenizer.size }, (_, token) => logits.get(token as Token)!)
    })
  } finally {
    await context.dispose()
    await release()
  }
}

const ourLogits = (model: LanguageModel, text: string): number[][] =>
  tf.tidy(() => {
    const ids = [...byteTokenizer.encode(text)]
    return model
      .forward(tf.tensor2d(ids, [1, ids.length], 'int32'), { training: false })
      .logits.arraySync() as number[][]
  })

beforeAll(() => startEngine('cpu'))

describe('a file of our weights', () => {
  const text = 'ho, the wind – and €5'
  test.each([
    ['Llama, tied', {}, 'F32', 2e-4],
    ['Llama, untied, other epsilon and base', { tied: false, normEpsilon: 1e-2, rotaryBase: 500 }, 'F32', 2e-4],
    ['Llama with wide heads', { headWidth: 16, keyValueHeads: 4 }, 'F32', 2e-4],
    ['Qwen 3', { queryKeyNorm: 'head', keyValueHeads: 1 }, 'F32', 2e-4],
    ['Llama in F16', {}, 'F16', 3e-2],
  ] as const)('%s: llama.cpp has our logits', async (_name, others, dtype, tolerance) => {
    using model = build({ ...shape, ...others }, byteTokenizer.size)
    const path = join(temporaryFolder(), 'model.gguf')
    await saveGguf(path, model, byteTokenizer, { name: 'ours', dtype })
    const [theirs, ours] = [await logitsOf(path, text), ourLogits(model, text)]
    expect(theirs).toHaveLength(ours.length)
    const differences = ours.flatMap((row, i) => row.map((logit, j) => Math.abs(logit - theirs[i]![j]!)))
    expect(Math.max(...differences)).toBeLessThan(tolerance)
    expect(Math.max(...ours.flat().map(Math.abs))).toBeGreaterThan(1)
  })

  test('what has no counterpart is refused', async () => {
    using layer = build({ ...shape, norm: 'layer', window: 8 }, byteTokenizer.size)
    await expect(saveGguf('/tmp/never.gguf', layer, byteTokenizer, { name: 'x' })).rejects.toThrow(
      'shaped like Llama or Qwen 3 only; this one has norm layer, a window',
    )
  })
})

describe('the adapter', () => {
  let model: LanguageModel
  let path: string
  let chat: ChatModel
  const prompt = 'the rain it rain'

  beforeAll(async () => {
    model = trainedModel(shape)
    const { mkdtempSync } = await import('node:fs')
    path = join(mkdtempSync('/tmp/mixlab-gguf-'), 'rain.gguf')
    await saveGguf(path, model, byteTokenizer, { name: 'rain' })
    chat = await Promise.resolve(llamaCpp.create(llamaCpp.config.parse({ ...quiet, path, sequences: 3 }), {} as never))
  })
  afterAll(async () => {
    await chat[Symbol.asyncDispose]!()
    model.dispose()
  })

  test('continues greedily as our own generation does, token by token', async () => {
    const ids = [...byteTokenizer.encode(prompt)]
    const ours = byteTokenizer.decode(await generate(model, ids, { maxTokens: 120, temperature: 0 }))
    const { reply, pieces } = await streamed(chat, ask(prompt, { maxTokens: 120, temperature: 0 }))
    expect(reply.text).toBe(ours)
    expect(pieces.join('')).toBe(ours)
    expect(pieces).toHaveLength(120)
    expect(reply.finishReason).toBe('length')
    expect(reply.usage).toEqual({ inputTokens: prompt.length, cachedInputTokens: 0, outputTokens: 120 })
    expect(ours).toContain('every day')
  })
  console.log(pathToFileURL, RandomStream, execFileSync, readFileSync, writeFileSync, never)
})
