// Which trackers a run has, and how they are told what to do: by the experiment, on the command line, or, when a run is
// resumed, as before. The trackers themselves live in a process of their own.
import { readdirSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import {
  type Emit,
  MixlabError,
  type Plugin,
  pluginConfiguration,
  type PluginReference,
  type PluginTable,
  splitReference,
  withAssignments,
} from '@mixlab/core'
import type { FollowOutcome, TrackerRequest, Trackers } from '@mixlab/tracking'
import type { Experiment } from './experiment.ts'

export interface TrackOptions {
  /** By name, or with fields: `{ name: 'mlflow', experiment: 'routers' }`. They take the place of the experiment's own. */
  readonly track?: readonly PluginReference[]
  /** `tracker.field=value` assignments. */
  readonly trackSet?: readonly string[]
  /** The experiment script's path. */
  readonly script?: string
}

/** What an earlier process had the run sent to, from `trackers/` in its directory. */
async function recorded(directory: string): Promise<PluginReference[]> {
  const { readCursor, trackersFolder } = await import('@mixlab/tracking')
  let names: string[] = []
  try {
    names = readdirSync(trackersFolder(directory)).filter((name) => name.endsWith('.json'))
  } catch {
    // It had no trackers.
  }
  const cursors = await Promise.all(
    names.toSorted().map((name) => readCursor(directory, name.slice(0, -'.json'.length))),
  )
  return cursors.flatMap((cursor) => (cursor ? [{ ...cursor.config, name: cursor.tracker }] : []))
}

/**
 * The trackers that are asked for, with their checked configuration.
 * @param directory of the run that is resumed or sent, whose trackers are the default
 * @throws MixlabError on an unknown name (with near misses) or a field that does not fit.
 */
export async function trackerRequests(
  { track, trackSet = [] }: TrackOptions,
  experiment: Pick<Experiment, 'track'> | undefined,
  plugins: PluginTable,
  directory?: string,
): Promise<TrackerRequest[]> {
  const before = directory === undefined ? [] : await recorded(directory)
  const usual = [...(experiment?.track ?? []), ...before]
  const wanted = track ?? (before.length > 0 ? before : usual)
  const base = new Map<string, Record<string, unknown>>()
  for (const reference of wanted) {
    const { name, config } = splitReference(reference)
    const known = usual.map(splitReference).findLast((one) => one.name === name)
    base.set(name, { ...known?.config, ...config })
  }
  for (const assignment of trackSet) {
    const name = assignment.split(/[.=]/)[0]!
    if (!base.has(name) || !/^[^.=]+\.[^=]+=/.test(assignment)) {
      const names = [...base.keys()]
      throw new MixlabError(
        `--track-set ${assignment}: expected tracker.field=value with one of this run's trackers (${names.join(', ') || 'it has none: add --track'})`,
      )
    }
  }
  const assigned = withAssignments(Object.fromEntries(base), trackSet)
  return [...base.keys()].map((name) => {
    const config = { ...(assigned[name] as Record<string, unknown>) }
    pluginConfiguration(plugins.find('tracker', name), config)
    return { name, config }
  })
}

/**
 * URLs of the modules from which another process can import these trackers.
 * @throws MixlabError when one is an experiment's own and its script is not known.
 */
export function trackerModules(
  requests: readonly TrackerRequest[],
  own: readonly Plugin[],
  script: string | undefined,
): string[] {
  const mine = requests.find(({ name }) => own.some((plugin) => plugin.kind === 'tracker' && plugin.name === name))
  if (mine && script === undefined) {
    throw new MixlabError(
      `tracker ${mine.name} is the experiment's own and runs in another process: say where it can be imported from, with { script: import.meta.filename }`,
    )
  }
  return [import.meta.resolve('@mixlab/trackers'), ...(mine ? [pathToFileURL(script!).href] : [])]
}

/** How long the end of a run waits for its trackers, in seconds. */
export const trackSeconds = 10

export interface RunTrackers extends Disposable {
  /** The run's directory is there. @param emit tells the run what trackers have to say */
  follow(directory: string, emit: Emit): void
  /** Sends the rest. @returns what has not arrived, by tracker */
  finish(options: { readonly limitMs: number; readonly signal?: AbortSignal }): Promise<readonly FollowOutcome[]>
}

/**
 * Starts the trackers of a run and checks them.
 * @throws MixlabError when what a tracker was told is certainly wrong.
 */
export async function startRunTrackers(
  requests: readonly TrackerRequest[],
  modules: readonly string[],
): Promise<RunTrackers | undefined> {
  if (requests.length === 0) return undefined
  const { startTrackers } = await import('@mixlab/tracking')
  let emit: Emit | undefined
  const trackers: Trackers = await startTrackers({
    trackers: requests,
    modules,
    onProblem: (tracker, message) => emit?.('subscriber.failed', { subscriber: `tracker ${tracker}`, message }),
    onRecovered: (tracker) => emit?.('note', { message: `tracker ${tracker}: sending again` }),
  })
  return {
    follow(directory, given) {
      emit = given
      trackers.follow(directory)
    },
    finish: (options) => trackers.finish(options),
    [Symbol.dispose]: () => trackers[Symbol.dispose](),
  }
}
