// One question to one agent, and what came of it. Topologies make calls through a `CallAgent`; they know nothing of
// retries, limits, recordings or money.
import type { ChatReply, ChatRequest } from './chat-model.ts'
import type { FailureKind } from './chat-failure.ts'
import type { Cost } from './cost.ts'

export interface Call {
  /** Unique within a run and the same in every run: `<question>/<step>` or `<question>/<step>/<n>`. */
  readonly id: string
  readonly question: string
  readonly step: string
  readonly layer: number
  readonly agent: string
  /** The agent's own settings are already in it. */
  readonly request: ChatRequest
  /**
   * Which of several samples of one request: 0, 1, … Given by place in the topology, never by the order of calls, so that
   * a recording of six proposers also serves three.
   */
  readonly sample: number
  /** Ends this call when its result is no longer needed. */
  readonly signal?: AbortSignal
  /** Milliseconds since 1970 by which it must have ended: the layer's or the question's deadline. */
  readonly deadline?: number
}

/** Milliseconds; of the try that succeeded (the last one, where none did) except for `totalMs`. */
export interface CallTiming {
  /** Spent waiting for a free place or a rate limit. */
  readonly queuedMs: number
  /** From the request to the first piece of the reply; absent where it was not streamed. */
  readonly firstTokenMs?: number
  /** From the request to the end of the reply. */
  readonly durationMs: number
  /** From asking to answer: queueing, failed tries and waits included. */
  readonly totalMs: number
}

export interface CallRecord {
  readonly call: Call
  readonly provider: string
  readonly model: string
  /** Content address: a hash of provider, model, canonical request and sample. */
  readonly key: string
  /** Requests that were sent: 0 where none was. */
  readonly attempts: number
  readonly timing: CallTiming
  readonly cost: Cost
  /** It came from a recording: nothing was sent and nothing was billed now. */
  readonly replayed: boolean
}

export type CallOutcome = CallRecord &
  (
    | { readonly ok: true; readonly reply: ChatReply }
    | { readonly ok: false; readonly failure: { readonly kind: FailureKind; readonly message: string } }
  )

/**
 * Makes a call. A provider's failure is an outcome, not an exception.
 * @throws interrupted() after Ctrl-C, and MixlabError where the run cannot go on: a replay that diverges, a full disk.
 */
export type CallAgent = (call: Call) => Promise<CallOutcome>
