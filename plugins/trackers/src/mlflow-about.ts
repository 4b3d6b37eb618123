// What MLflow is told about a run beside its metrics: tags, parameters, the data set.
import { userInfo } from 'node:os'
import { toJson, type EventOf, type RunFile } from '@mixlab/core'
import { parametersOf, type TrackedRun } from '@mixlab/tracking'
import { nameFor, parameterFor, tagFor } from './mlflow-names.ts'
import type { MlflowDataset, MlflowStatus } from './mlflow-store.ts'

/** The tag by which a run is found again. */
export const keyTag = 'mixlab.key'

export const statusOf: Readonly<Record<RunFile['status'], MlflowStatus>> = {
  running: 'RUNNING',
  finished: 'FINISHED',
  failed: 'FAILED',
  interrupted: 'KILLED',
}

export function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}

/** What a run is called: a child by its own name, with its seed where a parent has several of them. */
export const runName = ({ file, parent }: TrackedRun): string =>
  parent ? (file.name ?? file.id.split('/').at(-1)!) : file.id

export function tagsOf(run: TrackedRun, parentId: string | undefined): Map<string, string> {
  const { file, key } = run
  const { engine, machine, versions, git } = file
  const tags: [string, string | undefined][] = [
    ['mlflow.runName', runName(run)],
    ['mlflow.user', userName()],
    ['mlflow.source.type', 'LOCAL'],
    ['mlflow.source.name', file.script ?? file.experiment],
    ['mlflow.source.git.commit', git?.commit],
    ['mlflow.note.content', file.summary],
    ['mlflow.parentRunId', parentId],
    [keyTag, key],
    ['mixlab.run', file.id],
    ['mixlab.experiment', file.experiment],
    ['mixlab.seed', String(file.seed)],
    ['mixlab.precision', file.precision],
    ['mixlab.command', file.command?.join(' ')],
    ['mixlab.git.dirty', git?.dirty === undefined ? undefined : String(git.dirty)],
    ...Object.entries(versions).map(([name, value]): [string, string] => [`mixlab.versions.${name}`, String(value)]),
    ...Object.entries(engine).map(([name, value]): [string, string] => [
      name === 'name' ? 'mixlab.engine' : `mixlab.engine.${name}`,
      String(value),
    ]),
    ...Object.entries(machine).map(([name, value]): [string, string] => [`mixlab.machine.${name}`, String(value)]),
  ]
  return new Map(
    tags.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[nameFor(name), tagFor(value)]])),
  )
}

export function mlflowParameters(file: RunFile): [string, string][] {
  const given: [string, string][] = [['seed', String(file.seed)], ...parametersOf(file.config)]
  return [...new Map(given.map(([name, value]) => [nameFor(name), parameterFor(value)]))]
}

export function datasetOf({ data }: EventOf<'train.started'>): MlflowDataset | undefined {
  if (!data) return undefined
  const { description, hash, ...sizes } = data
  return {
    name: description.split(':')[0]!,
    digest: hash.slice(0, 36),
    sourceType: 'mixlab',
    source: toJson({ sha256: hash, description }),
    profile: toJson(sizes),
  }
}
