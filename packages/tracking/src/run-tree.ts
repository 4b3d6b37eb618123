// The runs below a run directory: itself, then `children/*`, at any depth; a parent comes before its children.
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { existsSync } from 'node:fs'
import type { RunFile } from '@mixlab/core'

export interface RunPlace {
  /** Relative to the outermost run's directory, which is `.`. */
  readonly path: string
  readonly directory: string
  /** Path of the run that it is part of. */
  readonly parent?: string
}

/** @param skip paths of runs whose own children need not be looked at */
export async function* runPlaces(
  root: string,
  skip: (path: string) => boolean = () => false,
  at: RunPlace = { path: '.', directory: root },
): AsyncGenerator<RunPlace> {
  if (!existsSync(join(at.directory, 'run.json'))) return
  yield at
  if (skip(at.path)) return
  const folder = join(at.directory, 'children')
  const names = await readdir(folder).catch((): string[] => [])
  for (const name of names.toSorted()) {
    const path = at.path === '.' ? `children/${name}` : `${at.path}/children/${name}`
    yield* runPlaces(root, skip, { path, directory: join(folder, name), parent: at.path })
  }
}

/** Names of runs are unique in one folder only; with the time and the place of their start they are everywhere. */
export const keyOf = ({ experiment, id, startedAt, machine }: RunFile): string =>
  createHash('sha256').update([experiment, id, startedAt, machine.host].join('\0')).digest('hex').slice(0, 32)
