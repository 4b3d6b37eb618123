// Why a call got no reply. Failures are values as much as errors: they are recorded, counted and shown in results, and the
// kinds say which are worth another try.
import { MixlabError } from '@mixlab/core'

export const failureKinds = [
  /** 429. */
  'rate-limit',
  /** 503, 529, or a provider that says it is busy. */
  'overloaded',
  /** Another 5xx. */
  'server',
  /** Refused, reset, no such host; a connection that broke before the reply was whole. */
  'connection',
  /** No first piece, or none for too long, or no end, within the deadline. */
  'timeout',
  /** The reply ended before it said that it was finished. */
  'truncated',
  /** Not what the protocol says: no JSON, fields missing. */
  'malformed',
  /** The reply grew beyond any limit that was asked for. */
  'endless',
  /** 401, 403, or no key. */
  'authentication',
  'unknown-model',
  /** 400, 413, 422: the request itself is wrong, e.g. longer than the model's context. */
  'invalid-request',
  /** The provider's filter refused it. */
  'content-filter',
  /** Not made: it could have passed the run's budget. */
  'budget',
  /** Not made, or given up: the layer's or the run's time was over. */
  'deadline',
  /** Not made, or given up: its result was no longer needed. */
  'cancelled',
] as const

export type FailureKind = (typeof failureKinds)[number]

const transient: ReadonlySet<FailureKind> = new Set([
  'rate-limit',
  'overloaded',
  'server',
  'connection',
  'timeout',
  'truncated',
  'malformed',
])

/** Something to mend in the experiment: every call comes to it until then. */
export const isMistake = (kind: FailureKind): boolean => kind === 'authentication' || kind === 'unknown-model'

export interface ChatFailureOptions {
  /** HTTP's. */
  readonly status?: number
  /** How long the provider asked to wait. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** A call that failed; `message` never holds a secret. */
export class ChatFailure extends MixlabError {
  readonly kind: FailureKind
  readonly status?: number
  readonly retryAfterMs?: number

  constructor(kind: FailureKind, message: string, options: ChatFailureOptions = {}) {
    super(message, { code: `chat-${kind}`, ...(options.cause !== undefined && { cause: options.cause }) })
    this.kind = kind
    if (options.status !== undefined) this.status = options.status
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }

  /** Another try may succeed. */
  get retryable(): boolean {
    return transient.has(this.kind)
  }

  /** Recognises the error across duplicated copies of this package. */
  static override is(error: unknown): error is ChatFailure {
    return MixlabError.is(error) && error.code.startsWith('chat-')
  }
}
