// Runs an experiment: configuration, seed, engine, plugins, directory, Ctrl-C; then `executeRun`. What can be found wrong
// beforehand is found before a directory is made.
import { dirname } from 'node:path'
import { type Configuration, MixlabError, parseConfiguration, withAssignments } from '@mixlab/core'
import type { LabModule } from './compose.ts'
import { defaultPlugins } from './default-plugins.ts'
import { type PrecisionScope, precisionScope, startEngine } from './engines.ts'
import { gitState, machine, versions } from './environment.ts'
import { executeRun } from './execute-run.ts'
import type { Experiment, Result } from './experiment.ts'
import { listenForInterruption } from './interruption.ts'
import { createPluginTable } from './plugin-table.ts'
import { createRunDirectory, runDirectory, runsFolder } from './run-directory.ts'
import { findRun, openRun, type RunRecord } from './run-record.ts'
import type { EventSink } from './sinks.ts'

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
  /** Called at the first Ctrl-C. */
  readonly onInterrupt?: () => void
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
  const earlier =
    options.resume === undefined ? undefined : await resumable(experiment, options, findRun(options.resume, runs))
  const given = earlier ? asConfiguration(earlier.config) : assigned(experiment, options)
  // Twice, as zod does not look into a default: the second time fills in the defaults inside it. What comes out parses to
  // itself, which is what a resumed run does with it.
  const parsed = asConfiguration(parseConfiguration(experiment.config, given, experiment.name))
  const config = parseConfiguration(experiment.config, parsed, experiment.name)
  const seed = earlier?.seed ?? checkedSeed(options.seed ?? 1)
  const wanted = experiment.engine ?? options.engine ?? earlier?.engine.name ?? 'auto'
  const git = gitState(options.script === undefined ? process.cwd() : dirname(options.script))
  const engine = await startEngine(wanted)
  const inPrecision = await precisionScope(engine)
  const precision = checkedPrecision(experiment, inPrecision, options.precision ?? earlier?.precision)
  const defaults = await defaultPlugins({ tensors: engine.name !== 'none' })
  // Finds duplicated plugins before there is a run to fail.
  createPluginTable({ defaults, own: experiment.plugins, resolve: unresolved })
  const commit = await git

  const { id, directory } = earlier
    ? { id: earlier.id, directory: runDirectory(earlier.path) }
    : createRunDirectory(runs, experiment.name, options.name)
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
    about: {
      ...(experiment.summary !== undefined && { summary: experiment.summary }),
      machine: machine(),
      versions: versions(),
      ...(commit && { git: commit }),
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
    onStart: () =>
      options.onStart?.({
        id,
        path: directory.path,
        seed,
        engine: engine.name,
        ...(precision !== undefined && { precision }),
      }),
  }
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the configuration was parsed with the experiment's schema
    const result = await executeRun(plan, (run) => experiment.run(run as never))
    return { id, path: directory.path, status: 'finished', result }
  } catch (error) {
    if (MixlabError.is(error) && error.code === 'interrupted')
      return { id, path: directory.path, status: 'interrupted', result: {} }
    throw error
  }
}

async function resumable(experiment: Experiment, options: RunOptions, path: string): Promise<RunRecord> {
  const record = await openRun(path)
  if (record.experiment !== experiment.name) {
    throw new MixlabError(
      `${record.id} is a run of ${record.experiment}, not of ${experiment.name}: give --resume a run of ${experiment.name}`,
    )
  }
  if (record.parent !== undefined) throw new MixlabError(`${record.id} is part of ${record.parent}: resume that`)
  if (record.status === 'finished') throw new MixlabError(`${record.id} has finished: there is nothing to resume`)
  if (record.status === 'running') {
    throw new MixlabError(
      `${record.id} is still running (process ${record.process.pid} on ${record.process.host}): end it before resuming it`,
    )
  }
  if ((options.set?.length ?? 0) > 0 || options.config !== undefined) {
    throw new MixlabError(
      `${record.id} keeps its configuration when it is resumed: leave --set out, or start a new run`,
    )
  }
  if (options.seed !== undefined && options.seed !== record.seed) {
    throw new MixlabError(
      `${record.id} keeps its seed (${record.seed}) when it is resumed: leave --seed out, or start a new run`,
    )
  }
  const kept = record.precision ?? 'float32'
  if (options.precision !== undefined && options.precision !== kept) {
    throw new MixlabError(
      `${record.id} keeps its precision (${kept}) when it is resumed: leave --precision out, or start a new run`,
    )
  }
  return record
}

const asConfiguration = (config: unknown): Configuration =>
  typeof config === 'object' && config !== null ? { ...config } : {}

/**
 * The given configuration with the assignments made in it. They are made over the defaults, where the schema has a
 * default for every field, so that `router.k=2` keeps the default router's name.
 */
function assigned(experiment: Experiment, { config = {}, set = [] }: RunOptions): Configuration {
  if (set.length === 0) return config
  const complete = experiment.config.safeParse(config)
  return withAssignments(complete.success ? asConfiguration(complete.data) : config, set)
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
