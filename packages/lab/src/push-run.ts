// Sends a run that has ended to trackers, in this process: `mixlab runs push`.
import { MixlabError } from '@mixlab/core'
import { defaultPlugins } from './default-plugins.ts'
import type { Experiment } from './experiment.ts'
import { createPluginTable } from './plugin-table.ts'
import { openRun } from './run-record.ts'
import { trackerRequests, type TrackOptions } from './trackers.ts'

export interface PushRunOptions extends TrackOptions {
  /** The run's experiment, where it has trackers of its own. */
  readonly experiment?: Experiment
  readonly signal?: AbortSignal
  readonly onProgress?: (tracker: string, left: { readonly bytes: number; readonly runs: number }) => void
  readonly onRetry?: (tracker: string, message: string, seconds: number) => void
}

const unresolved = (): never => {
  throw new MixlabError('a tracker can need no services of a run')
}

/**
 * Sends what has not arrived yet of the run at `path`, its children included, to the trackers named, or to those that it
 * had. Doing it again changes nothing.
 * @returns the number of events sent to each
 * @throws MixlabError when it is a part of another run, is still being sent, or a tracker goes on failing.
 */
export async function pushRunTo(path: string, options: PushRunOptions): Promise<ReadonlyMap<string, number>> {
  const { experiment, signal, onProgress, onRetry } = options
  const run = await openRun(path)
  if (run.parent !== undefined) throw new MixlabError(`${run.id} is part of ${run.parent}: send that`)
  const defaults = await defaultPlugins({ tensors: false })
  const plugins = createPluginTable({ defaults, own: experiment?.plugins ?? [], resolve: unresolved })
  const requests = await trackerRequests(options, experiment, plugins, run.path)
  if (requests.length === 0) throw new MixlabError(`${run.id} has no trackers: name one, e.g. --to mlflow`)
  const { makeTracker, pushRun } = await import('@mixlab/tracking')
  const known = new Map(plugins.list('tracker').map((plugin) => [plugin.name, plugin]))
  const sent = new Map<string, number>()
  for (const request of requests) {
    const { name, config } = request
    const count = await pushRun({
      tracker: await makeTracker(known, request),
      name,
      config,
      root: run.path,
      read: openRun,
      ...(signal && { signal }),
      ...(onProgress && { onProgress: (left) => onProgress(name, left) }),
      ...(onRetry && { onRetry: (message, seconds) => onRetry(name, message, seconds) }),
    })
    sent.set(name, count)
  }
  return sent
}
