// `run.json`: what a run is, without its events. Written at the start, rewritten at the end; a run that was killed still
// says "running", and is read as interrupted once its process is gone.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { MixlabError, suggest } from '@mixlab/core'
import { z } from 'zod'
import { writeAtomically } from './atomic-write.ts'
import { fromJson, toJson } from './plain-data.ts'

/** The layout of run directories that this version writes and reads. */
export const RUN_FORMAT = 1

export type RunStatus = 'running' | 'finished' | 'failed' | 'interrupted'

const plain = z.record(z.string(), z.unknown())

const runFile = z.looseObject({
  format: z.literal(RUN_FORMAT),
  id: z.string(),
  experiment: z.string(),
  /** What the person or the parent called it. */
  name: z.string().optional(),
  summary: z.string().optional(),
  /** What it is, where it is not an experiment's run. */
  kind: z.enum(['sweep']).optional(),
  config: z.unknown(),
  seed: z.number(),
  status: z.enum(['running', 'finished', 'failed', 'interrupted']),
  result: plain.optional(),
  error: z.string().optional(),
  engine: z.looseObject({ name: z.string() }),
  /** Of matrix products; absent without tensors. */
  precision: z.string().optional(),
  machine: z.looseObject({
    processor: z.string(),
    cores: z.number(),
    memoryBytes: z.number(),
    platform: z.string(),
    host: z.string(),
  }),
  versions: z.looseObject({ mixlab: z.string(), node: z.string() }),
  git: z.object({ commit: z.string(), dirty: z.boolean().optional() }).optional(),
  /** The experiment script's path. */
  script: z.string().optional(),
  /** The command line that started it. */
  command: z.array(z.string()).optional(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  finishedAt: z.string().optional(),
  /** The parent run's id. */
  parent: z.string().optional(),
  index: z.number().optional(),
  total: z.number().optional(),
  process: z.object({ pid: z.number(), host: z.string(), started: z.string().optional() }),
})

export type RunFile = z.output<typeof runFile>

/** A run read back from its directory. */
export interface RunRecord extends RunFile {
  /** Absolute. */
  readonly path: string
  /** In the order in which they were started. */
  readonly children: readonly RunRecord[]
}

/** When a process started, in kernel ticks, where the system tells (Linux): tells it from a later one of the same id. */
function processStart(pid: number | 'self'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}

/** Identifies this process in `run.json`. */
export function thisProcess(): RunFile['process'] {
  const started = processStart('self')
  return { pid: process.pid, host: hostname(), ...(started !== undefined && { started }) }
}

/** Directories of the runs that go on in this process. */
export const activeRuns = new Set<string>()

/** Whether the run may still be going on; on another host one cannot know. */
function isAlive(path: string, { pid, host, started }: RunFile['process']): boolean {
  if (host !== hostname()) return true
  if (pid === process.pid && started === processStart('self')) return activeRuns.has(path)
  if (started !== undefined) return processStart(pid) === started
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

export const writeRunFile = (path: string, file: RunFile): Promise<void> =>
  writeAtomically(join(path, 'run.json'), `${toJson(file, 2)}\n`)

/** `run.json` of a run's directory, without its children. @throws MixlabError as `openRun` does. */
export async function readRunFile(path: string): Promise<RunFile> {
  const file = join(path, 'run.json')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) {
    throw new MixlabError(
      `${path} is not a run directory: there is no run.json in it (mixlab runs list shows what there is)`,
      {
        code: 'not-a-run',
      },
    )
  }
  let data: unknown
  try {
    data = fromJson(text)
  } catch (cause) {
    throw new MixlabError(`${file} is corrupt: it is not JSON`, { code: 'corrupt-run', cause })
  }
  const format = typeof data === 'object' && data !== null && 'format' in data ? data.format : undefined
  if (format !== RUN_FORMAT) {
    const found = typeof format === 'number' ? `format ${format}` : 'no format number'
    throw new MixlabError(
      `${path} was written by another version of mixlab (${found}; this one reads format ${RUN_FORMAT}): use that version, or start a new run`,
      { code: 'run-format' },
    )
  }
  const parsed = runFile.safeParse(data)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new MixlabError(`${file} is corrupt: ${issue?.path.join('.')}: ${issue?.message}`, { code: 'corrupt-run' })
  }
  const dead = parsed.data.status === 'running' && !isAlive(path, parsed.data.process)
  return dead ? { ...parsed.data, status: 'interrupted' } : parsed.data
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
