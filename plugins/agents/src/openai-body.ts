// A request in the form of OpenAI's chat completions, which most servers speak.
// https://platform.openai.com/docs/api-reference/chat/create
import type { ChatRequest } from '@mixlab/agents'

/** Parts of a request that not every server or model takes. */
export const optionalParts = ['temperature', 'topP', 'seed', 'stop', 'logProbabilities', 'responseSchema'] as const
export type OptionalPart = (typeof optionalParts)[number]

export interface BodySettings {
  readonly model: string
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens'
  readonly includeUsage: boolean
  /** Not sent. */
  readonly unsupported: readonly OptionalPart[]
}

export interface OpenAiBody {
  readonly body: Readonly<Record<string, unknown>>
  readonly warnings: readonly string[]
}

/** The JSON body; what the caller asked for and this server is known not to take is left out, with a warning. */
export function openAiBody(request: ChatRequest, settings: BodySettings, stream: boolean): OpenAiBody {
  const left = new Set<string>(settings.unsupported)
  const asked = (part: OptionalPart): boolean => request[part] !== undefined
  const sends = (part: OptionalPart): boolean => asked(part) && !left.has(part)
  const alternatives = request.logProbabilities ?? 0
  return {
    body: {
      // First: a field of the provider's own does not replace one that the recording's key is made of.
      ...request.extra,
      model: settings.model,
      messages: request.messages.map(({ role, content }) => ({ role, content })),
      ...(request.maxTokens !== undefined && { [settings.maxTokensField]: request.maxTokens }),
      ...(sends('temperature') && { temperature: request.temperature }),
      ...(sends('topP') && { top_p: request.topP }),
      ...(sends('seed') && { seed: request.seed }),
      ...(sends('stop') && { stop: request.stop }),
      ...(sends('logProbabilities') && { logprobs: true, ...(alternatives > 0 && { top_logprobs: alternatives }) }),
      ...(sends('responseSchema') && {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'reply', schema: request.responseSchema, strict: true },
        },
      }),
      stream,
      ...(stream && settings.includeUsage && { stream_options: { include_usage: true } }),
    },
    warnings: optionalParts
      .filter((part) => asked(part) && left.has(part))
      .map((part) => `${part} was not sent: it is among the agent’s \`unsupported\` fields`),
  }
}
