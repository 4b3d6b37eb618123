// Population-based training (Jaderberg et al. 2017, arXiv 1711.09846) as trials: a member's stretch from one generation to the
// next is a trial, which begins with a checkpoint and ends in the middle of the schedule. When a generation has ended, the
// worst members go on from a copy of one of the best with changed parameters (`exploitAndExplore`). A sweep that is killed
// in between comes to the same decision again.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MixlabError, type RunContext, withFields } from '@mixlab/core'
import { type Continuation, exploitAndExplore, isFinished, type Sample, type Study, type Trial } from '@mixlab/studies'
import { partName, type SweepConfig } from './sweep-config.ts'
import { sweepTrials } from './sweep-study.ts'

/** How a trial of a population begins and ends; among its system attributes under `STRETCH`. */
export interface Stretch {
  readonly generation: number
  /** The trial whose checkpoint it begins with, and its folder; absent in the first generation. */
  readonly parent?: number
  readonly start?: string
  readonly stopAt: number
}

export const STRETCH = 'mixlab:stretch'

export const stretchOf = ({ systemAttributes }: Trial): Stretch | undefined =>
  systemAttributes[STRETCH] as Stretch | undefined

/** The configuration of a stretch: `training` (or what the population's `field` says) begins and ends as it does. */
export const withStretch = (
  config: Readonly<Record<string, unknown>>,
  field: string,
  { start, stopAt }: Stretch,
): Readonly<Record<string, unknown>> =>
  withFields(config, [
    [`${field}.stopAt`, stopAt],
    ...(start === undefined ? [] : [[`${field}.start`, start] as const]),
  ])

/**
 * The next trial of a population: a member of the first generation as the sampler proposes it, later ones as the generation
 * before them says.
 * @returns undefined while the generation before has not ended, or when the last one has
 */
export function nextMember(
  run: RunContext<SweepConfig>,
  study: Study,
  population: NonNullable<SweepConfig['population']>,
  propose: () => Sample | undefined,
): Sample | undefined {
  const { size, interval, generations } = population
  const trials = sweepTrials(study)
  const generation = Math.floor(trials.length / size)
  if (generation >= generations) return undefined
  const stopAt = interval * (generation + 1)
  const attributes = (stretch: Omit<Stretch, 'generation' | 'stopAt'>) => ({
    [STRETCH]: { generation, stopAt, ...stretch } satisfies Stretch,
  })
  if (generation === 0) {
    const sample = propose()
    return sample && { ...sample, attributes: { ...sample.attributes, ...attributes({}) } }
  }
  const before = trials.slice((generation - 1) * size, generation * size)
  if (!before.every(isFinished)) return undefined
  const continuation = continuations(run, study, before, population)[trials.length % size]!
  const { parameters, parent, checkpoint } = continuation
  if (checkpoint === '') {
    throw new MixlabError(
      `the whole generation ${generation - 1} has failed or saved no checkpoint: there is nothing to go on from`,
      { code: 'hopeless' },
    )
  }
  return { parameters, attributes: attributes({ parent, start: checkpoint }) }
}

function continuations(
  run: RunContext<SweepConfig>,
  study: Study,
  before: readonly Trial[],
  { quantile, resample, factors }: NonNullable<SweepConfig['population']>,
): readonly Continuation[] {
  const members = before.map((trial) => {
    const checkpoint = lastCheckpoint(run.directory.file(join('children', partName(trial.number, 0, 1))))
    const score = trial.state === 'complete' && checkpoint !== '' ? (trial.values?.[0] ?? NaN) : NaN
    return { number: trial.number, score, parameters: trial.parameters, checkpoint }
  })
  const rng = run.rng.stream('population').at(stretchOf(before[0]!)?.generation ?? 0)
  const { direction } = run.config.objectives[0]!
  const found = exploitAndExplore(members, study.space, rng, { quantile, resample, factors, direction })
  // A member that failed and was not among the worst that are replaced has nothing of its own to go on from.
  const best = members.toSorted((a, b) => rank(a.score, direction) - rank(b.score, direction))[0]!
  return found.map((one) =>
    one.checkpoint === '' ? { parameters: best.parameters, checkpoint: best.checkpoint, parent: best.number } : one,
  )
}

const rank = (score: number, direction: 'minimize' | 'maximize'): number =>
  Number.isNaN(score) ? Infinity : direction === 'minimize' ? score : -score

/** The folder of a run's newest whole checkpoint; empty when there is none. */
function lastCheckpoint(run: string): string {
  const folder = join(run, 'checkpoints')
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^step-\d+$/.test(name)) : []
  const newest = names.toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5))).at(-1)
  return newest === undefined ? '' : join(folder, newest)
}
