// One trial, in a process of its own: reads the sweep's directory, runs the experiment once for each seed, reports the
// objective as it comes, lets the stopper judge, and says in the trial store how it ended. Killed at any moment and started
// again, it goes on from the checkpoint of the seed that it was at.
import { MixlabError, type PluginTable, RandomStream, splitReference } from '@mixlab/core'
import { type Experiment, listenForInterruption, runExperiment } from '@mixlab/lab'
import { isFinished, type Stopper, type Study, TRIAL_EXIT } from '@mixlab/studies'
import { objectiveValues, reportObjective } from './objective.ts'
import { type PointContext, resolvePoint } from './point.ts'
import { stretchOf, withStretch } from './population.ts'
import { partName, type SweepConfig } from './sweep-config.ts'
import { failTrial, finalistOf, freeOf, openSweepStudy, STUDY } from './sweep-study.ts'

/** The trial's user attribute with its values: by seed, then by objective. */
export const SEEDS = 'mixlab:seeds'

export interface TrialOptions {
  /** The sweep's directory. */
  readonly directory: string
  /** The trial's number. */
  readonly number: number
  readonly experiment: Experiment
  readonly plugins: PluginTable
  readonly sweep: SweepConfig
  /** The sweep's seed: that of each trial's first run. */
  readonly seed: number
  readonly say: (text: string) => void
}

/** Runs a trial. @returns the exit code, one of `TRIAL_EXIT` or 0 */
export async function runTrial(options: TrialOptions): Promise<number> {
  const { directory, number, sweep, seed, say } = options
  const study = await openSweepStudy(directory, sweep, seed)
  if (isFinished(study.trial(number).snapshot)) return 0
  let requeue = false
  const stopping = new AbortController()
  const outOfTime = () => {
    requeue = true
    stopping.abort()
  }
  process.on('SIGUSR2', outOfTime)
  using _listener = { [Symbol.dispose]: () => void process.off('SIGUSR2', outOfTime) }
  using interruption = listenForInterruption()
  try {
    const stopper = stopperOf(options)
    const signal = AbortSignal.any([interruption.signal, stopping.signal])
    const outcome = await runSeeds(options, study, stopper, signal)
    if (outcome === 'interrupted') {
      say(requeue ? 'out of time: the state is saved' : 'interrupted: the state is saved')
      return requeue ? TRIAL_EXIT.requeue : TRIAL_EXIT.interrupted
    }
    if (outcome !== 'pruned' && outcome.some((value) => Number.isNaN(value))) {
      const name = sweep.objectives[outcome.findIndex((value) => Number.isNaN(value))]?.metric
      throw new MixlabError(`objective ${name} is NaN`, { code: 'nan-objective' })
    }
    await study.tell(number, outcome)
    say(outcome === 'pruned' ? 'stopped' : `finished: ${outcome.join(', ')}`)
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const code = MixlabError.is(error) ? error.code : 'exception'
    await failTrial(study, number, { code, message })
    throw error
  }
}

interface TrialStopper {
  readonly judge: Stopper['judge']
  /** It compares the values of the seeds, not the curve of the first. */
  readonly overSeeds: boolean
}

function stopperOf({ sweep, plugins, seed }: TrialOptions): TrialStopper | undefined {
  if (sweep.stopper === null) return undefined
  const { name } = splitReference(sweep.stopper)
  const { direction } = sweep.objectives[0]!
  const stopper = plugins.create('stopper', sweep.stopper, {
    direction,
    study: STUDY,
    plugins,
    rng: new RandomStream(seed, 'stopper'),
  })
  return {
    judge: (study, trial) => stopper.judge(study, trial),
    overSeeds: plugins.find('stopper', name).traits['over'] === 'seeds',
  }
}

/**
 * The runs of a trial, one for each seed. The stopper judges the first one's curve, or, one that compares seeds, each
 * seed's value. @returns means over the seeds, one for each objective
 */
async function runSeeds(
  options: TrialOptions,
  study: Study,
  stopper: TrialStopper | undefined,
  signal: AbortSignal,
): Promise<number[] | 'pruned' | 'interrupted'> {
  const { experiment, sweep, directory, number, seed, say } = options
  const context: PointContext = options
  const trial = study.trial(number)
  const stretch = stretchOf(trial.snapshot)
  const { config: point } = await resolvePoint(context, trial.parameters, freeOf(trial.snapshot))
  const config = stretch && sweep.population ? withStretch(point, sweep.population.field, stretch) : point
  const first = finalistOf(trial.snapshot)
  const all = first === undefined ? [] : [...(study.trial(first).snapshot.userAttributes[SEEDS] as number[][])]
  const seeds = first === undefined && sweep.finalists !== null ? 1 : sweep.seeds
  for (let index = all.length; index < seeds; index++) {
    const stopped = new AbortController()
    const judge = async (step: number, value: number): Promise<void> => {
      if (stopped.signal.aborted) return
      await trial.report(value, step)
      if (stopper && (await trial.shouldStop(stopper))) stopped.abort()
    }
    const curve = index === 0 && stopper?.overSeeds !== true && sweep.objectives.length === 1
    const part = partName(number, index, seeds)
    say(`${part}: ${JSON.stringify(trial.parameters)}, seed ${seed + index}`)
    const run = await runExperiment(experiment, {
      config,
      seed: seed + index,
      part: { parent: directory, name: part, index: number * sweep.seeds + index },
      name: part,
      ...(sweep.engine !== null && { engine: sweep.engine }),
      ...(sweep.precision !== null && { precision: sweep.precision }),
      script: sweep.script,
      // The driver's trackers follow the runs of all trials.
      track: [],
      sinks: curve ? [reportObjective(sweep.objectives[0]!, judge)] : [],
      signal: AbortSignal.any([signal, stopped.signal]),
    })
    if (run.status === 'interrupted') return stopped.signal.aborted ? 'pruned' : 'interrupted'
    all.push(await objectiveValues(sweep.objectives, run))
    await trial.setUserAttribute(SEEDS, all)
    if (stopper?.overSeeds === true) {
      await judge(index, all.at(-1)![0]!)
      if (stopped.signal.aborted) return 'pruned'
    }
    if (signal.aborted && index + 1 < seeds) return 'interrupted'
  }
  return sweep.objectives.map((_, objective) => mean(all.map((values) => values[objective]!)))
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
