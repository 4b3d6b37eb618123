// Where a run takes place: in a directory of its own, in that of the run it goes on with, or inside another run's.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MixlabError, readRunFile, type RunDirectory, toJson } from '@mixlab/core'
import type { Experiment } from './experiment.ts'
import { resolveConfiguration } from './run-configuration.ts'
import { createRunDirectory, partDirectory, runDirectory } from './run-directory.ts'
import type { RunOptions } from './run-experiment.ts'
import { findRun, openRun, type RunRecord } from './run-record.ts'

export interface RunPlace {
  /** The run that it goes on with. */
  readonly earlier?: RunRecord
  /** The run that it is a part of. */
  readonly parent?: { readonly id: string; readonly index?: number; readonly total?: number }
  /** Makes the directory, where there is none yet. */
  make(): { readonly id: string; readonly directory: RunDirectory }
}

/** @throws MixlabError when it is to go on with a run that it cannot go on with. */
export async function placeOf(experiment: Experiment, options: RunOptions, runs: string): Promise<RunPlace> {
  if (options.part) return partPlace(experiment, options, options.part)
  if (options.resume === undefined) return { make: () => createRunDirectory(runs, experiment.name, options.name) }
  const earlier = await resumable(experiment, options, findRun(options.resume, runs))
  return { earlier, make: () => ({ id: earlier.id, directory: runDirectory(earlier.path) }) }
}

async function partPlace(
  experiment: Experiment,
  options: RunOptions,
  part: NonNullable<RunOptions['part']>,
): Promise<RunPlace> {
  const path = join(part.parent, 'children', part.name)
  const { id } = await readRunFile(part.parent)
  const earlier = existsSync(join(path, 'run.json')) ? samePart(experiment, options, await openRun(path)) : undefined
  const { index, total } = part
  return {
    ...(earlier && { earlier }),
    parent: { id, ...(index !== undefined && { index }), ...(total !== undefined && { total }) },
    make: () => ({ id: `${id}/${part.name}`, directory: partDirectory(path) }),
  }
}

/** A part as it was left. @throws MixlabError when it was of another configuration, seed or precision, or still runs. */
function samePart(experiment: Experiment, options: RunOptions, record: RunRecord): RunRecord {
  const config = resolveConfiguration(experiment, options)
  const precision = options.precision ?? record.precision
  if (
    toJson(config) === toJson(record.config) &&
    record.seed === (options.seed ?? 1) &&
    precision === record.precision &&
    record.status !== 'running'
  )
    return record
  throw new MixlabError(
    record.status === 'running'
      ? `${record.id} is still running (process ${record.process.pid} on ${record.process.host})`
      : `${record.id} had another configuration, seed or precision before the interruption: start a new run`,
  )
}

async function resumable(experiment: Experiment, options: RunOptions, path: string): Promise<RunRecord> {
  const record = await openRun(path)
  if (record.experiment !== experiment.name) {
    throw new MixlabError(
      `${record.id} is a run of ${record.experiment}, not of ${experiment.name}: give --resume a run of ${experiment.name}`,
    )
  }
  if (record.kind !== options.kind) {
    throw new MixlabError(
      record.kind === undefined
        ? `${record.id} is a run, not a ${options.kind}: go on with it by mixlab run … --resume ${record.id}`
        : `${record.id} is a ${record.kind}: go on with it by mixlab ${record.kind} resume ${record.id}`,
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
