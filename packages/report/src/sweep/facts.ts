// What one needs to know of a sweep beside its best point, as names and values.
import { date, duration, percent, short, whole } from '../format.ts'
import type { Trial, TrialState } from '@mixlab/studies'
import { list, plural } from './text.ts'
import type { View } from './view.ts'

const words: Readonly<Record<TrialState, string>> = {
  complete: 'complete',
  pruned: 'stopped early',
  failed: 'failed',
  running: 'running',
  waiting: 'waiting',
}

export const stateWord = (state: TrialState): string => words[state]

export interface Saving {
  /** Steps that the trials that were stopped early did run, and those that they would have run to the end. */
  readonly run: number
  readonly whole: number
}

const lastStep = ({ intermediate }: Trial): number => Math.max(0, ...intermediate.keys())

/** How many steps stopping saved; the length of a whole trial is the longest complete one's. Undefined if unknown. */
export function stepsSaved({ points }: Pick<View, 'points'>): Saving | undefined {
  const length = Math.max(
    0,
    ...points.filter(({ trial }) => trial.state === 'complete').map(({ trial }) => lastStep(trial)),
  )
  const ended = points.map(({ trial }) => trial).filter(({ state }) => state === 'complete' || state === 'pruned')
  if (length === 0 || !ended.some(({ state }) => state === 'pruned')) return undefined
  return {
    run: ended.reduce((sum, trial) => sum + lastStep(trial), 0),
    whole: ended.reduce((sum, trial) => sum + (trial.state === 'pruned' ? length : lastStep(trial)), 0),
  }
}

/** Milliseconds that all trials took together; 0 where no times are known. */
export const workTime = ({ points }: Pick<View, 'points'>): number =>
  points.reduce(
    (sum, { trial: { startedAt, finishedAt } }) =>
      startedAt === undefined || finishedAt === undefined ? sum : sum + Math.max(0, finishedAt - startedAt),
    0,
  )

export function trialCounts({ points }: Pick<View, 'points'>): string {
  const states = Map.groupBy(points, ({ trial }) => trial.state)
  const parts = Object.keys(words).flatMap((state) => {
    const count = states.get(state as TrialState)?.length ?? 0
    return count === 0 ? [] : [`${count} ${words[state as TrialState]}`]
  })
  return parts.length === 0 ? 'none' : parts.length === 1 ? parts[0]! : `${points.length}: ${parts.join(', ')}`
}

/** Those that are known, in order. */
export function facts(view: View): [string, string][] {
  const { sweep, axes } = view
  const saved = stepsSaved(view)
  const work = workTime(view)
  const wall = sweep.finishedAt === undefined ? NaN : Date.parse(sweep.finishedAt) - Date.parse(sweep.startedAt)
  const runs = Object.values(sweep.runs).reduce((sum, { length }) => sum + length, 0)
  const all: [string, string | undefined | false][] = [
    ['Status', sweep.status],
    ['Trials', trialCounts(view)],
    ['Objective', list(sweep.objectives.map(({ name, direction }) => `${direction} ${name}`))],
    ['Space', axes.length === 0 ? 'one point' : plural(axes.length, 'parameter')],
    ['Sampler', sweep.sampler],
    ['Stopper', sweep.stopper],
    [
      'Steps saved by stopping',
      saved && `${percent(1 - saved.run / saved.whole, 0)} (${short(saved.run)} run of ${short(saved.whole)})`,
    ],
    ['Seeds per point', sweep.seeds > 1 && whole(sweep.seeds)],
    ['Runs', runs > 0 && whole(runs)],
    ['Infeasible points', sweep.infeasible.length > 0 && whole(sweep.infeasible.length)],
    ['Started', date(sweep.startedAt)],
    ['Took', Number.isFinite(wall) && duration(wall)],
    ['Trials’ time together', work > 0 && duration(work)],
  ]
  return all.filter((fact): fact is [string, string] => typeof fact[1] === 'string')
}
