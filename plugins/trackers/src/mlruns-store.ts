// MLflow's file store, written without a server: `<folder>/<experiment id>/<run id>/{meta.yaml,params,tags,metrics,artifacts}`.
// Ids are functions of names and keys, so that processes that write at once, or again, mean the same folders.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { diskProblem, writeAtomically } from '@mixlab/core'
import type { Point } from '@mixlab/tracking'
import { appendAt } from './append-file.ts'
import type { MlflowStatus, MlflowStore, NewRun } from './mlflow-store.ts'

/** As mlflow/entities/run_status.py numbers them. */
const statusNumbers: Readonly<Record<MlflowStatus, number>> = { RUNNING: 1, FINISHED: 3, FAILED: 4, KILLED: 5 }

type Meta = Readonly<Record<string, string | number | null | readonly string[]>>

/** JSON values are YAML values. */
const yaml = (meta: Meta): string =>
  Object.entries(meta)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('')

const hash = (algorithm: 'md5' | 'sha256', text: string): string => createHash(algorithm).update(text).digest('hex')

/** As Python's `float` reads it. */
const valueText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'

const valueOf = (text: string): number =>
  text === 'nan' ? Number.NaN : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)

const lineOf = ({ time, value, step }: Point): string => `${time} ${valueText(value)} ${step}\n`

const readText = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

/** Whole lines: a kill may have cut the last one. */
const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf('\n') + 1)

/** The experiment of that name in the folder, whoever made it. */
async function findExperiment(root: string, name: string): Promise<string | undefined> {
  const written = [`name: ${name}`, `name: ${JSON.stringify(name)}`, `name: '${name}'`]
  for (const id of await readdir(root).catch(() => [])) {
    const meta = await readText(join(root, id, 'meta.yaml'))
    if (meta !== undefined && meta.split('\n').some((line) => written.includes(line.trimEnd()))) return id
  }
  return undefined
}

async function openExperiment(root: string, name: string): Promise<string> {
  const found = await findExperiment(root, name)
  if (found !== undefined) return found
  const id = String(BigInt(`0x${hash('sha256', name).slice(0, 14)}`)).padStart(18, '1')
  const now = Date.now()
  await writeAtomically(
    join(root, id, 'meta.yaml'),
    yaml({
      artifact_location: pathToFileURL(join(root, id)).href,
      creation_time: now,
      experiment_id: id,
      last_update_time: now,
      lifecycle_stage: 'active',
      name,
    }),
  )
  return id
}

/** @param root absolute */
export function mlrunsStore(root: string): MlflowStore {
  /** Folders of runs, by id. */
  const folders = new Map<string, string>()

  async function folderOf(run: string): Promise<string> {
    const known = folders.get(run)
    if (known !== undefined) return known
    for (const experiment of await readdir(root).catch(() => [])) {
      const folder = join(root, experiment, run)
      if (!existsSync(join(folder, 'meta.yaml'))) continue
      folders.set(run, folder)
      return folder
    }
    throw new MissingRun(run)
  }

  async function writeMeta(folder: string, changes: Meta): Promise<void> {
    const path = join(folder, 'meta.yaml')
    const kept = ((await readText(path)) ?? '')
      .split('\n')
      .filter((line) => line !== '' && !Object.hasOwn(changes, line.split(':')[0]!))
    await writeAtomically(path, kept.map((line) => `${line}\n`).join('') + yaml(changes))
  }

  const writeAll = async (folder: string, values: Iterable<readonly [string, string]>): Promise<void> => {
    for (const [name, value] of values)
      if ((await readText(join(folder, name))) !== value) await writeAtomically(join(folder, name), value)
  }

  async function makeRun(folder: string, id: string, experiment: string, run: NewRun): Promise<void> {
    for (const part of ['params', 'tags', 'metrics', 'artifacts']) await mkdir(join(folder, part), { recursive: true })
    await writeAll(join(folder, 'tags'), run.tags)
    // Last, as it is what makes the folder a run.
    await writeMeta(folder, {
      artifact_uri: pathToFileURL(join(folder, 'artifacts')).href,
      end_time: null,
      entry_point_name: '',
      experiment_id: experiment,
      lifecycle_stage: 'active',
      run_id: id,
      run_name: run.name,
      run_uuid: id,
      source_name: '',
      source_type: 4,
      source_version: '',
      start_time: run.startTime,
      status: statusNumbers.RUNNING,
      tags: [],
      user_id: run.user,
    })
  }

  return {
    target: root,
    check: () => Promise.resolve(),
    async openRun(run) {
      try {
        const experiment = await openExperiment(root, run.experiment)
        const folder = join(root, experiment, run.key)
        const made = !existsSync(join(folder, 'meta.yaml'))
        if (made) await makeRun(folder, run.key, experiment, run)
        folders.set(run.key, folder)
        return { id: run.key, made }
      } catch (error) {
        throw diskProblem(root, error)
      }
    },
    async logParameters(run, parameters) {
      await writeAll(join(await folderOf(run), 'params'), parameters)
    },
    async setTags(run, tags) {
      await writeAll(join(await folderOf(run), 'tags'), tags)
    },
    async logPoints(run, points) {
      const folder = join(await folderOf(run), 'metrics')
      for (const [key, own] of Map.groupBy(points, (point) => point.key)) {
        const path = join(folder, key)
        const before = wholeLines((await readText(path)) ?? '')
        await appendAt(path, Buffer.byteLength(before), Buffer.from(own.map(lineOf).join('')))
      }
    },
    async *history(run, key) {
      const text = wholeLines((await readText(join(await folderOf(run), 'metrics', key))) ?? '')
      for (const line of text.split('\n').slice(0, -1)) {
        const [time, value = '', step = '0'] = line.split(' ')
        yield { key, time: Number(time), value: valueOf(value), step: Number(step) }
      }
    },
    async logDataset(run, { name, digest, sourceType, source, profile }) {
      const folder = await folderOf(run)
      const experiment = join(folder, '..')
      // The ids that MLflow's own file store gives them.
      const dataset = hash('md5', name + digest)
      const input = hash('md5', dataset + run)
      await writeAtomically(
        join(experiment, 'datasets', dataset, 'meta.yaml'),
        yaml({ digest, name, profile, schema: '', source, source_type: sourceType }),
      )
      await writeAtomically(
        join(folder, 'inputs', input, 'meta.yaml'),
        yaml({ destination_id: run, destination_type: 'RUN', source_id: dataset, source_type: 'DATASET' }) +
          'tags: {}\n',
      )
    },
    async setStatus(run, status, endTime) {
      await writeMeta(await folderOf(run), { status: statusNumbers[status], end_time: endTime ?? null })
    },
    async upload(run, path, inside) {
      const folder = join(await folderOf(run), 'artifacts', inside)
      try {
        await mkdir(folder, { recursive: true })
        await copyFile(path, join(folder, basename(path)))
      } catch (error) {
        throw diskProblem(folder, error)
      }
    },
    isMissing: (error) => error instanceof MissingRun,
    close: () => folders.clear(),
  }
}

class MissingRun extends Error {
  constructor(run: string) {
    super(`there is no run ${run}`)
  }
}
