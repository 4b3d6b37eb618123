// What a well-behaved server would say: a completion that depends on the request alone, in words, one token each, with
// usage, log-probabilities, limits and stops as the protocol has them. The hostile server says it well or badly.
import { createHash } from 'node:crypto'

export type Body = Readonly<Record<string, unknown>>

export interface Completion {
  readonly reasoning: readonly string[]
  readonly tokens: readonly string[]
  readonly finishReason: 'stop' | 'length'
  readonly usage: Body
}

/** Equal bodies have equal ones, in whatever order their fields are; `stream` does not count, since the completion is the same. */
export function requestKey(body: Body): string {
  const { stream: _stream, stream_options: _options, ...rest } = body
  const sorted = (_name: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return createHash('sha256').update(JSON.stringify(rest, sorted)).digest('hex').slice(0, 16)
}

export const wordsOf = (text: string): string[] => text.match(/\s*\S+/g) ?? []

const contents = (body: Body): string[] =>
  (Array.isArray(body['messages']) ? body['messages'] : []).map((message: Body) => String(message['content']))

/** Some words and a number, both by the hash of the request; JSON where JSON was asked for. */
export function defaultAnswer(body: Body, key: string): string {
  const number = Number.parseInt(key.slice(0, 6), 16) % 1000
  if (body['response_format'] !== undefined) return JSON.stringify({ answer: number })
  const words = ['first', 'añade', 'dann', '次に', 'puis', 'then', '✅', 'so']
  const chosen = Array.from(key, (digit) => words[Number.parseInt(digit, 16) % words.length])
  return `Thinking: ${chosen.join(' ')}.\n#### ${number}`
}

export function completionFor(body: Body, answer: string): Completion {
  const stops = [body['stop'] ?? []].flat().map(String)
  const cut = Math.min(answer.length, ...stops.map((stop) => answer.indexOf(stop)).filter((at) => at >= 0))
  const reasoning = String(body['model']).includes('reasoning') ? wordsOf('Let me think about this carefully.') : []
  const tokens = wordsOf(answer.slice(0, cut))
  const limit = Number(body['max_tokens'] ?? body['max_completion_tokens'] ?? Infinity)
  const said = tokens.slice(0, Math.max(0, limit - reasoning.length))
  const prompt = contents(body).reduce((sum, text) => sum + wordsOf(text).length, 0)
  const completion = said.length + reasoning.length
  return {
    reasoning,
    tokens: said,
    finishReason: said.length < tokens.length ? 'length' : 'stop',
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
      // A third of the prompt, so that it is neither zero nor all.
      prompt_tokens_details: { cached_tokens: Math.floor(prompt / 3) },
      completion_tokens_details: { reasoning_tokens: reasoning.length },
    },
  }
}

/** The same for the same token: −1/2, −1/4, … by its length, and alternatives below it. */
export function logProbability(token: string, alternatives: number): Body {
  const logprob = -(2 ** -(token.length % 8) / 2)
  const bytes = [...Buffer.from(token)]
  const others = Array.from({ length: alternatives }, (_, n) => ({
    token: n === 0 ? token : `${token}-${n}`,
    logprob: logprob - n,
    bytes: n === 0 ? bytes : null,
  }))
  return { token, logprob, bytes, top_logprobs: others }
}
