// A language model of ours as a chat model: the prompt is encoded, continued by our own generation and decoded piece by
// piece. Several calls at once take turns, token by token; each draws from random numbers of its own, so that a reply does
// not depend on what else is asked.
import { createHash, randomInt } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import {
  type ChatChunk,
  ChatFailure,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type GenerateOptions,
  type TokenLogProbability,
} from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import type { Tokenizer } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { formatPrompt, type PromptFormat } from './prompt-format.ts'
import { createReplyText } from './reply-text.ts'
import { lastReply } from './whole-reply.ts'

export interface OwnModelOptions {
  /** What it is called; a hash of its weights is added, since recordings are kept by the name. */
  readonly name: string
  readonly model: LanguageModel
  readonly tokenizer: Tokenizer
  /** Default: plain. */
  readonly prompt?: PromptFormat
  /** Of a reply, where a request sets no limit. Default: the model's context. */
  readonly maxTokens?: number
  /** Where a request sets none. Default 1. */
  readonly temperature?: number
  /** Where a request sets none. Default 1. */
  readonly topP?: number
  /** Texts that end a reply, besides the request's. */
  readonly stop?: readonly string[]
  /** Dispose of the model with the chat model. Default false: it stays the caller's. */
  readonly owned?: boolean
}

/** A hash of a model's parameters and buffers by name: 12 hexadecimal digits. */
export async function weightsHash(model: LanguageModel): Promise<string> {
  const hash = createHash('sha256')
  for (const [name, tensor] of model.state()) {
    const values = await tensor.data()
    hash.update(`${name} ${tensor.shape.join()}\n`)
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return hash.digest('hex').slice(0, 12)
}

/** Makes a chat model of a language model in memory: one that has just been trained, or was loaded. */
export async function ownModel(options: OwnModelOptions): Promise<ChatModel> {
  const { model, tokenizer, name } = options
  const id = `${name}@${await weightsHash(model)}`
  const reply = (request: ChatRequest, generation: GenerateOptions) => continuePrompt(options, id, request, generation)
  return {
    provider: 'mixlab',
    model: id,
    supports: { streaming: true, seed: true, logProbabilities: true },
    generate: (request, generation) => lastReply(reply(request, generation)),
    stream: reply,
    countTokens: (text) => count(tokenizer, text),
    [Symbol.asyncDispose]() {
      if (options.owned) model.dispose()
      return Promise.resolve()
    },
  }
}

async function* continuePrompt(
  options: OwnModelOptions,
  id: string,
  request: ChatRequest,
  { signal, rng }: GenerateOptions,
): AsyncGenerator<ChatChunk, void> {
  signal.throwIfAborted()
  // Here, so that who only reads the list of chat models loads no tensors.
  const { checkSampling, generateStream } = await import('@mixlab/nn')
  const { model, tokenizer } = options
  const warnings: string[] = []
  const prompt = encodePrompt(options, request)
  if (prompt.length > model.contextLength)
    warnings.push(`the prompt has ${prompt.length} tokens: the model reads the last ${model.contextLength}`)
  if (request.responseSchema) warnings.push('responseSchema: the model cannot be held to a schema')
  const maxTokens = request.maxTokens ?? options.maxTokens ?? model.contextLength
  const sampling = {
    temperature: request.temperature ?? options.temperature ?? 1,
    topP: request.topP ?? options.topP ?? 1,
  }
  invalidRequest(() => checkSampling(sampling))
  const wanted = request.logProbabilities
  const end = tokenizer.endOfDocument
  const text = createReplyText({
    decode: (ids) => tokenizer.decode(ids),
    stop: [...(request.stop ?? []), ...(options.stop ?? [])],
    prompt,
  })
  const logProbabilities: TokenLogProbability[] = []
  const decode = (token: number): string => tokenizer.decode([token])
  let tokens = 0
  const drawn = generateStream(model, [prompt], {
    ...sampling,
    maxTokens,
    seed: request.seed ?? rng?.word() ?? randomInt(2 ** 32),
    ...(end !== undefined && { stop: [end] }),
    ...(wanted !== undefined && { logits: true }),
  })
  for await (const { token, logits } of drawn) {
    signal.throwIfAborted()
    tokens++
    if (wanted !== undefined && logits) logProbabilities.push(logProbability(logits, token, wanted, decode))
    const piece = text.add(token)
    if (piece !== '') yield { type: 'text', text: piece }
    if (text.stopped) break
    // An engine on this thread answers at once: timers and signals have their turn between tokens.
    await setImmediate()
    signal.throwIfAborted()
  }
  const rest = text.end()
  if (rest !== '') yield { type: 'text', text: rest }
  yield {
    type: 'reply',
    reply: {
      text: text.text,
      finishReason: text.stopped || tokens < maxTokens ? 'stop' : 'length',
      usage: { inputTokens: prompt.length, cachedInputTokens: 0, outputTokens: tokens, reasoningTokens: 0 },
      ...(wanted !== undefined && { logProbabilities }),
      warnings,
      servedBy: id,
    } satisfies ChatReply,
  }
}

/** A vocabulary of characters refuses the text when it is asked, not when it is counted. */
function count(tokenizer: Tokenizer, text: string): number {
  try {
    return tokenizer.encode(text).length
  } catch {
    return Array.from(text).length
  }
}

/** What is wrong with a request is a failure of the call. */
function invalidRequest<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (MixlabError.is(error)) throw new ChatFailure('invalid-request', error.message, { cause: error })
    throw error
  }
}

function encodePrompt({ tokenizer, prompt: format = 'plain' }: OwnModelOptions, request: ChatRequest): number[] {
  const tokens = invalidRequest(() => [...tokenizer.encode(formatPrompt(request.messages, format))])
  if (tokens.length > 0) return tokens
  // An empty prompt is the beginning of a document: what comes after the end of another.
  if (tokenizer.endOfDocument !== undefined) return [tokenizer.endOfDocument]
  throw new ChatFailure('invalid-request', 'the prompt is empty: the model needs at least one token to continue')
}

function logProbability(
  logits: Float32Array,
  token: number,
  alternatives: number,
  decode: (token: number) => string,
): TokenLogProbability {
  const largest = logits.reduce((a, b) => Math.max(a, b))
  const total = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0))
  const of = (one: number) => ({ token: decode(one), logProbability: logits[one]! - total })
  if (alternatives === 0) return of(token)
  const best = [...logits.keys()].toSorted((a, b) => logits[b]! - logits[a]! || a - b).slice(0, alternatives)
  return { ...of(token), alternatives: best.map(of) }
}
