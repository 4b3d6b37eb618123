// Runs an experiment: configuration, seed, engine, plugins, directory, Ctrl-C; then `executeRun`. What can be found wrong
// beforehand is found before a directory is made.
import { dirname } from 'node:path'
import { type Configuration, type Emit, MixlabError, type PluginReference, type RunFile } from '@mixlab/core'
import type { FollowOutcome } from '@mixlab/tracking'
import type { LabModule } from './compose.ts'
import { defaultPlugins } from './default-plugins.ts'
import { type PrecisionScope, precisionScope, startEngine } from './engines.ts'
import { gitState, machine, versions } from './environment.ts'
import { executeRun } from './execute-run.ts'
import type { Experiment, Result } from './experiment.ts'
import { listenForInterruption } from './interruption.ts'
import { createPluginTable } from './plugin-table.ts'
import { asConfiguration, completed, assigned } from './run-configuration.ts'
import { runsFolder } from './run-directory.ts'
import { callsOf } from './run-calls.ts'
import { placeOf } from './run-place.ts'
import type { EventSink } from './sinks.ts'
import { startRunTrackers, trackerModules, trackerRequests, trackSeconds } from './trackers.ts'

export interface RunOptions {
  /** Fields of the configuration; the rest take their defaults. */
  readonly config?: Configuration
  /** `a.b=c` assignments, made after `config`. */
  readonly set?: readonly string[]
  /** Default 1. */
  readonly seed?: number
  /** Default `auto`: the best that is available. */
  readonly engine?: string
  /** Of matrix products: `float32` (the default) or `bf16`. */
  readonly precision?: string
  /** Where runs are kept. Default: MIXLAB_RUNS, else `runs` in the current folder. */
  readonly runs?: string
  /** Part of the run's id. */
  readonly name?: string
  /** Goes on with this run (a path, an id, the end of an id, or `latest`). Its configuration, seed and precision are kept. */
  readonly resume?: string
  /** It is part of another run, e.g. a trial of a sweep: goes on with it, or returns its result, if it is already there. */
  readonly part?: RunPart
  /** Makes no call to a language model: takes them from this run (a path, an id, the end of an id, or `latest`), whose configuration and seed it has where nothing else is said. */
  readonly replay?: string
  /** Takes calls that were made before from this run or folder, and adds its own. Failed ones are made again. */
  readonly calls?: string
  /** What the run is, where it is not an experiment of its own. */
  readonly kind?: RunFile['kind']
  readonly sinks?: readonly EventSink[]
  readonly modules?: readonly LabModule[]
  /** Ends the run as Ctrl-C does. */
  readonly signal?: AbortSignal
  /** The experiment script's path, for the record. */
  readonly script?: string
  /** The command line, for the record. */
  readonly command?: readonly string[]
  /** Called when the run's directory is there, and could be resumed. */
  readonly onStart?: (run: {
    readonly id: string
    readonly path: string
    readonly seed: number
    readonly engine: string
    /** Absent without tensors. */
    readonly precision?: string
  }) => void
  /**
   * Trackers that the run is sent to, by name or with fields, in place of the experiment's own. A resumed run keeps those
   * that it had.
   */
  readonly track?: readonly PluginReference[]
  /** `tracker.field=value` assignments for trackers. */
  readonly trackSet?: readonly string[]
  /** How long the end of the run waits for its trackers, in seconds. Default 10. */
  readonly trackSeconds?: number
  /** Called when the run has ended, well or not, before its trackers send the rest: the time to write a report. */
  readonly onEnd?: (run: { readonly id: string; readonly path: string }) => Promise<void>
  /** Called at the end, when there are trackers, with what each has not sent. */
  readonly onTracked?: (outcomes: readonly FollowOutcome[]) => void
  /** Called at the first Ctrl-C. */
  readonly onInterrupt?: () => void
}

/** Where a run belongs that a process of its own makes for another run. */
export interface RunPart {
  /** The parent run's directory. */
  readonly parent: string
  /** Its folder's name in the parent's `children/`. */
  readonly name: string
  readonly index?: number
  readonly total?: number
}

export interface FinishedRun {
  readonly id: string
  /** The run directory. */
  readonly path: string
  /** A failed run throws instead. */
  readonly status: 'finished' | 'interrupted'
  /** What the experiment returned; empty after an interruption. */
  readonly result: Result
}

/**
 * Runs an experiment to its end.
 * @throws MixlabError on a configuration, plugin, engine or run directory that is wrong; else what the experiment throws.
 * The run's directory then says `failed`, with the message.
 */
