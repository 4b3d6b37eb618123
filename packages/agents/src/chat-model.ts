// The port to language models. An adapter does one thing: it sends one request and passes on what comes back. It does not
// retry, queue, count money or record: the caller above it does, the same way for every provider. What it could not do as
// asked (a seed that the server ignores, a temperature that the model refuses) it says in `warnings`.
import type { RandomStream } from '@mixlab/core'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** Everything that decides what a model says; a recording's key is made of it. Absent fields are the provider's defaults. */
export interface ChatRequest {
  readonly messages: readonly Message[]
  /** The most tokens of the reply, reasoning included. */
  readonly maxTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  /** Log-probabilities of the reply's tokens, with that many alternatives each (0: the tokens' own alone). */
  readonly logProbabilities?: number
  /** A JSON schema that the reply must follow. */
  readonly responseSchema?: Readonly<Record<string, unknown>>
  /** Fields of the provider's own, passed on as they are. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** Tokens, as the provider counted them. An absent number was not told: it is unknown, not zero. */
export interface Usage {
  /** Of the whole prompt, cached ones included. */
  readonly inputTokens?: number
  /** Those of `inputTokens` that were read from the provider's cache. */
  readonly cachedInputTokens?: number
  /** Of the whole reply, reasoning included. */
  readonly outputTokens?: number
  /** Those of `outputTokens` that were reasoning. */
  readonly reasoningTokens?: number
}

export type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'other'

export interface TokenLogProbability {
  readonly token: string
  /** Natural logarithm. */
  readonly logProbability: number
  readonly alternatives?: readonly { readonly token: string; readonly logProbability: number }[]
}

export interface ChatReply {
  readonly text: string
  /** What a reasoning model thought aloud, where the provider passes it on. */
  readonly reasoning?: string
  readonly finishReason: FinishReason
  readonly usage: Usage
  readonly logProbabilities?: readonly TokenLogProbability[]
  /** What was asked for and not done, one line each. */
  readonly warnings: readonly string[]
  /** The model's name as the provider gave it, e.g. a dated version. */
  readonly servedBy?: string
}

/** A piece of a streamed reply; the last one is the whole reply. */
export type ChatChunk =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | { readonly type: 'reply'; readonly reply: ChatReply }

/** What a provider's headers say is left, where they say it. */
export interface RateLimits {
  readonly requestsLimit?: number
  readonly requestsLeft?: number
  /** Milliseconds until `requestsLeft` is `requestsLimit` again. */
  readonly requestsResetMs?: number
  readonly tokensLimit?: number
  readonly tokensLeft?: number
  readonly tokensResetMs?: number
}

export interface GenerateOptions {
  /** Ends the request at once, connection included. The caller does not rely on it: a deaf provider is abandoned. */
  readonly signal: AbortSignal
  readonly onRateLimits?: (limits: RateLimits) => void
  /** For models that draw here, on this machine; keyed by the call, so that a draw does not depend on the order of calls. */
  readonly rng?: RandomStream
}

export interface ChatModel {
  /** Who serves it, e.g. `openai-compatible:localhost:8000`; never a secret. Part of a recording's key. */
  readonly provider: string
  /** The model's name there. Part of a recording's key. */
  readonly model: string
  readonly supports: {
    readonly streaming: boolean
    /** Equal seeds give equal replies, as far as the provider says. */
    readonly seed: boolean
    readonly logProbabilities: boolean
  }
  /** @throws ChatFailure; on an aborted signal, its reason */
  generate(request: ChatRequest, options: GenerateOptions): Promise<ChatReply>
  /** Pieces in order, then the reply. @throws as `generate`, also in the middle */
  stream(request: ChatRequest, options: GenerateOptions): AsyncIterable<ChatChunk>
  /** Tokens of a text, where the model's tokenizer is at hand; else tokens are estimated. */
  countTokens?(text: string): number
  /** Frees what the model holds (a file, a connection). */
  [Symbol.asyncDispose]?(): Promise<void>
}
