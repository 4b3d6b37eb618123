// Runs read back from their directories. A run that was killed still says "running" in its `run.json`, and is read as
// interrupted once its process is gone.
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import {
  isThisProcess,
  mayBeAlive,
  MixlabError,
  readRunFile as readWritten,
  type RunFile,
  suggest,
  toJson,
  writeAtomically,
} from '@mixlab/core'

/** A run read back from its directory. */
export interface RunRecord extends RunFile {
  /** Absolute. */
  readonly path: string
  /** In the order in which they were started. */
  readonly children: readonly RunRecord[]
}

/** Directories of the runs that go on in this process. */
export const activeRuns = new Set<string>()

/** Whether the run may still be going on. */
const goesOn = (path: string, process: RunFile['process']): boolean =>
  isThisProcess(process) ? activeRuns.has(path) : mayBeAlive(process)

export const writeRunFile = (path: string, file: RunFile): Promise<void> =>
  writeAtomically(join(path, 'run.json'), `${toJson(file, 2)}\n`)

/** `run.json` of a run's directory, without its children. @throws MixlabError as `openRun` does. */
export async function readRunFile(path: string): Promise<RunFile> {
  const file = await readWritten(path)
  const isDead = file.status === 'running' && !goesOn(path, file.process)
  return isDead ? { ...file, status: 'interrupted' } : file
}

const foldersIn = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true })
      .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
      .toSorted()
  } catch {
    return []
  }
}

const isRun = (path: string): boolean => existsSync(join(path, 'run.json'))

/**
 * Reads a run, its children included. A run that says "running" but whose process is gone is `interrupted`.
 * @param path the run directory, or its run.json
 * @throws MixlabError when it is not a run, is corrupt, or has another format.
 */
export async function openRun(path: string): Promise<RunRecord> {
  const folder = resolve(basename(path) === 'run.json' ? dirname(path) : path)
  const file = await readRunFile(folder)
  const inside = foldersIn(join(folder, 'children')).map((name) => join(folder, 'children', name))
  const children = await Promise.all(inside.filter(isRun).map(openRun))
  const order = (child: RunRecord) => `${String(child.index ?? 0).padStart(9, '0')} ${child.startedAt}`
  return { ...file, path: folder, children: children.toSorted((a, b) => order(a).localeCompare(order(b))) }
}

/**
 * Makes a run that has ended one that can be resumed, with a configuration that may have changed.
 * @throws MixlabError when it is still running.
 */
export async function reopenRun(path: string, change: (config: unknown) => unknown): Promise<void> {
  const { error: _error, finishedAt: _finishedAt, result: _result, ...file } = await readRunFile(path)
  if (file.status === 'running')
    throw new MixlabError(`${file.id} is still running (process ${file.process.pid} on ${file.process.host})`)
  await writeRunFile(path, { ...file, status: 'interrupted', config: change(file.config) })
}

/** The paths of all runs below the runs' folder, by experiment, oldest first; children are inside them. */
export const listRuns = (runs: string): string[] =>
  foldersIn(runs).flatMap((experiment) =>
    foldersIn(join(runs, experiment))
      .map((id) => join(runs, experiment, id))
      .filter(isRun),
  )

/**
 * The path of the run that a person means: a path, an id or the end of one, `<experiment>/<id>`, or `latest`.
 * @throws MixlabError with near misses when there is none, or more than one.
 */
export function findRun(wanted: string, runs: string): string {
  const asPath = basename(wanted) === 'run.json' ? dirname(wanted) : wanted
  if (isRun(asPath)) return resolve(asPath)
  const all = listRuns(runs)
  if (wanted === 'latest') {
    const latest = all.toSorted((a, b) => basename(a).localeCompare(basename(b))).at(-1)
    if (latest !== undefined) return latest
    throw new MixlabError(`there are no runs in ${runs}; mixlab run SCRIPT makes one`, { code: 'not-a-run' })
  }
  if (isRun(join(runs, wanted))) return join(runs, wanted)
  const exact = all.filter((path) => basename(path) === wanted)
  const found = exact.length > 0 ? exact : all.filter((path) => basename(path).endsWith(`-${wanted}`))
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    throw new MixlabError(
      `"${wanted}" is the name of ${found.length} runs: ${found.map((path) => basename(path)).join(', ')}`,
    )
  }
  if (existsSync(asPath))
    throw new MixlabError(`${asPath} is not a run directory: there is no run.json in it`, { code: 'not-a-run' })
  const known = all.map((path) => basename(path))
  const hint = known.length > 0 ? suggest(wanted, known.slice(-5)) : ''
  throw new MixlabError(`no run "${wanted}" in ${runs}.${hint}`, { code: 'not-a-run' })
}
