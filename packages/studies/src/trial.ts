// A trial: one point of a search space and what became of it. Plain data, a snapshot; its fields are Optuna's FrozenTrial.
import type { Distribution, ParameterValue } from './distribution.ts'

/** Minimise or maximise, one for each objective. */
export type Direction = 'minimize' | 'maximize'

/** `waiting`: enqueued, its parameters are fixed by `fixed_params`; `pruned`: ended early by a stopper. */
export type TrialState = 'running' | 'waiting' | 'complete' | 'pruned' | 'failed'

export interface Trial {
  /** Counts a study's trials from 0. */
  readonly number: number
  readonly state: TrialState
  readonly parameters: Readonly<Record<string, ParameterValue>>
  readonly distributions: Readonly<Record<string, Distribution>>
  /** One for each objective; of a complete trial, and of a pruned one where it had reported any. */
  readonly values?: readonly number[]
  /** Step → the objective reported at that step, ascending by step. NaN is legal. */
  readonly intermediate: ReadonlyMap<number, number>
  readonly userAttributes: Readonly<Record<string, unknown>>
  readonly systemAttributes: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970. */
  readonly startedAt?: number
  readonly finishedAt?: number
}

export const isFinished = ({ state }: Trial): boolean =>
  state === 'complete' || state === 'pruned' || state === 'failed'
