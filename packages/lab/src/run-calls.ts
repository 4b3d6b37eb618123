// Which recording of calls to language models a run uses: its own, another run's that it replays or goes on with, or a
// folder that several runs share.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type CallsPlace, MixlabError, type RunFile } from '@mixlab/core'
import type { Experiment } from './experiment.ts'
import type { RunOptions } from './run-experiment.ts'
import { findRun, openRun, type RunRecord } from './run-record.ts'

const FOLDER = 'calls'

export interface RunCalls {
  /** The run that is replayed. */
  readonly replayed?: RunRecord
  /** @param earlier the run that it goes on with */
  placeIn(run: { readonly id: string; readonly path: string }, earlier: RunRecord | undefined): CallsPlace
  /** What `run.json` says of it. */
  about(earlier: RunRecord | undefined): Pick<RunFile, 'calls' | 'replays'>
}

/** The recording of a run, in a folder of its own or where it says. */
const recordingOf = (record: Pick<RunRecord, 'path' | 'calls'>): string => record.calls ?? join(record.path, FOLDER)

/** @throws MixlabError on a run that is not there, or has no calls; on two of `replay`, `calls` and `resume` together. */
export async function callsOf(experiment: Experiment, options: RunOptions, runs: string): Promise<RunCalls> {
  const { replay, calls, resume, part } = options
  if (replay !== undefined && (resume !== undefined || calls !== undefined))
    throw new MixlabError(
      `--replay ${replay}: a replayed run is a new run without calls of its own: leave --${resume === undefined ? 'calls' : 'resume'} out`,
    )
  if (calls !== undefined && resume !== undefined)
    throw new MixlabError(`--calls ${calls}: a resumed run keeps its recording: leave --calls out`)
  if (replay !== undefined) {
    const replayed = await openRun(findRun(replay, runs))
    if (replayed.experiment !== experiment.name)
      throw new MixlabError(
        `${replayed.id} is a run of ${replayed.experiment}, not of ${experiment.name}: give --replay a run of ${experiment.name}`,
      )
    const path = recordingOf(replayed)
    if (!existsSync(path))
      throw new MixlabError(`${replayed.id} made no calls to language models: there is nothing to replay`)
    const owner = replayed.replays ?? replayed.id
    return {
      replayed,
      placeIn: () => ({ path, owner, mode: 'replay', keepFailures: true }),
      about: () => ({ calls: path, replays: owner }),
    }
  }
  const shared = calls === undefined ? undefined : await sharedRecording(calls, runs)
  return {
    placeIn: ({ id, path }, earlier) => ({
      path: earlier?.calls ?? shared ?? join(part?.parent ?? path, FOLDER),
      owner: earlier?.replays ?? id.split('/')[0]!,
      mode: earlier?.replays === undefined ? 'record' : 'replay',
      keepFailures: earlier !== undefined,
    }),
    about: (earlier) =>
      earlier
        ? {
            ...(earlier.calls !== undefined && { calls: earlier.calls }),
            ...(earlier.replays !== undefined && { replays: earlier.replays }),
          }
        : { ...(shared !== undefined && { calls: shared }) },
  }
}

/** A run's recording, or else a folder's. */
async function sharedRecording(wanted: string, runs: string): Promise<string> {
  const folder = resolve(wanted)
  if (existsSync(folder) && !existsSync(join(folder, 'run.json'))) return folder
  // A folder that is not there yet is made by the first call, if it looks like one.
  if (!existsSync(folder) && /[/\\]/.test(wanted)) return folder
  return recordingOf(await openRun(findRun(wanted, runs)))
}
