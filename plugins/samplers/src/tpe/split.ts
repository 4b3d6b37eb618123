// Which trials are the good ones. Complete trials come first, by their values; then pruned ones, those that came further
// first; running ones are never good, so that their neighbourhood is avoided while their values are unknown ("constant liar").
import type { Direction, Trial } from '@mixlab/studies'
import { bestByHypervolume } from '../objectives/subset.ts'
import { isComplete, lastReport, lossesOf } from '../observed.ts'

/** How many of n finished trials are good: a tenth, of one objective at most 25. */
export const goodCount = (n: number, objectives: number): number => {
  const tenth = Math.ceil(0.1 * n)
  return objectives > 1 ? tenth : Math.min(tenth, 25)
}

/** A pruned trial's order among the pruned: later steps first, then the better value, NaN last; without a report at the end. */
function prunedKey(trial: Trial, direction: Direction): readonly [number, number] {
  const last = lastReport(trial)
  if (last === undefined) return [1, 0]
  if (Number.isNaN(last.value)) return [-last.step, Infinity]
  return [-last.step, direction === 'maximize' ? -last.value : last.value]
}

/** The places of the `count` least values; of equal ones the earlier. */
function least(values: Float64Array, count: number): number[] {
  if (count === 0) return []
  const bound = values.toSorted()[count - 1]!
  const below: number[] = []
  const equal: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < bound) below.push(i)
    else if (values[i] === bound) equal.push(i)
  }
  return [...below, ...equal.slice(0, count - below.length)]
}

function bestComplete(trials: readonly Trial[], directions: readonly Direction[], count: number): Trial[] {
  const losses = trials.map(({ values }) => lossesOf(values!, directions))
  const places =
    directions.length > 1
      ? bestByHypervolume(losses, count)
      : least(
          Float64Array.from(losses, ([loss]) => loss!),
          count,
        )
  return places.map((i) => trials[i]!)
}

/** The numbers of the `count` good ones among `trials`. */
export function goodTrials(trials: readonly Trial[], directions: readonly Direction[], count: number): Set<number> {
  const complete = trials.filter(isComplete)
  const best = bestComplete(complete, directions, Math.min(count, complete.length))
  const pruned = trials
    .filter(({ state }) => state === 'pruned')
    .map((trial) => ({ trial, key: prunedKey(trial, directions[0]!) }))
    .toSorted(({ key: [a, x] }, { key: [b, y] }) => (a === b ? (x === y ? 0 : x < y ? -1 : 1) : a - b))
    .slice(0, count - best.length)
    .map(({ trial }) => trial)
  return new Set([...best, ...pruned].map(({ number }) => number))
}
