// Runs a sweep: an experiment without tensors whose body is the driver, in a run directory like any other.
import { type PluginTable } from '@mixlab/core'
import {
  createPluginTable,
  defaultPlugins,
  defineExperiment,
  type EventSink,
  type Experiment,
  type FinishedRun,
  runExperiment,
  type RunOptions,
  startEngine,
} from '@mixlab/lab'
import type { z } from 'zod'
import { driveSweep } from './driver.ts'
import { sweepConfig } from './sweep-config.ts'
import type { SweepProgress } from './sweep-progress.ts'

type Tracked = Pick<RunOptions, 'track' | 'trackSet' | 'trackSeconds' | 'onEnd' | 'onTracked'>

export interface SweepRunOptions extends Tracked {
  readonly experiment: Experiment
  /** From `pluginsFor(experiment)`. */
  readonly plugins: PluginTable
  /** The sweep; absent when an earlier one is resumed. */
  readonly config?: z.input<typeof sweepConfig>
  /** Goes on with this sweep: a path, an id, the end of an id, or `latest`. */
  readonly resume?: string
  /** The program and arguments of a trial's process, without the sweep's directory and the trial's number. */
  readonly trialCommand: readonly string[]
  readonly seed?: number
  readonly runs?: string
  readonly name?: string
  readonly script?: string
  readonly command?: readonly string[]
  readonly sinks?: readonly EventSink[]
  readonly onStart?: (run: { readonly id: string; readonly path: string; readonly seed: number }) => void
  readonly onInterrupt?: () => void
  readonly onProgress?: (progress: SweepProgress) => void
}

/** Every plugin that an experiment's configuration can name, and those of sweeps. Nothing is started. */
export async function pluginsFor(experiment: Experiment): Promise<PluginTable> {
  const defaults = await defaultPlugins({ tensors: experiment.engine !== 'none' })
  return createPluginTable({
    defaults,
    own: experiment.plugins,
    resolve: () => {
      throw new Error('a plugin of a sweep needs nothing of a run')
    },
  })
}

/** @throws MixlabError on a sweep that is wrong, or whose trials all fail. */
export function runSweep(options: SweepRunOptions): Promise<FinishedRun> {
  const { experiment, plugins, trialCommand, onProgress, config, ...rest } = options
  const sweep = defineExperiment({
    name: experiment.name,
    ...(experiment.summary !== undefined && { summary: experiment.summary }),
    engine: 'none',
    config: sweepConfig,
    track: experiment.track,
    plugins: experiment.plugins,
    async run(run) {
      // To know what a configuration costs, its model is made.
      if (run.config.budget && experiment.engine !== 'none') await startEngine(run.config.engine ?? 'auto')
      return driveSweep(run, { experiment, plugins, trialCommand, ...(onProgress && { onProgress }) })
    },
  })
  return runExperiment(sweep, { ...rest, kind: 'sweep', ...(config && { config: { ...config } }) })
}
