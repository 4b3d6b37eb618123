// The values on which parameters are judged. With a stopper few trials complete, and only good ones: then the importances,
// slices and surfaces take all the trials that reached some step at which the stopper judged, with their values at that
// step, which are comparable; otherwise the final values of the complete trials.
import type { Direction, Trial } from '@mixlab/studies'
import { means, type View } from './view.ts'

export interface Basis {
  /** The objective, with the step where it is not the final value. */
  readonly label: string
  /** What the trials have in common: "complete trials", "trials that reached step 180". */
  readonly trials: string
  readonly direction: Direction
  readonly entries: readonly Judged[]
}

export interface Judged {
  readonly number: number
  readonly trial: Trial
  /** Finite. */
  readonly value: number
}

/** Complete trials enough to need no others. */
const ENOUGH = 24

export function basisOf(view: View, objective: number): Basis {
  const { name, direction } = view.objectives[objective]!
  const complete: Basis = {
    label: name,
    trials: 'complete trials',
    direction,
    entries: view.ranked.map((point) => ({
      number: point.number,
      trial: point.trial,
      value: means(point)[objective]!,
    })),
  }
  if (complete.entries.length >= ENOUGH || view.objectives.length > 1) return complete
  const rungs = (view.sweep.rungs ?? []).toSorted((a, b) => b - a)
  const reached = rungs.map((step) => ({ step, entries: atStep(view, step) }))
  const wanted = Math.max(2 * complete.entries.length, 4)
  const found =
    reached.find(({ entries }) => entries.length >= Math.max(ENOUGH, wanted)) ??
    reached.find(({ entries }) => entries.length >= wanted)
  if (!found) return complete
  const at = `step ${found.step}`
  return { label: `${name} at ${at}`, trials: `trials that reached ${at}`, direction, entries: found.entries }
}

const atStep = ({ points }: View, step: number): Judged[] =>
  points.flatMap(({ number, trial }) => {
    const value = trial.intermediate.get(step)
    return value !== undefined && Number.isFinite(value) ? [{ number, trial, value }] : []
  })
