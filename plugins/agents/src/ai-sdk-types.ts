// The language models of the AI SDK's specifications 2, 3 and 4, as far as they are used here: written out, so that this
// package does not depend on one version of `@ai-sdk/provider`. Where the versions differ (usage, finish reasons, warnings)
// the fields of both are here, all optional.

export interface AiSdkLanguageModel {
  readonly specificationVersion: string
  /** E.g. `anthropic.messages`. */
  readonly provider: string
  readonly modelId: string
  // oxlint-disable-next-line typescript/no-explicit-any -- each version has its own type of options
  doGenerate(options: any): PromiseLike<unknown>
  // oxlint-disable-next-line typescript/no-explicit-any
  doStream(options: any): PromiseLike<unknown>
}

/** Version 2 counts flatly; 3 and 4 by parts. */
export interface AiSdkUsage {
  readonly inputTokens?: number | { readonly total?: number; readonly cacheRead?: number }
  readonly outputTokens?: number | { readonly total?: number; readonly reasoning?: number }
  readonly cachedInputTokens?: number
  readonly reasoningTokens?: number
}

/** Version 2: the word alone. */
export type AiSdkFinishReason = string | { readonly unified?: string; readonly raw?: string }

export interface AiSdkWarning {
  readonly type: string
  readonly feature?: string
  readonly setting?: string
  readonly details?: string
  readonly message?: string
}

export type AiSdkMetadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What ends a reply, of a whole one or in a stream's part `finish`. */
export interface AiSdkEnding {
  readonly finishReason?: AiSdkFinishReason
  readonly usage?: AiSdkUsage
  readonly providerMetadata?: AiSdkMetadata
}

export interface AiSdkReply extends AiSdkEnding {
  readonly content?: readonly { readonly type: string; readonly text?: string }[]
  readonly warnings?: readonly AiSdkWarning[]
  readonly response?: { readonly modelId?: string; readonly headers?: Readonly<Record<string, string>> }
}

export interface AiSdkStreamPart extends AiSdkEnding {
  readonly type: string
  readonly delta?: string
  readonly warnings?: readonly AiSdkWarning[]
  readonly modelId?: string
  readonly error?: unknown
}

export interface AiSdkStream {
  readonly stream: ReadableStream<AiSdkStreamPart>
  readonly response?: { readonly headers?: Readonly<Record<string, string>> }
}
