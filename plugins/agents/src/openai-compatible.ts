// Any server that speaks OpenAI's chat completions, by fetch alone: vLLM, llama-server, Ollama, Together, OpenRouter, OpenAI.
// One request is one call: retries, queues and deadlines belong to the caller. An ended signal closes the connection, so
// that the server stops working.
import {
  ChatFailure,
  type ChatChunk,
  type ChatModel,
  type ChatRequest,
  defineAgent,
  type GenerateOptions,
} from '@mixlab/agents'
import { z } from 'zod'
import { exchange, type ExchangeResponse, readText } from './http-exchange.ts'
import { openAiBody, optionalParts } from './openai-body.ts'
import { type ReplyBuilder, replyBuilder } from './openai-reply.ts'
import { withoutSecrets } from './provider-errors.ts'
import { characterLimit, endless, replyLimit } from './reply-limit.ts'
import { isSecretName } from './secret-names.ts'
import { serverSentEventDecoder } from './sse.ts'
import { lastReply } from './whole-reply.ts'

const isPlainUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username + password + search + hash === ''
}

// Refined, not formatted: a message about a format repeats the value, and this may be a key in the wrong place.
const config = z.object({
  url: z
    .string()
    .refine(
      isPlainUrl,
      'expected an http or https URL without user, password, query or fragment; a key comes from the environment (keyVariable)',
    )
    .describe('Where `/chat/completions` is appended, e.g. http://localhost:8000/v1'),
  model: z.string().min(1).describe('The model’s name there.'),
  keyVariable: z
    .string()
    .refine(
      (name) => /^[A-Z_][A-Z0-9_]*$/.test(name),
      'expected the name of an environment variable, not the key itself',
    )
    .optional()
    .describe('The environment variable that holds the key. Without it no key is sent.'),
  headers: z
    .record(z.string(), z.string())
    .refine(
      (headers) => !Object.keys(headers).some(isSecretName),
      'expected no header that holds a secret: keys come from the environment (keyVariable)',
    )
    .default({})
    .describe('Further headers; no secrets.'),
  includeUsage: z.boolean().default(true).describe('Asks streams for their token counts (stream_options).'),
  maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).default('max_tokens'),
  unsupported: z
    .array(z.enum(optionalParts))
    .default([])
    .describe('What this server or model refuses: it is not sent, and a warning says so.'),
})
type Config = z.output<typeof config>

/** `openai-compatible:` and where; the usual `/v1` at the end says nothing. */
const providerName = ({ url }: Config): string => {
  const { host, pathname } = new URL(url)
  return `openai-compatible:${host}${pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}`
}

function openAiCompatibleModel(settings: Config, key: string | undefined): ChatModel {
  const provider = providerName(settings)
  const secrets = key === undefined ? [] : [key]
  const sendsLogProbabilities = !settings.unsupported.includes('logProbabilities')

  const parse = (json: string): unknown => {
    try {
      return JSON.parse(json)
    } catch {
      const line = withoutSecrets(json, secrets)
      throw new ChatFailure('malformed', `${provider} sent what is not JSON: ${line === '' ? 'nothing' : line}`)
    }
  }

  /** A stream ends well with `[DONE]`, or once it has said why the reply ended; anything else is cut off. */
  async function* streamed({ pieces }: ExchangeResponse, builder: ReplyBuilder, limit: number, warnings: string[]) {
    const decoder = serverSentEventDecoder()
    const cut = (): ChatFailure =>
      new ChatFailure(
        'truncated',
        `${provider}: the reply ended before it was finished, after ${builder.length} characters`,
      )
    /** True at the end. */
    function* take(events: ReturnType<typeof decoder.push>): Generator<ChatChunk, boolean> {
      for (const { data, closed } of events) {
        if (data.trim() === '[DONE]') return true
        let value: unknown
        try {
          value = parse(data)
        } catch (error) {
          throw closed ? error : cut()
        }
        yield* builder.take(value)
        if (builder.length > limit) throw endless(provider, limit)
      }
      return false
    }
    try {
      for await (const bytes of pieces) {
        if (yield* take(decoder.push(bytes))) return
        if (decoder.held > characterLimit) throw endless(provider, characterLimit)
      }
    } catch (error) {
      if (!builder.finished || !ChatFailure.is(error) || error.kind !== 'connection') throw error
      warnings.push('the connection broke after the reply: what came with its end, such as token counts, is unknown')
      return
    }
    if (!(yield* take(decoder.end())) && !builder.finished) throw cut()
  }

  async function* complete({ pieces }: ExchangeResponse, builder: ReplyBuilder, limit: number) {
    // JSON around the text: log-probabilities are the most of it.
    const bytes = limit * 16
    const json = await readText(pieces, bytes)
    if (json.length > bytes) throw endless(provider, bytes)
    yield* builder.take(parse(json))
    if (builder.length > limit) throw endless(provider, limit)
    if (!builder.finished)
      throw new ChatFailure('malformed', `${provider} sent a completion that does not say why it ended`)
  }

  async function* pieces(request: ChatRequest, options: GenerateOptions, stream: boolean): AsyncGenerator<ChatChunk> {
    const { body, warnings } = openAiBody(request, settings, stream)
    const notes = [...warnings]
    const limit = replyLimit(request)
    const wantsLogProbabilities = request.logProbabilities !== undefined && sendsLogProbabilities
    const builder = replyBuilder({ provider, secrets, wantsLogProbabilities })
    const { signal } = options
    signal.throwIfAborted()
    // Of its own, so that nothing stays on a signal that outlives many requests.
    const connection = new AbortController()
    const end = (): void => connection.abort(signal.reason)
    signal.addEventListener('abort', end)
    let whole = false
    try {
      const response = await exchange({
        url: `${settings.url.replace(/\/+$/, '')}/chat/completions`,
        headers: { ...settings.headers, ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        body,
        connection,
        onRateLimits: options.onRateLimits,
        provider,
        secrets,
      })
      if (stream && !response.json) yield* streamed(response, builder, limit, notes)
      else yield* complete(response, builder, limit)
      whole = true
    } finally {
      signal.removeEventListener('abort', end)
      // Given up, by the reader or for a fault: the server need not go on.
      if (!whole) connection.abort()
    }
    yield { type: 'reply', reply: builder.reply(notes) }
  }

  return {
    provider,
    model: settings.model,
    supports: {
      streaming: true,
      seed: !settings.unsupported.includes('seed'),
      logProbabilities: sendsLogProbabilities,
    },
    generate: (request, options) => lastReply(pieces(request, options, false)),
    stream: (request, options) => pieces(request, options, true),
  }
}

export const openAiCompatible = defineAgent({
  name: 'openai-compatible',
  summary: 'Any server with OpenAI’s chat completions: vLLM, llama-server, Ollama, Together, OpenRouter',
  source: 'https://platform.openai.com/docs/api-reference/chat',
  config,
  create: (settings, { secret }) =>
    openAiCompatibleModel(settings, settings.keyVariable === undefined ? undefined : secret(settings.keyVariable)),
})
