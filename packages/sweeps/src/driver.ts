// The driver: asks the sampler for points, starts their trials on the executor, and ends when the stated number has ended. It
// is the body of a run whose directory is the sweep's, so that Ctrl-C, resuming, tracking and the report are those of any
// run. All that it must remember is in the trial store: killed at any moment, it goes on with the trials that still run.
import { mkdirSync } from 'node:fs'
import { interrupted, MixlabError, type PluginTable, type RunContext } from '@mixlab/core'
import { type Experiment, resolveConfiguration, type Result } from '@mixlab/lab'
import { bestTrial, isFinished, type Study, type Trial } from '@mixlab/studies'
import { createPointSource } from './point-source.ts'
import type { SweepConfig } from './sweep-config.ts'
import { type SweepProgress, sweepProgress } from './sweep-progress.ts'
import { contenders, finalists, openSweepStudy, problemOf, sweepTrials } from './sweep-study.ts'
import { TrialJobs } from './trial-jobs.ts'

export interface DriverOptions {
  readonly experiment: Experiment
  readonly plugins: PluginTable
  /** The command of a trial's process, without the directory and the number. */
  readonly trialCommand: readonly string[]
  readonly onProgress?: (progress: SweepProgress) => void
}

/** How long trials may take to save their state after Ctrl-C. */
const GRACE_MS = 60_000
/** The first trials failing, all of them, ends a sweep. */
const HOPELESS = 3

/** The body of a sweep's run. @throws MixlabError when the trials fail for a reason that the next ones share. */
export async function driveSweep(run: RunContext<SweepConfig>, options: DriverOptions): Promise<Result> {
  const { config: sweep, directory } = run
  const { plugins } = options
  // Found wrong before the first trial: what every trial would begin with.
  resolveConfiguration(options.experiment, { config: sweep.config, set: sweep.set })
  mkdirSync(directory.file('logs'), { recursive: true })
  const study = await openSweepStudy(directory.path, sweep, run.seed)
  const points = createPointSource({ run, study, experiment: options.experiment, plugins })
  await using executor = plugins.create('executor', sweep.executor, {
    directory: directory.path,
    ...(sweep.jobs !== null && { jobs: sweep.jobs }),
    warn: (message) => run.emit('warning', { message }),
    rng: run.rng.stream('executor'),
  })
  const jobs = new TrialJobs(run, study, executor, options.trialCommand)
  const announced = new Set<number>()
  const tellProgress = () => {
    announce(run, study, announced)
    options.onProgress?.(sweepProgress(study, sweep, jobs.slots, Date.now()))
  }
  try {
    await jobs.takeUp()
    for (;;) {
      if (run.signal.aborted) throw interrupted('interrupted: the trials that ran have saved their state')
      stopIfHopeless(sweepTrials(study), sweep)
      await jobs.fill(points)
      tellProgress()
      if (jobs.active === 0 && !(await jobs.callFinalists())) break
      await jobs.wait(1000, run.signal)
      await run.ready()
    }
  } catch (error) {
    await jobs.cancel(GRACE_MS)
    throw error
  } finally {
    tellProgress()
  }
  return resultOf(study, sweep)
}

/** Emits what has become of trials since the last time. */
function announce(run: RunContext, study: Study, announced: Set<number>): void {
  for (const trial of [...sweepTrials(study), ...finalists(study)]) {
    if (!isFinished(trial) || announced.has(trial.number)) continue
    announced.add(trial.number)
    const reason = problemOf(trial)
    run.emit('trial.finished', {
      trial: trial.number,
      state: trial.state as 'complete' | 'pruned' | 'failed',
      parameters: trial.parameters,
      ...(trial.values && { values: [...trial.values] }),
      ...(reason !== undefined && { reason: reason.message }),
    })
  }
}

/** @throws MixlabError when nothing has come of the first trials, with their reason. */
function stopIfHopeless(trials: readonly Trial[], sweep: SweepConfig): void {
  const ended = trials.filter(isFinished)
  const failures = ended.filter(({ state }) => state === 'failed')
  const missing = failures.map(problemOf).find((problem) => problem?.code === 'no-objective')
  if (missing) throw new MixlabError(missing.message, { code: 'no-objective' })
  if (failures.length === ended.length && failures.length >= Math.min(HOPELESS, sweep.trials)) {
    throw new MixlabError(
      `the first ${failures.length === 1 ? 'trial' : `${failures.length} trials all`} failed, so the sweep has stopped: ${problemOf(failures[0]!)?.message ?? 'no reason was given'}`,
      { code: 'hopeless' },
    )
  }
}

function resultOf(study: Study, sweep: SweepConfig): Result {
  const trials = sweepTrials(study)
  const count = (state: Trial['state']) => trials.filter((trial) => trial.state === state).length
  const [objective, ...others] = sweep.objectives
  const best = others.length === 0 ? bestTrial(contenders(study), objective!.direction) : undefined
  return {
    complete: count('complete'),
    pruned: count('pruned'),
    failed: count('failed'),
    ...(best && {
      best: {
        trial: best.number,
        parameters: best.parameters,
        values: Object.fromEntries(sweep.objectives.map(({ metric }, index) => [metric, best.values?.[index]])),
      },
    }),
  }
}

declare module '@mixlab/core' {
  interface MixlabEvents {
    'trial.finished': {
      readonly trial: number
      readonly state: 'complete' | 'pruned' | 'failed'
      readonly parameters: Readonly<Record<string, unknown>>
      /** One for each objective. */
      readonly values?: readonly number[]
      /** Why it failed. */
      readonly reason?: string
    }
  }
}
