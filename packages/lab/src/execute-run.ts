// One run from its directory to its end: log, bus, container, the script's function, status. Children go through the same
// door, in `children/<name>/`, with the parent's engine and a container of their own.
import { join } from 'node:path'
import {
  CALLS,
  type CallsPlace,
  type ChildOptions,
  type Emit,
  interrupted,
  MixlabError,
  type Plugin,
  RandomStream,
  RUN_FORMAT,
  type RunContext,
  type RunDirectory,
  type RunFile,
  thisProcess,
  toJson,
} from '@mixlab/core'
import { composeRun, type LabModule, service } from './compose.ts'
import { describeEngine, type PrecisionScope, type RunEngine } from './engines.ts'
import { EventBus } from './event-bus.ts'
import { EventLog, repairEvents } from './event-log.ts'
import type { Result } from './experiment.ts'
import { runDirectory, slug } from './run-directory.ts'
import { activeRuns, openRun, type RunRecord, writeRunFile } from './run-record.ts'
import type { EventSink } from './sinks.ts'
import { CONFIG, EMIT, ENGINE, EVENTS, RNG, RUN_DIRECTORY, SEED, SIGNAL } from './tokens.ts'

/** What a run and its children have in common. */
export interface RunFamily {
  readonly experiment: string
  readonly engine: RunEngine
  /** Absent without tensors. */
  readonly inPrecision?: PrecisionScope
  readonly defaults: readonly Plugin[]
  readonly plugins: readonly Plugin[]
  readonly modules: readonly LabModule[]
  readonly signal: AbortSignal
  /** Of the outermost run: its children share one recording. */
  readonly calls: CallsPlace
  /** What `run.json` says about all of them. */
  readonly about: Pick<
    RunFile,
    'summary' | 'kind' | 'machine' | 'versions' | 'git' | 'script' | 'command' | 'calls' | 'replays'
  >
}

export interface RunPlan<C> {
  readonly family: RunFamily
  readonly id: string
  readonly directory: RunDirectory
  readonly name?: string
  readonly config: C
  readonly seed: number
  /** Of matrix products; absent without tensors. */
  readonly precision?: string
  /** The earlier record, when this goes on from it. */
  readonly earlier?: RunRecord
  readonly sinks: readonly EventSink[]
  /** Called when the run could be resumed if it were killed. @param emit for what is said about the run from outside */
  readonly onStart?: (emit: Emit) => void
  /** `bus` is absent where the parent runs in another process. */
  readonly parent?: { readonly id: string; readonly bus?: EventBus; readonly index?: number; readonly total?: number }
}

type Ending =
  | { readonly status: 'finished'; readonly result: Result }
  | { readonly status: 'failed' | 'interrupted'; readonly error: unknown }

const isInterruption = (error: unknown, signal: AbortSignal): boolean =>
  (MixlabError.is(error) && error.code === 'interrupted') ||
  (signal.aborted && error instanceof Error && error.name === 'AbortError')

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Runs `body` as a run.
 * @returns its result: plain data
 * @throws what `body` throws, once the run's directory says so.
 */
export async function executeRun<C>(
  plan: RunPlan<C>,
  body: (run: RunContext<C>) => Promise<Result | void>,
): Promise<Result> {
  const { family, directory, earlier, parent } = plan
  const file: RunFile = {
    format: RUN_FORMAT,
    id: plan.id,
    experiment: family.experiment,
    ...(plan.name !== undefined && { name: plan.name }),
    ...family.about,
    config: plan.config,
    seed: plan.seed,
    status: 'running',
    engine: describeEngine(family.engine),
    ...(plan.precision !== undefined && { precision: plan.precision }),
    startedAt: earlier?.startedAt ?? new Date().toISOString(),
    ...(parent && { parent: parent.id }),
    ...(parent?.index !== undefined && { index: parent.index }),
    ...(parent?.total !== undefined && { total: parent.total }),
    process: thisProcess(),
  }
  activeRuns.add(directory.path)
  using _active = { [Symbol.dispose]: () => void activeRuns.delete(directory.path) }
  await writeRunFile(directory.path, file)
  if (earlier) await repairEvents(directory.path)
  using log = new EventLog(directory.path, { resume: earlier !== undefined && hasCheckpoint(directory) })
  const bus = new EventBus({
    run: plan.id,
    record: (event) => log.append(event),
    failure: () => log.failure,
    ...(parent?.bus && { parent: parent.bus }),
  })
  plan.onStart?.(bus.emit)
  for (const sink of plan.sinks) bus.attach(sink)
  bus.emit('run.started', {
    experiment: family.experiment,
    config: plan.config,
    seed: plan.seed,
    engine: family.engine.name,
    ...(plan.precision !== undefined && { precision: plan.precision }),
    ...(plan.name !== undefined && { name: plan.name }),
  })
  let ending = await attempt(plan, bus, body)
  bus.emit('run.finished', {
    status: ending.status,
    ...('result' in ending ? { result: ending.result } : { error: messageOf(ending.error) }),
  })
  try {
    await bus.close()
  } catch (error) {
    if (!('error' in ending)) ending = { status: 'failed', error }
  }
  const finished: RunFile = {
    ...file,
    status: ending.status,
    ...('result' in ending ? { result: ending.result } : { error: messageOf(ending.error) }),
    finishedAt: new Date().toISOString(),
  }
  if (!('error' in ending)) {
    await writeRunFile(directory.path, finished)
    return ending.result
  }
  // What the run failed with matters more than that it could not be noted, e.g. on a full disk.
  await writeRunFile(directory.path, finished).catch(() => undefined)
  throw ending.status === 'interrupted' ? interrupted(messageOf(ending.error)) : ending.error
}

