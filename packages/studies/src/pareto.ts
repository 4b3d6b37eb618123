// The best of a study's trials: one for one objective, those that no other beats in every objective for several.
import type { Direction, Trial } from './trial.ts'

type Finished = Trial & { readonly values: readonly number[] }

const isComplete = (trial: Trial): trial is Finished => trial.state === 'complete' && trial.values !== undefined

/** The complete trial with the least (or greatest) value, the earliest among equals. */
export function bestTrial(trials: readonly Trial[], direction: Direction): Trial | undefined {
  const sign = direction === 'minimize' ? 1 : -1
  let best: Finished | undefined
  for (const trial of trials)
    if (isComplete(trial) && (best === undefined || sign * trial.values[0]! < sign * best.values[0]!)) best = trial
  return best
}

/** The complete trials that none is as good as in every objective and better than in one; by number. */
export function paretoFront(trials: readonly Trial[], directions: readonly Direction[]): Trial[] {
  const signs = directions.map((direction) => (direction === 'minimize' ? 1 : -1))
  const points = trials
    .filter(isComplete)
    .map((trial) => ({ trial, losses: trial.values.map((value, objective) => signs[objective]! * value) }))
    // Whoever dominates a point stands before it, so that each is compared with the front so far only.
    .toSorted((a, b) => compare(a.losses, b.losses))
  const front: typeof points = []
  for (const point of points) if (!front.some(({ losses }) => dominates(losses, point.losses))) front.push(point)
  return front.map(({ trial }) => trial).toSorted((a, b) => a.number - b.number)
}

function compare(a: readonly number[], b: readonly number[]): number {
  const objective = a.findIndex((loss, index) => loss !== b[index])
  return objective < 0 ? 0 : a[objective]! < b[objective]! ? -1 : 1
}

const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((loss, objective) => loss <= b[objective]!) && a.some((loss, objective) => loss < b[objective]!)
