// A sweep's study in its trial store. Trials of the sweep carry the hash of what they compute (`mixlab:point`); others may
// put trials of their own into the same study (Optuna, from Python), which samplers and stoppers see, but the sweep neither
// runs nor counts.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  createStudy,
  isFinished,
  openStudy,
  type Parameters,
  type Sample,
  type Study,
  type StudyView,
  toSpace,
  type Trial,
} from '@mixlab/studies'
import { JOURNAL, type SweepConfig } from './sweep-config.ts'

/** Why a trial failed. */
export interface TrialProblem {
  readonly code: string
  readonly message: string
}

/** The study's name in the trial store. */
export const STUDY = 'sweep'

const POINT = 'mixlab:point'
const ERROR = 'mixlab:error'
const INFEASIBLE = 'mixlab:infeasible'
const FREE = 'mixlab:free'
const RETRY_OF = 'mixlab:retry-of'
const FINALIST_OF = 'mixlab:finalist-of'

/** The trials of the sweep that run or have run. */
export const isOurs = ({ systemAttributes }: Trial): boolean => systemAttributes[POINT] !== undefined

/** The hash of what a trial computes. */
export const pointOf = ({ systemAttributes }: Trial): string | undefined =>
  systemAttributes[POINT] as string | undefined

export const problemOf = ({ systemAttributes }: Trial): TrialProblem | undefined =>
  systemAttributes[ERROR] as TrialProblem | undefined

/** Why a point cannot be tried within the budget. */
export const infeasibleReason = ({ systemAttributes }: Trial): string | undefined =>
  systemAttributes[INFEASIBLE] as string | undefined

export const retryOf = ({ systemAttributes }: Trial): number | undefined =>
  systemAttributes[RETRY_OF] as number | undefined

/** Opens the study of a sweep's directory, or makes it. */
export async function openSweepStudy(
  directory: string,
  { objectives, space }: Pick<SweepConfig, 'objectives' | 'space'>,
  seed: number,
): Promise<Study> {
  const path = join(directory, JOURNAL)
  const directions = objectives.map(({ direction }) => direction)
  const options = { path, name: STUDY, directions, space: toSpace(space), seed }
  return existsSync(path) ? openStudy(options) : createStudy(options)
}

/** What the budget's free field was solved to be for a trial. */
export const freeOf = ({ systemAttributes }: Trial): number | undefined => systemAttributes[FREE] as number | undefined

/** Adds a trial of the sweep, running. */
export async function addTrial(
  study: Study,
  { parameters, attributes }: Sample,
  point: string,
  { retried, free }: { readonly retried?: Trial; readonly free?: number } = {},
): Promise<Trial> {
  const added = await study.add(parameters, {
    ...attributes,
    [POINT]: point,
    ...(free !== undefined && { [FREE]: free }),
    ...(retried && { [RETRY_OF]: retried.number }),
  })
  return added.snapshot
}

/** Notes a point that cannot be tried: a failed trial that no sampler learns from. */
export async function addInfeasible(study: Study, parameters: Parameters, reason: string): Promise<void> {
  const { number } = await study.add(parameters, {})
  await study.tell(number, 'failed', { attributes: { [INFEASIBLE]: reason } })
}

/** Ends a trial as failed, unless it has ended. */
export async function failTrial(study: Study, number: number, problem: TrialProblem): Promise<void> {
  if (!isFinished(study.trial(number).snapshot))
    await study.tell(number, 'failed', { attributes: { [ERROR]: problem } })
}

/** The trial of the first seed, where a trial adds the other seeds to it. */
export const finalistOf = ({ systemAttributes }: Trial): number | undefined =>
  systemAttributes[FINALIST_OF] as number | undefined

/** The sweep's trials, without those that were tried again; they are what `--trials` counts. */
export function sweepTrials({ trials }: StudyView): readonly Trial[] {
  const ours = trials.filter((trial) => isOurs(trial) && finalistOf(trial) === undefined)
  const retried = new Set(ours.map(retryOf))
  return ours.filter(({ number }) => !retried.has(number))
}

/** The trials that add the other seeds to the best ones. */
export const finalists = ({ trials }: StudyView): readonly Trial[] =>
  trials.filter((trial) => isOurs(trial) && finalistOf(trial) !== undefined)

/** The trials among which the best is: the finalists, where there are any. One value never beats a mean of several. */
export function contenders(study: StudyView): readonly Trial[] {
  const final = finalists(study)
  return final.length > 0 ? final : sweepTrials(study)
}

/** Makes the finalists' trials, those that are missing, when every trial has ended. @returns the new ones */
export async function addFinalists(
  study: Study,
  { finalists: count, seeds, objectives }: Pick<SweepConfig, 'finalists' | 'seeds' | 'objectives'>,
): Promise<readonly Trial[]> {
  if (count === null || seeds === 1) return []
  const made = new Set(finalists(study).map(finalistOf))
  const sign = objectives[0]!.direction === 'minimize' ? 1 : -1
  const best = sweepTrials(study)
    .filter(({ state, values }) => state === 'complete' && Number.isFinite(values?.[0]))
    .toSorted((a, b) => sign * (a.values![0]! - b.values![0]!) || a.number - b.number)
    .slice(0, count)
    .filter(({ number }) => !made.has(number))
  const added: Trial[] = []
  for (const trial of best) {
    const free = freeOf(trial)
    const attributes = {
      [POINT]: pointOf(trial),
      [FINALIST_OF]: trial.number,
      ...(free !== undefined && { [FREE]: free }),
    }
    added.push((await study.add(trial.parameters, attributes)).snapshot)
  }
  return added
}