async function attempt<C>(
  plan: RunPlan<C>,
  bus: EventBus,
  body: (run: RunContext<C>) => Promise<Result | void>,
): Promise<Ending> {
  try {
    await using container = await composeRun({
      services: [
        service(SEED, plan.seed),
        service(RNG, new RandomStream(plan.seed)),
        service(CONFIG, plan.config),
        service(EVENTS, bus.events),
        service(EMIT, bus.emit),
        service(SIGNAL, plan.family.signal),
        service(ENGINE, plan.family.engine),
        service(RUN_DIRECTORY, plan.directory),
        service(CALLS, plan.family.calls),
      ],
      defaults: plan.family.defaults,
      plugins: plan.family.plugins,
      modules: plan.family.modules,
      warn: (message) => bus.emit('warning', { message }),
    })
    for (const sink of container.sinks) bus.attach(sink)
    const names = new Set<string>()
    const context: RunContext<C> = {
      id: plan.id,
      experiment: plan.family.experiment,
      config: plan.config,
      seed: container.resolve(SEED),
      rng: container.resolve(RNG),
      signal: plan.family.signal,
      plugins: container.plugins,
      directory: plan.directory,
      resumed: plan.earlier !== undefined,
      emit: bus.emit,
      ready: () => bus.ready(),
      resolve: (id) => container.resolve(id),
      child: (name, options, childBody) => runChild(plan, bus, names, name, options, childBody),
    }
    const { precision, family } = plan
    const result = plainResult(
      await (precision === undefined || !family.inPrecision
        ? body(context)
        : family.inPrecision(precision, () => body(context))),
    )
    await bus.ready()
    return { status: 'finished', result }
  } catch (error) {
    return { status: isInterruption(error, plan.family.signal) ? 'interrupted' : 'failed', error }
  }
}

async function runChild<C, R extends Result>(
  plan: RunPlan<unknown>,
  bus: EventBus,
  names: Set<string>,
  name: string,
  options: ChildOptions<C>,
  body: (run: RunContext<C>) => Promise<R>,
): Promise<R> {
  const folder = slug(name)
  if (folder === '') throw new MixlabError(`child run "${name}": a name has at least one letter or digit`)
  if (names.has(folder)) throw new MixlabError(`two child runs are called ${folder}: give each a name of its own`)
  names.add(folder)
  if (plan.family.signal.aborted) throw interrupted()
  const directory = runDirectory(join(plan.directory.path, 'children', folder))
  const earlier = plan.earlier && directory.exists('run.json') ? await openRun(directory.path) : undefined
  const seed = options.seed ?? plan.seed
  const precision = options.precision ?? plan.precision
  if (
    earlier &&
    (earlier.seed !== seed ||
      (earlier.precision ?? plan.precision) !== precision ||
      toJson(earlier.config) !== toJson(options.config))
  ) {
    throw new MixlabError(
      `child run ${folder} had another configuration, seed or precision before the interruption: start a new run`,
    )
  }
  const child = `children/${folder}`
  const { index = names.size - 1, total } = options
  bus.emit('child.started', { name, child, index, ...(total !== undefined && { total }) })
  if (earlier?.status === 'finished') {
    bus.emit('child.finished', { name, child, status: 'finished' })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the same body returned before
    return (earlier.result ?? {}) as R
  }
  try {
    const childPlan: RunPlan<C> = {
      family: plan.family,
      id: `${plan.id}/${folder}`,
      directory,
      name,
      config: options.config,
      seed,
      ...(precision !== undefined && { precision }),
      ...(earlier && { earlier }),
      sinks: [],
      parent: { id: plan.id, bus, index, ...(total !== undefined && { total }) },
    }
    const result = await executeRun(childPlan, body)
    bus.emit('child.finished', { name, child, status: 'finished' })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- plain data goes through JSON unchanged
    return result as R
  } catch (error) {
    bus.emit('child.finished', {
      name,
      child,
      status: isInterruption(error, plan.family.signal) ? 'interrupted' : 'failed',
    })
    throw error
  }
}

/** Whether a run has something to go on from; one without starts again, and so does its log. */
const hasCheckpoint = (directory: RunDirectory): boolean => directory.exists('checkpoints')

/** What a run returned, checked to be data that `run.json` can hold. */
function plainResult(result: Result | void): Result {
  if (result === undefined) return {}
  if (typeof result !== 'object' || Array.isArray(result)) {
    throw new MixlabError(
      'the experiment returned something that is not an object: return { name: value, … } or nothing',
    )
  }
  try {
    toJson(result)
  } catch (cause) {
    throw new MixlabError(
      'the experiment returned something that is not plain data: return numbers, text, lists and objects',
      { cause },
    )
  }
  return result
}
