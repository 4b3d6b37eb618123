// Any language model of the AI SDK as a chat model. The model itself is called, not `generateText`: the SDK's retries,
// which would be hidden from limits and costs, are not in play.
import {
  ChatFailure,
  type ChatChunk,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type FinishReason,
  type GenerateOptions,
  type TokenLogProbability,
  type Usage,
} from '@mixlab/agents'
import { failureOfAiSdk } from './ai-sdk-failure.ts'
import type {
  AiSdkEnding,
  AiSdkFinishReason,
  AiSdkLanguageModel,
  AiSdkMetadata,
  AiSdkReply,
  AiSdkStream,
  AiSdkStreamPart,
  AiSdkUsage,
  AiSdkWarning,
} from './ai-sdk-types.ts'
import { rateLimitsOf } from './rate-limit-headers.ts'
import { endless, replyLimit } from './reply-limit.ts'
import { lastReply } from './whole-reply.ts'

export interface AiSdkModelOptions {
  /** Who serves it; part of a recording's key. Default: `ai-sdk:` and the model's own provider. */
  readonly provider?: string
  /** What must not be in a message. */
  readonly secrets?: readonly string[]
}

/** The specification has no log-probabilities; these providers have an option for them, named so. */
const withLogProbabilities = /^(openai|azure)/

/** They warn that they ignore it, and it is better known before. */
const withoutSeeds = /^(anthropic|amazon-bedrock|openai\.responses|perplexity)/

const known = (value: number | undefined | null): value is number => typeof value === 'number' && !Number.isNaN(value)

function readUsage(usage: AiSdkUsage = {}): Usage {
  const { inputTokens: input, outputTokens: output } = usage
  const parts = {
    inputTokens: typeof input === 'object' ? input?.total : input,
    cachedInputTokens: typeof input === 'object' ? input?.cacheRead : usage.cachedInputTokens,
    outputTokens: typeof output === 'object' ? output?.total : output,
    reasoningTokens: typeof output === 'object' ? output?.reasoning : usage.reasoningTokens,
  }
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => known(value)))
}

const wordOf = (reason: AiSdkFinishReason | undefined): string =>
  (typeof reason === 'string' ? reason : reason?.unified) ?? 'unknown'

const finishReasons: readonly FinishReason[] = ['stop', 'length', 'content-filter', 'tool-calls']

const readFinishReason = (reason: AiSdkFinishReason | undefined): FinishReason =>
  finishReasons.find((each) => each === wordOf(reason)) ?? 'other'

const lineOf = ({ type, feature, setting, details, message }: AiSdkWarning): string => {
  const subject = feature ?? setting
  return [subject === undefined ? undefined : `${type.replace('-setting', '')}: ${subject}`, details ?? message]
    .filter((part) => part !== undefined)
    .join(': ')
}

interface SdkLogProbability {
  readonly token: string
  readonly logprob: number
  readonly top_logprobs?: readonly SdkLogProbability[]
}

function readLogProbabilities(metadata: AiSdkMetadata = {}): TokenLogProbability[] {
  const list = Object.values(metadata).find(({ logprobs }) => Array.isArray(logprobs))?.['logprobs'] ?? []
  return (list as SdkLogProbability[][]).flat().map(({ token, logprob, top_logprobs: others = [] }) => ({
    token,
    logProbability: logprob,
    ...(others.length > 0 && {
      alternatives: others.map((other) => ({ token: other.token, logProbability: other.logprob })),
    }),
  }))
}

/** A request in the SDK's terms; versions 2 to 4 agree on all of these. */
function callOptions(request: ChatRequest, asksLogProbabilities: boolean, abortSignal: AbortSignal) {
  const { extra, logProbabilities: alternatives } = request
  const openai = { ...(extra?.['openai'] as object | undefined), logprobs: alternatives || true }
  const providerOptions = asksLogProbabilities ? { ...extra, openai } : extra
  return {
    prompt: request.messages.map(({ role, content }) =>
      role === 'system' ? { role, content } : { role, content: [{ type: 'text', text: content }] },
    ),
    ...(request.maxTokens !== undefined && { maxOutputTokens: request.maxTokens }),
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    ...(request.topP !== undefined && { topP: request.topP }),
    ...(request.seed !== undefined && { seed: request.seed }),
    ...(request.stop !== undefined && { stopSequences: [...request.stop] }),
    ...(request.responseSchema !== undefined && {
      responseFormat: { type: 'json', schema: request.responseSchema, name: 'reply' },
    }),
    ...(providerOptions !== undefined && { providerOptions }),
    abortSignal,
  }
}

/**
 * Wraps a language model of the AI SDK (specification 2, 3 or 4). `extra` of a request is its `providerOptions`.
 *
 *   aiSdkModel(anthropic('claude-…'))
 */
