// What happens while questions are answered. Texts are not in events: they are in `answers.jsonl` and the recording.
import type { CallTiming } from './call.ts'
import type { FailureKind } from './chat-failure.ts'
import type { Cost } from './cost.ts'

declare module '@mixlab/core' {
  interface MixlabEvents {
    'questions.started': {
      readonly topology: string
      readonly questions: number
      readonly agents: readonly string[]
      /** For one question; equal where the number is exact. */
      readonly calls: { readonly min: number; readonly max: number }
      /** The most that all questions can cost, before any was asked; absent where a price is unknown. */
      readonly priceBound?: { readonly amount: number; readonly currency: string }
    }
    'agent.call': {
      readonly call: string
      readonly question: string
      readonly step: string
      readonly layer: number
      readonly agent: string
      readonly provider: string
      readonly model: string
      readonly key: string
    }
    'agent.reply': {
      readonly call: string
      readonly step: string
      readonly layer: number
      readonly agent: string
      readonly failure?: { readonly kind: FailureKind; readonly message: string }
      readonly attempts: number
      readonly replayed: boolean
      readonly cost: Cost
      readonly timing?: CallTiming
    }
    'question.answered': {
      readonly index: number
      readonly question: string
      readonly answered: boolean
      /** By the first grader. */
      readonly score?: number
      readonly missing: number
      readonly cost: Cost
      readonly done: number
      readonly total: number
      readonly timing?: { readonly criticalPathMs: number; readonly secondsLeft: number }
    }
  }
}
