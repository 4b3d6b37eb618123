// What comes back in the form of OpenAI's chat completions: whole, or as chunks that are put together. Servers differ in
// where they put reasoning (`reasoning_content`, `reasoning`, or a part of the content), cached tokens and finish reasons.
import {
  ChatFailure,
  type ChatChunk,
  type ChatReply,
  type FinishReason,
  type TokenLogProbability,
  type Usage,
} from '@mixlab/agents'
import { failureOfError } from './provider-errors.ts'

type Fields = Readonly<Record<string, unknown>>

const fields = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const tokens = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  content_filter: 'content-filter',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
}

export const finishReason = (reason: string): FinishReason => reasons[reason.toLowerCase()] ?? 'other'

export function readUsage(value: unknown): Usage {
  const usage = fields(value)
  if (usage === undefined) return {}
  const input = tokens(usage['prompt_tokens'])
  const completion = tokens(usage['completion_tokens'])
  const cached =
    tokens(fields(usage['prompt_tokens_details'])?.['cached_tokens']) ?? tokens(usage['prompt_cache_hit_tokens'])
  const reasoning = tokens(fields(usage['completion_tokens_details'])?.['reasoning_tokens'])
  // Some (xAI) count reasoning apart from the completion: their total tells.
  const apart = (reasoning ?? 0) > 0 && usage['total_tokens'] === (input ?? 0) + (completion ?? 0) + reasoning!
  const output = completion === undefined ? undefined : completion + (apart ? reasoning! : 0)
  return {
    ...(input !== undefined && { inputTokens: input }),
    ...(cached !== undefined && { cachedInputTokens: cached }),
    ...(output !== undefined && { outputTokens: output }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
  }
}

function readLogProbabilities(value: unknown): TokenLogProbability[] {
  return list(fields(value)?.['content']).flatMap((entry) => {
    const { token, logprob, top_logprobs } = fields(entry) ?? {}
    if (typeof token !== 'string' || typeof logprob !== 'number') return []
    const alternatives = list(top_logprobs).flatMap((alternative) => {
      const other = fields(alternative)
      return typeof other?.['token'] === 'string' && typeof other['logprob'] === 'number'
        ? [{ token: other['token'], logProbability: other['logprob'] }]
        : []
    })
    return [{ token, logProbability: logprob, ...(alternatives.length > 0 && { alternatives }) }]
  })
}

/** The text and the reasoning of a message or a delta. */
function readContent(message: Fields): { text: string; reasoning: string } {
  const parts = list(message['content']).map((part) => fields(part) ?? {})
  const thought = parts.filter(({ type }) => type === 'thinking').flatMap(({ thinking }) => list(thinking))
  const thinking = thought.map((part) => text(fields(part)?.['text'])).join('')
  return {
    text: text(message['content']) + parts.map((part) => (part['type'] === 'text' ? text(part['text']) : '')).join(''),
    reasoning: text(message['reasoning_content']) || text(message['reasoning']) || thinking,
  }
}

export interface ReplyBuilder {
  /**
   * Takes a chunk, or a whole completion.
   * @throws ChatFailure on an error object, or on something else than a completion
   */
  take(value: unknown): Extract<ChatChunk, { type: 'text' | 'reasoning' }>[]
  /** The provider has said why it stopped: what may still come is the usage. */
  readonly finished: boolean
  /** Characters so far. */
  readonly length: number
  reply(warnings: readonly string[]): ChatReply
}

export interface ReplySettings {
  readonly provider: string
  readonly secrets: readonly string[]
  readonly wantsLogProbabilities: boolean
}

/** Puts a reply together from its chunks; a whole completion is one chunk. */
export function replyBuilder({ provider, secrets, wantsLogProbabilities }: ReplySettings): ReplyBuilder {
  let content = ''
  let reasoning = ''
  let refusal = ''
  let reason: string | undefined
  let usage: unknown
  let servedBy = ''
  const logProbabilities: TokenLogProbability[] = []

  const take: ReplyBuilder['take'] = (value) => {
    const chunk = fields(value)
    if (chunk === undefined) throw new ChatFailure('malformed', `${provider} sent JSON that is not a completion`)
    if (chunk['error'] !== undefined && chunk['error'] !== null) throw failureOfError(provider, value, secrets)
    if (!Array.isArray(chunk['choices']) && chunk['usage'] === undefined)
      throw new ChatFailure('malformed', `${provider} sent a completion without choices`)
    servedBy = text(chunk['model']) || servedBy
    usage = chunk['usage'] ?? fields(chunk['x_groq'])?.['usage'] ?? usage
    const choice = list(chunk['choices'])
      .map(fields)
      .find((candidate) => (candidate?.['index'] ?? 0) === 0)
    const message = fields(choice?.['delta']) ?? fields(choice?.['message'])
    if (typeof choice?.['finish_reason'] === 'string') reason = choice['finish_reason']
    if (reason === 'error') throw failureOfError(provider, choice, secrets)
    logProbabilities.push(...readLogProbabilities(choice?.['logprobs']))
    if (message === undefined) return []
    const piece = readContent(message)
    content += piece.text
    reasoning += piece.reasoning
    refusal += text(message['refusal'])
    return [
      ...(piece.reasoning === '' ? [] : [{ type: 'reasoning' as const, text: piece.reasoning }]),
      ...(piece.text === '' ? [] : [{ type: 'text' as const, text: piece.text }]),
    ]
  }

  return {
    take,
    get finished() {
      return reason !== undefined
    },
    get length() {
      return content.length + reasoning.length
    },
    reply: (warnings) => ({
      text: content,
      ...(reasoning !== '' && { reasoning }),
      finishReason: refusal === '' ? finishReason(reason ?? '') : 'content-filter',
      usage: readUsage(usage),
      ...(logProbabilities.length > 0 && { logProbabilities }),
      warnings: [
        ...warnings,
        ...(refusal === '' ? [] : [`the model refused: ${refusal}`]),
        ...(reason === undefined ? ['the provider did not say why the reply ended'] : []),
        ...(wantsLogProbabilities && logProbabilities.length === 0
          ? ['log-probabilities were asked for, and the reply has none']
          : []),
      ],
      ...(servedBy !== '' && { servedBy }),
    }),
  }
}
