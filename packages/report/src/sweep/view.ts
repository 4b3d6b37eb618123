// What all the figures look at: each trial with the estimates of its objectives over seeds, and who is best.
import { difference, type Estimate, estimate, rank, type Ranking } from '@mixlab/statistics'
import type { Direction, ParameterValue, Space, Trial } from '@mixlab/studies'
import { type ParameterAxis, parameterAxes } from './axis.ts'
import type { Objective, SweepReport } from './data.ts'
import { lowerIsBetter, paretoFront } from './pareto.ts'

export interface Point {
  readonly number: number
  readonly trial: Trial
  /** Per objective: the mean over seeds; undefined where there is none, or where any seed's value is not finite. */
  readonly estimates: readonly (Estimate | undefined)[]
  readonly seeds: number
  /** Seeds whose objective is not a finite number: a point that fails sometimes is not ranked by its lucky seeds. */
  readonly diverged: number
}

export interface View {
  readonly sweep: SweepReport
  readonly objectives: readonly Objective[]
  readonly axes: readonly ParameterAxis[]
  /** All trials by number. */
  readonly points: readonly Point[]
  /** Complete ones with a finite mean of every objective, best first (of several objectives: the front first). */
  readonly ranked: readonly Point[]
  /** Pruned ones with a last value. */
  readonly pruned: readonly Point[]
  /** Numbers of the points that no other dominates; empty for one objective. */
  readonly front: ReadonlySet<number>
  /** Of `ranked` by the only objective; undefined for several, or none. */
  readonly ranking: Ranking | undefined
  /** The points, best first, that the noise does not separate from the best; the best itself is not among them. */
  readonly tied: readonly Point[]
}

export function viewOf(sweep: SweepReport): View {
  const objectives = sweep.objectives
  const points = sweep.trials.toSorted((a, b) => a.number - b.number).map((trial) => pointOf(sweep, trial))
  const finalists = sweep.finalists ?? {}
  const superseded = new Set(Object.values(finalists))
  const isFinal = ({ number }: Point) => superseded.size === 0 || Object.hasOwn(finalists, number)
  const complete = points.filter(
    ({ number, trial, estimates }) => trial.state === 'complete' && estimates.every(Boolean) && !superseded.has(number),
  )
  const losses = complete.map((point) => lowerIsBetter(means(point), directionsOf(objectives)))
  const front = new Set(objectives.length > 1 ? paretoFront(losses).map((i) => complete[i]!.number) : [])
  const order = new Map(complete.map((point, i) => [point, losses[i]![0]!]))
  const ranked = complete.toSorted(
    (a, b) =>
      Number(isFinal(b)) - Number(isFinal(a)) ||
      Number(front.has(b.number)) - Number(front.has(a.number)) ||
      order.get(a)! - order.get(b)! ||
      a.number - b.number,
  )
  const estimates = ranked.map((point) => (isFinal(point) ? point.estimates[0] : undefined))
  const ranking =
    objectives.length === 1 ? rank(estimates, objectives[0]!.direction === 'minimize' ? 'lower' : 'higher') : undefined
  const best = ranking && estimates[ranking.best]!
  return {
    sweep,
    objectives,
    axes: parameterAxes(completeSpace(sweep)),
    points,
    ranked,
    pruned: points.filter(
      ({ trial, estimates: of }) => trial.state === 'pruned' && of.length === objectives.length && of.every(Boolean),
    ),
    front,
    ranking,
    tied: best
      ? ranked.filter((_, i) => i !== ranking.best && estimates[i] && !difference(best, estimates[i]).clear)
      : [],
  }
}

export const means = (point: Point): number[] => point.estimates.map((value) => value?.mean ?? NaN)

export const directionsOf = (objectives: readonly Objective[]): Direction[] =>
  objectives.map(({ direction }) => direction)

function pointOf(sweep: SweepReport, trial: Trial): Point {
  const values = sweep.pointSeeds[trial.number]?.values ?? trial.values?.map((value) => [value]) ?? []
  const seeds = Math.max(0, ...values.map((list) => list.length))
  const diverged = Array.from({ length: seeds }, (_, seed) => values.some((list) => !Number.isFinite(list[seed])))
  return {
    number: trial.number,
    trial,
    estimates: sweep.objectives.map((_, i) => (values[i]?.every(Number.isFinite) ? estimate(values[i]) : undefined)),
    seeds,
    diverged: diverged.filter(Boolean).length,
  }
}

/** The space, and what trials have beside it. */
function completeSpace({ space, trials }: SweepReport): Space {
  const known = new Set(space.map(({ name }) => name))
  const others = new Map(trials.flatMap(({ distributions }) => Object.entries(distributions)))
  return [...space, ...[...others].flatMap(([name, distribution]) => (known.has(name) ? [] : [{ name, distribution }]))]
}

/** A trial's values of the parameters that vary, in the space's order; those that it lacks are left out. */
export const settings = ({ trial }: Point, axes: readonly ParameterAxis[]): [ParameterAxis, ParameterValue][] =>
  axes.flatMap((axis): [ParameterAxis, ParameterValue][] => {
    const value = trial.parameters[axis.name]
    return value === undefined ? [] : [[axis, value]]
  })