export function aiSdkModel(model: AiSdkLanguageModel, settings: AiSdkModelOptions = {}): ChatModel {
  const { provider = `ai-sdk:${model.provider}`, secrets = [] } = settings
  const logProbabilities = withLogProbabilities.test(model.provider)

  const reply = (
    request: ChatRequest,
    said: { text: string; reasoning: string; warnings: readonly AiSdkWarning[]; servedBy: string | undefined },
    { finishReason, usage, providerMetadata }: AiSdkEnding,
  ): ChatReply => {
    if (wordOf(finishReason) === 'error') throw new ChatFailure('server', `${provider} ended its reply with an error`)
    const tokens = request.logProbabilities === undefined ? [] : readLogProbabilities(providerMetadata)
    return {
      text: said.text,
      ...(said.reasoning !== '' && { reasoning: said.reasoning }),
      finishReason: readFinishReason(finishReason),
      usage: readUsage(usage),
      ...(tokens.length > 0 && { logProbabilities: tokens }),
      warnings: [
        ...said.warnings.map(lineOf),
        ...(request.logProbabilities !== undefined && tokens.length === 0
          ? ['log-probabilities were asked for, and the reply has none']
          : []),
      ],
      ...(said.servedBy !== undefined && said.servedBy !== '' && { servedBy: said.servedBy }),
    }
  }

  /** @throws ChatFailure, or the caller's reason to abort */
  async function* guarded(signal: AbortSignal, pieces: AsyncGenerator<ChatChunk>): AsyncGenerator<ChatChunk> {
    signal.throwIfAborted()
    try {
      yield* pieces
    } catch (error) {
      throw signal.aborted ? signal.reason : failureOfAiSdk(provider, error, secrets)
    }
  }

  const noteLimits = (headers: Readonly<Record<string, string>> | undefined, options: GenerateOptions): void => {
    const limits = headers && rateLimitsOf(new Headers(headers))
    if (limits) options.onRateLimits?.(limits)
  }

  const ask = (request: ChatRequest, signal: AbortSignal) =>
    callOptions(request, logProbabilities && request.logProbabilities !== undefined, signal)

  async function* complete(request: ChatRequest, options: GenerateOptions) {
    const result = (await model.doGenerate(ask(request, options.signal))) as AiSdkReply
    noteLimits(result.response?.headers, options)
    const texts = (type: string): string =>
      (result.content ?? []).map((part) => (part.type === type ? (part.text ?? '') : '')).join('')
    const said = {
      text: texts('text'),
      reasoning: texts('reasoning'),
      warnings: result.warnings ?? [],
      servedBy: result.response?.modelId,
    }
    yield { type: 'reply' as const, reply: reply(request, said, result) }
  }

  async function* streamed(request: ChatRequest, options: GenerateOptions) {
    const { stream, response } = (await model.doStream(ask(request, options.signal))) as AiSdkStream
    noteLimits(response?.headers, options)
    const limit = replyLimit(request)
    const said = { text: '', reasoning: '', warnings: [] as AiSdkWarning[], servedBy: undefined as string | undefined }
    let ending: AiSdkStreamPart | undefined
    for await (const part of stream) {
      if (part.type === 'text-delta' || part.type === 'reasoning-delta') {
        const type = part.type === 'text-delta' ? 'text' : 'reasoning'
        const text = part.delta ?? ''
        said[type] += text
        if (said.text.length + said.reasoning.length > limit) throw endless(provider, limit)
        if (text !== '') yield { type, text } as const
      } else if (part.type === 'stream-start') said.warnings.push(...(part.warnings ?? []))
      else if (part.type === 'response-metadata') said.servedBy = part.modelId ?? said.servedBy
      else if (part.type === 'finish') ending = part
      else if (part.type === 'error') throw part.error
    }
    // Providers end with a `finish` of their own making when the connection ends early: it has no reason from the server.
    const cut = ending === undefined || ['unknown', 'other'].includes(wordOf(ending.finishReason))
    const raw = typeof ending?.finishReason === 'object' ? ending.finishReason.raw : undefined
    if (cut && raw === undefined) {
      const characters = said.text.length + said.reasoning.length
      throw new ChatFailure(
        'truncated',
        `${provider}: the reply ended before it was finished, after ${characters} characters`,
      )
    }
    yield { type: 'reply' as const, reply: reply(request, said, ending!) }
  }

  return {
    provider,
    model: model.modelId,
    supports: { streaming: true, seed: !withoutSeeds.test(model.provider), logProbabilities },
    generate: (request, options) => lastReply(guarded(options.signal, complete(request, options))),
    stream: (request, options) => guarded(options.signal, streamed(request, options)),
  }
}
