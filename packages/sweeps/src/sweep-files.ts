// A sweep's directory, read back and reopened.
import { MixlabError, parseConfiguration, readRunFile } from '@mixlab/core'
import { openRun, reopenRun } from '@mixlab/lab'
import { addTrial, freeOf, infeasibleReason, openSweepStudy, pointOf, sweepTrials } from './sweep-study.ts'
import { type SweepConfig, sweepConfig } from './sweep-config.ts'

/** The sweep of a directory. @throws MixlabError when it is none. */
export async function sweepOf(directory: string): Promise<SweepConfig> {
  const file = await readRunFile(directory)
  if (file.kind !== 'sweep') {
    throw new MixlabError(`${file.id} is a run, not a sweep: mixlab sweep SCRIPT --over … makes one`, {
      code: 'not-a-sweep',
    })
  }
  return parseConfiguration(sweepConfig, file.config, file.id)
}

/**
 * Lets a sweep that has ended go on: with more trials, or with its failed trials once more.
 * @throws MixlabError when it still runs, or has fewer trials than it had, or nothing has failed.
 */
export async function reopenSweep(
  directory: string,
  { trials, retryFailed = false }: { readonly trials?: number; readonly retryFailed?: boolean },
): Promise<void> {
  const sweep = await sweepOf(directory)
  if (trials !== undefined && trials < sweep.trials)
    throw new MixlabError(
      `--trials ${trials}: the sweep has ${sweep.trials} already; give a larger number, or leave it out`,
    )
  if (trials === undefined && !retryFailed && (await openRun(directory)).status !== 'finished') return
  if (retryFailed) await retry(directory, sweep)
  else if (trials === undefined)
    throw new MixlabError(`the sweep has finished: give it more trials by --trials ${2 * sweep.trials}`)
  await reopenRun(directory, (config) => ({ ...(config as SweepConfig), ...(trials !== undefined && { trials }) }))
}

/** Adds a trial of the same point for each that has failed; the driver starts what runs without a job. */
async function retry(directory: string, sweep: SweepConfig): Promise<void> {
  const { seed, status } = await openRun(directory)
  if (status === 'running') return
  const study = await openSweepStudy(directory, sweep, seed)
  const failed = sweepTrials(study).filter((trial) => trial.state === 'failed' && infeasibleReason(trial) === undefined)
  if (failed.length === 0) throw new MixlabError('no trial of the sweep has failed: there is nothing to retry')
  for (const trial of failed) {
    const free = freeOf(trial)
    const more = { retried: trial, ...(free !== undefined && { free }) }
    await addTrial(study, { parameters: trial.parameters }, pointOf(trial)!, more)
  }
}
