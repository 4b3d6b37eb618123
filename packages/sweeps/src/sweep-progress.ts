// How a sweep is getting on, for the live table: counts, what runs and how far it is, the best so far, the time left.
import { bestTrial, isFinished, type Parameters, type StudyView, type Trial } from '@mixlab/studies'
import type { SweepConfig } from './sweep-config.ts'
import { contenders, finalists, sweepTrials } from './sweep-study.ts'

export interface RunningTrial {
  readonly number: number
  readonly parameters: Parameters
  /** Of its last report. */
  readonly step?: number
  readonly value?: number
}

export interface SweepProgress {
  readonly total: number
  readonly complete: number
  readonly pruned: number
  readonly failed: number
  readonly running: readonly RunningTrial[]
  readonly best?: { readonly number: number; readonly parameters: Parameters; readonly value: number }
  /** Seconds, at the pace of the trials so far; absent until one has ended. */
  readonly secondsLeft?: number
}

export function sweepProgress(
  study: StudyView,
  sweep: Pick<SweepConfig, 'objectives' | 'trials'>,
  slots: number,
  now: number,
): SweepProgress {
  const trials = [...sweepTrials(study), ...finalists(study)]
  const ended = trials.filter(isFinished)
  const count = (state: Trial['state']) => trials.filter((trial) => trial.state === state).length
  const total = Math.max(sweep.trials, trials.length)
  const running = trials.filter(({ state }) => state === 'running')
  const [objective, ...others] = sweep.objectives
  const best = others.length === 0 ? bestTrial(contenders(study), objective!.direction) : undefined
  const seconds = ended.flatMap(({ startedAt, finishedAt }) =>
    startedAt === undefined || finishedAt === undefined ? [] : (finishedAt - startedAt) / 1000,
  )
  const mean = seconds.reduce((sum, each) => sum + each, 0) / seconds.length
  const spent = running.reduce((sum, { startedAt = now }) => sum + Math.min(mean, (now - startedAt) / 1000), 0)
  return {
    total,
    complete: count('complete'),
    pruned: count('pruned'),
    failed: count('failed'),
    running: running.map(({ number, parameters, intermediate }) => {
      const last = [...intermediate].at(-1)
      return { number, parameters, ...(last && { step: last[0], value: last[1] }) }
    }),
    ...(best && { best: { number: best.number, parameters: best.parameters, value: best.values![0]! } }),
    ...(seconds.length > 0 && {
      secondsLeft: (mean * (total - ended.length) - spent) / Math.max(1, Math.min(slots, total - ended.length)),
    }),
  }
}
