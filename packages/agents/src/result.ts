// What a run keeps of each question: the final answer, every step with what it saw and gave, every call, and what was
// missing. Plain data, one JSON line a question in `answers.jsonl`, in the order of the questions whatever the order of the
// replies. Under replay the same bytes come out again: times are those of the recording.
import type { CallTiming } from './call.ts'
import type { FinishReason, Message } from './chat-model.ts'
import type { FailureKind } from './chat-failure.ts'
import type { Cost } from './cost.ts'

/** A text that a step gives to those that see it. */
export interface Answer {
  readonly text: string
  /** Whose text it is. */
  readonly agent: string
  /** The call that made it; absent for texts that no call made. */
  readonly call?: string
  /** How the step valued it: a ranking's score, a share of votes, a confidence. */
  readonly score?: number
  /** What critics say of it; shown with it to those that see it. */
  readonly note?: string
}

/** A call that a step made in vain. */
export interface Missing {
  readonly agent: string
  readonly call?: string
  readonly kind: FailureKind
  readonly message: string
}

export interface StepOutput {
  readonly answers: readonly Answer[]
  readonly missing?: readonly Missing[]
  /** Why the step made no call though it could have: a cascade that was satisfied, a route not taken, an early stop. */
  readonly skipped?: string
  /** What it decided, for people: votes by answer, a moderator's choice, a router's scores. Plain data. */
  readonly decision?: Readonly<Record<string, unknown>>
}

export interface StepResult extends StepOutput {
  readonly id: string
  readonly kind: string
  readonly layer: number
  /** Ids of the steps whose answers it saw, in order. */
  readonly saw: readonly string[]
}

export interface CallSummary {
  readonly id: string
  readonly step: string
  readonly layer: number
  readonly agent: string
  readonly key: string
  readonly sample: number
  /** What was sent. */
  readonly messages: readonly Message[]
  /** What came back; absent after a failure. */
  readonly text?: string
  readonly finishReason?: FinishReason
  readonly failure?: { readonly kind: FailureKind; readonly message: string }
  readonly warnings: readonly string[]
  readonly attempts: number
  readonly cost: Cost
  readonly timing: CallTiming
}

export interface QuestionResult {
  /** Place in the data set, from 0. */
  readonly index: number
  readonly question: string
  /** The final answer; null where there is none, and `failure` says why. */
  readonly answer: string | null
  readonly failure?: string
  readonly steps: readonly StepResult[]
  readonly calls: readonly CallSummary[]
  readonly cost: Cost
  readonly timing: {
    /** The longest chain of calls that had to wait for one another, by their durations alone. */
    readonly criticalPathMs: number
    /** From the question to the first piece of the final answer along that chain; absent where nothing was streamed. */
    readonly firstTokenMs?: number
  }
}
