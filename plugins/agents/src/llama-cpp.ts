// GGUF files as agents, through node-llama-cpp.
import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import {
  type ChatChunk,
  ChatFailure,
  type ChatModel,
  type ChatRequest,
  defineAgent,
  type GenerateOptions,
  type TokenLogProbability,
} from '@mixlab/agents'
import type { LlamaGrammarEvaluationState } from 'node-llama-cpp'
import { z } from 'zod'
import { gpus } from './llama-cpp/library.ts'
import { acquire, type Loaded } from './llama-cpp/load.ts'
import { createPromptEncoder, type PromptEncoder } from './llama-cpp/prompt.ts'
import { promptTemplate } from './prompt-format.ts'
import { createReplyText } from './reply-text.ts'
import { lastReply } from './whole-reply.ts'

const config = z.strictObject({
  path: z.string().describe('A GGUF file.'),
  contextSize: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Tokens of prompt and reply. Default: what the model was trained with, at most 4096.'),
  sequences: z.number().int().min(1).default(1).describe('Calls that are computed together; more wait.'),
  gpu: z
    .union([z.enum(gpus), z.literal(false)])
    .default('auto')
    .describe('Which kind of GPU; false: none.'),
  threads: z.number().int().min(1).optional().describe('Default: as the library chooses.'),
  prompt: z
    .union([z.literal('plain'), promptTemplate])
    .optional()
    .describe("Default: the file's chat template, or plain where it has none."),
  maxTokens: z.number().int().min(1).optional().describe('Of a reply, where a request sets no limit.'),
  temperature: z.number().min(0).default(1).describe('Where a request sets none.'),
  topP: z.number().gt(0).max(1).default(1).describe('Where a request sets none.'),
  stop: z.array(z.string()).default([]).describe('Texts that end a reply.'),
})
type Config = z.output<typeof config>

export const llamaCpp = defineAgent({
  name: 'llama-cpp',
  summary: 'A GGUF file, through node-llama-cpp',
  source: 'https://node-llama-cpp.withcat.ai',
  config,
  async create(settings) {
    const { path, contextSize, sequences, gpu, threads } = settings
    const { loaded, release } = await acquire({ path, contextSize, sequences, gpu, threads })
    const encode = createPromptEncoder(loaded.library, loaded.model, settings.prompt)
    const reply = (request: ChatRequest, options: GenerateOptions) =>
      continuePrompt(loaded, encode, settings, request, options)
    return {
      provider: 'llama-cpp',
      model: `${basename(path)}@${loaded.hash}`,
      supports: { streaming: true, seed: true, logProbabilities: true },
      generate: (request, options) => lastReply(reply(request, options)),
      stream: reply,
      countTokens: (text) => loaded.model.tokenize(text).length,
      [Symbol.asyncDispose]: release,
    } satisfies ChatModel
  },
})

async function* continuePrompt(
  { library, llama, model, sequences, contextSize }: Loaded,
  encode: PromptEncoder,
  settings: Config,
  request: ChatRequest,
  { signal, rng }: GenerateOptions,
): AsyncGenerator<ChatChunk, void> {
  signal.throwIfAborted()
  // It draws with our own sampling; here, so that who only reads the list of chat models loads no tensors.
  const { drawTokens } = await import('./llama-cpp/tokens.ts')
  const prompt = encode(request.messages)
  if (prompt.tokens.length === 0)
    throw new ChatFailure('invalid-request', 'the prompt is empty: the model needs at least one token to continue')
  const room = contextSize - prompt.tokens.length
  if (room < 1) {
    throw new ChatFailure(
      'invalid-request',
      `the prompt has ${prompt.tokens.length} tokens, the context ${contextSize}: shorten it or set contextSize`,
    )
  }
  const warnings: string[] = []
  let grammar: LlamaGrammarEvaluationState | undefined
  if (request.responseSchema) {
    try {
      const made = await llama.createGrammarForJsonSchema(request.responseSchema as { type: 'object' })
      grammar = new library.LlamaGrammarEvaluationState({ model, grammar: made })
    } catch (error) {
      throw new ChatFailure('invalid-request', `responseSchema: ${(error as Error).message}`, { cause: error })
    }
  }
  const wanted = grammar ? undefined : request.logProbabilities
  if (grammar && request.logProbabilities !== undefined)
    warnings.push('logProbabilities: not told of replies that follow a schema')
  if (request.extra !== undefined && wanted !== undefined)
    warnings.push('extra: not used together with logProbabilities')
  const maxTokens = Math.min(request.maxTokens ?? settings.maxTokens ?? room, room)
  const text = createReplyText({
    decode: (tokens) => model.detokenize(tokens as typeof prompt.tokens),
    stop: [...(request.stop ?? []), ...settings.stop, ...prompt.stop],
    prompt: prompt.tokens,
  })
  const logProbabilities: TokenLogProbability[] = []
  const sequence = await sequences.take(signal)
  try {
    // What a reply is must not depend on which sequence it gets.
    await sequence.clearHistory()
    const before = sequence.tokenMeter.getState()
    const drawn = drawTokens(sequence, prompt.tokens, {
      temperature: request.temperature ?? settings.temperature,
      topP: request.topP ?? settings.topP,
      seed: request.seed ?? rng?.word() ?? randomInt(2 ** 32),
      logProbabilities: wanted,
      evaluate: { ...request.extra, ...(grammar && { grammarEvaluationState: grammar }) },
      signal,
    })
    let tokens = 0
    let limited = false
    for await (const { token, logProbability } of drawn) {
      signal.throwIfAborted()
      if (prompt.stopTokens.includes(token)) break
      tokens++
      if (logProbability) logProbabilities.push(logProbability)
      const piece = text.add(token)
      if (piece !== '') yield { type: 'text', text: piece }
      if (text.stopped || (limited = tokens === maxTokens)) break
    }
    signal.throwIfAborted()
    const rest = text.end()
    if (rest !== '') yield { type: 'text', text: rest }
    // It counts a prompt's last token, whose logits are wanted, to the output.
    const { usedOutputTokens } = sequence.tokenMeter.diff(before)
    yield {
      type: 'reply',
      reply: {
        text: text.text,
        finishReason: limited && !text.stopped ? 'length' : 'stop',
        usage: { inputTokens: prompt.tokens.length, cachedInputTokens: 0, outputTokens: usedOutputTokens },
        ...(wanted !== undefined && { logProbabilities }),
        warnings,
      },
    }
  } catch (error) {
    signal.throwIfAborted()
    if (ChatFailure.is(error)) throw error
    throw new ChatFailure('server', `node-llama-cpp: ${(error as Error).message}`, { cause: error })
  } finally {
    sequences.give(sequence)
  }
}