export async function runExperiment(experiment: Experiment, options: RunOptions = {}): Promise<FinishedRun> {
  const runs = runsFolder(options.runs)
  const calls = await callsOf(experiment, options, runs)
  const place = await placeOf(experiment, options, runs)
  const { earlier, parent } = place
  if (earlier?.status === 'finished')
    return { id: earlier.id, path: earlier.path, status: 'finished', result: earlier.result ?? {} }
  const given = options.config ?? calls.replayed?.config
  const wantedConfig = { ...options, ...(given !== undefined && { config: asConfiguration(given) }) }
  const config = completed(experiment, earlier ? asConfiguration(earlier.config) : assigned(experiment, wantedConfig))
  const seed = earlier?.seed ?? checkedSeed(options.seed ?? calls.replayed?.seed ?? 1)
  const wanted = experiment.engine ?? options.engine ?? earlier?.engine.name ?? 'auto'
  const git = gitState(options.script === undefined ? process.cwd() : dirname(options.script))
  const engine = await startEngine(wanted)
  const inPrecision = await precisionScope(engine)
  const precision = checkedPrecision(experiment, inPrecision, options.precision ?? earlier?.precision)
  const defaults = await defaultPlugins({ tensors: engine.name !== 'none' })
  // Finds duplicated plugins before there is a run to fail.
  const plugins = createPluginTable({ defaults, own: experiment.plugins, resolve: unresolved })
  const requests = await trackerRequests(options, experiment, plugins, earlier?.path)
  const modules = requests.length > 0 ? trackerModules(requests, experiment.plugins, options.script) : []
  using trackers = await startRunTrackers(requests, modules)
  const commit = await git

  const { id, directory } = place.make()
  const name = options.name ?? earlier?.name
  using interruption = listenForInterruption(options.onInterrupt)
  const signal = options.signal ? AbortSignal.any([interruption.signal, options.signal]) : interruption.signal
  const family = {
    experiment: experiment.name,
    engine,
    ...(inPrecision && { inPrecision }),
    defaults,
    plugins: experiment.plugins,
    modules: [...experiment.modules, ...(options.modules ?? [])],
    signal,
    calls: calls.placeIn({ id, path: directory.path }, earlier),
    about: {
      ...calls.about(earlier),
      ...(experiment.summary !== undefined && { summary: experiment.summary }),
      machine: machine(),
      versions: versions(),
      ...(commit && { git: commit }),
      ...(options.kind !== undefined && { kind: options.kind }),
      ...(options.script !== undefined && { script: options.script }),
      ...(options.command && { command: [...options.command] }),
    },
  }
  const plan = {
    family,
    id,
    directory,
    ...(name !== undefined && { name }),
    config,
    seed,
    ...(precision !== undefined && { precision }),
    ...(earlier && { earlier }),
    sinks: [...experiment.sinks, ...(options.sinks ?? [])],
    ...(parent && { parent }),
    onStart: (emit: Emit) => {
      trackers?.follow(directory.path, emit)
      options.onStart?.({
        id,
        path: directory.path,
        seed,
        engine: engine.name,
        ...(precision !== undefined && { precision }),
      })
    },
  }
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the configuration was parsed with the experiment's schema
    const result = await executeRun(plan, (run) => experiment.run(run as never))
    return { id, path: directory.path, status: 'finished', result }
  } catch (error) {
    if (MixlabError.is(error) && error.code === 'interrupted')
      return { id, path: directory.path, status: 'interrupted', result: {} }
    throw error
  } finally {
    await options.onEnd?.({ id, path: directory.path })
    if (trackers) {
      const limitMs = 1000 * (options.trackSeconds ?? trackSeconds)
      const outcomes = await trackers.finish({ limitMs })
      options.onTracked?.(outcomes)
    }
  }
}

function checkedSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  throw new MixlabError(`the seed is ${seed}, expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`)
}

/** The precision of a run; undefined without tensors. */
function checkedPrecision(
  experiment: Experiment,
  inPrecision: PrecisionScope | undefined,
  wanted: string | undefined,
): string | undefined {
  if (inPrecision) return inPrecision(wanted ?? 'float32', () => wanted ?? 'float32')
  if (wanted === undefined) return undefined
  throw new MixlabError(`${experiment.name} computes without tensors, so it has no precision: leave --precision out`)
}

const unresolved = (): never => {
  throw new Error('no plugin is made before the run')
}
