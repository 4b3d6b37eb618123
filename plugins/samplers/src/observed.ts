// What a sampler learns from: trials that ended with values. A trial whose value is not a number counts as failed, as
// in Optuna, which turns it into one when it is told.
import type { Direction, Trial } from '@mixlab/studies'

/** Complete, with a number for each objective (infinities count). */
export const isComplete = ({ state, values }: Trial): boolean =>
  state === 'complete' && values !== undefined && values.length > 0 && !values.some(Number.isNaN)

/** Values as losses: smaller is better in each. */
export const lossesOf = (values: readonly number[], directions: readonly Direction[]): number[] =>
  values.map((value, i) => (directions[i] === 'maximize' ? -value : value))

/** The step and value that a trial reported last. */
export function lastReport({ intermediate }: Trial): { readonly step: number; readonly value: number } | undefined {
  let last: { step: number; value: number } | undefined
  for (const [step, value] of intermediate) if (last === undefined || step > last.step) last = { step, value }
  return last
}
