// What stoppers read of a trial's reports. NaN is a report, too: it counts as a step, and never as the best.
import type { Direction, Trial } from '@mixlab/studies'

export interface Report {
  readonly step: number
  readonly value: number
}

/** The report with the largest step, whichever came last; undefined before the first. */
export function latestReport({ intermediate }: Trial): Report | undefined {
  let latest: Report | undefined
  for (const [step, value] of intermediate) if (latest === undefined || step > latest.step) latest = { step, value }
  return latest
}

/** Whether `a` is strictly better than `b`; false where one of them is NaN. */
export const isBetter = (direction: Direction, a: number, b: number): boolean =>
  direction === 'minimize' ? a < b : a > b

/** The best of the values that are not NaN; NaN if there are none. */
export function bestOf(direction: Direction, values: Iterable<number>): number {
  let best = Number.NaN
  for (const value of values) if (Number.isNaN(best) || isBetter(direction, value, best)) best = value
  return best
}
