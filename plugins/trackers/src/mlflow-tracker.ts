// Delivery to MLflow, whatever keeps its runs. Each point arrives exactly once: points that may have arrived are compared
// with what the store holds before they are sent. A request that broke off may still be worked on: the comparison waits a
// little.
import { setTimeout as delay } from 'node:timers/promises'
import type { RunFile } from '@mixlab/core'
import { pointsOf, startOver, type TrackedRun, type Tracker } from '@mixlab/tracking'
import { Arrived } from './arrived.ts'
import { datasetOf, mlflowParameters, runName, statusOf, tagsOf, userName } from './mlflow-about.ts'
import { type ArtifactChoice, sendArtifacts } from './mlflow-artifacts.ts'
import { nameFor, tagFor } from './mlflow-names.ts'
import type { MlflowStore } from './mlflow-store.ts'

export interface MlflowTrackerOptions extends ArtifactChoice {
  /** The experiment's name in MLflow; null: the mixlab experiment's. */
  readonly experiment: string | null
  /** The MLflow run that the outermost run is put under. */
  readonly parentRun: string | null
}

/** How long a store may go on with a request whose sender is gone, in milliseconds. */
const settlingMs = 2000

/** What is kept with the cursor of each run. */
interface State {
  id?: string
  /** Parameters and tags have arrived. */
  described?: boolean
  /** The log took the place of an earlier one of which points have arrived. */
  replaces?: boolean
  status?: string
}

const stateOf = (run: TrackedRun): State => run.state

export function mlflowTracker(store: MlflowStore, options: MlflowTrackerOptions): Tracker {
  /** What had arrived of the log that a run's log takes the place of, by the run's key. */
  const replaced = new Map<string, Arrived>()

  async function arrived(id: string, signal: AbortSignal): Promise<Arrived> {
    await delay(settlingMs, undefined, { signal })
    return new Arrived((key) => store.history(id, key, signal))
  }

  /** The run's id in MLflow; the run is made where it is missing. */
  async function opened(run: TrackedRun, signal: AbortSignal): Promise<{ id: string; made: boolean }> {
    const state = stateOf(run)
    if (state.id !== undefined) return { id: state.id, made: false }
    const parent = run.parent ? (await opened(outermost(run), signal)).id : (options.parentRun ?? undefined)
    const { id, made } = await store.openRun(
      {
        key: run.key,
        experiment: options.experiment ?? (process.env['MLFLOW_EXPERIMENT_NAME'] || run.file.experiment),
        name: runName(run),
        user: userName(),
        startTime: Date.parse(run.file.startedAt),
        tags: tagsOf(run, parent),
      },
      signal,
    )
    state.id = id
    state.status = statusOf.running
    return { id, made }
  }

  async function setStatus(run: TrackedRun, id: string, file: RunFile, signal: AbortSignal): Promise<void> {
    const state = stateOf(run)
    const status = statusOf[file.status]
    const end = file.finishedAt === undefined ? run.lastTime : Date.parse(file.finishedAt)
    await store.setStatus(id, status, file.status === 'running' ? undefined : end, signal)
    state.status = status
  }

  /** Does what needs the run; when the store has it no more, all that is known of it is forgotten. */
  async function orStartOver<R>(run: TrackedRun, body: () => Promise<R>): Promise<R> {
    try {
      return await body()
    } catch (error) {
      if (stateOf(run).id === undefined || !store.isMissing(error)) throw error
      for (const name of Object.keys(run.state)) delete run.state[name]
      throw startOver(`the run is no longer in ${store.target}`)
    }
  }

  return {
    target: store.target,
    check: ({ signal }) => store.check(signal),
    write: (run, events, { continuity, signal }) =>
      orStartOver(run, async () => {
        const state = stateOf(run)
        const { id, made } = await opened(run, signal)
        if (state.described !== true) {
          await store.logParameters(id, mlflowParameters(run.file), signal)
          state.described = true
        }
        if (run.file.status === 'running' && state.status !== statusOf.running)
          await setStatus(run, id, run.file, signal)
        if (continuity === 'restarts') {
          state.replaces = !made
          replaced.delete(run.key)
          if (!made) replaced.set(run.key, await arrived(id, signal))
        } else if (continuity === 'uncertain' && state.replaces === true) {
          // Which of the earlier log's points have been met again is not known any more.
          throw startOver('the points of an earlier log have to be compared again')
        }
        const points = events.flatMap(pointsOf).map((point) => ({ ...point, key: nameFor(point.key) }))
        const before = replaced.get(run.key)
        const missing = before
          ? await before.missingByStep(points)
          : continuity === 'uncertain'
            ? await (await arrived(id, signal)).missing(points)
            : points
        if (missing.length > 0) await store.logPoints(id, missing, signal)
        for (const event of events) {
          const dataset = event.type === 'train.started' ? datasetOf(event) : undefined
          if (dataset) await store.logDataset(id, dataset, signal)
        }
      }),
    end: (run, { signal }) =>
      orStartOver(run, async () => {
        const { id } = await opened(run, signal)
        const { error } = run.file
        if (error !== undefined && stateOf(run).status !== statusOf[run.file.status])
          await store.setTags(id, new Map([['mixlab.error', tagFor(error)]]), signal)
        // Also where nothing has changed: so it is found out whether the store still has the run.
        await setStatus(run, id, run.file, signal)
        await sendArtifacts(store, id, run, options, signal)
      }),
    close: () => Promise.resolve(store.close()),
  }
}

/** Children of children are put under the outermost run, where MLflow shows them. */
const outermost = (run: TrackedRun): TrackedRun => (run.parent ? outermost(run.parent) : run)
