// A run's folder and its name. Names sort by time: `20261124-051530-k3f9`, UTC. Paths given to a run are relative to
// its folder and cannot leave it.
import { existsSync, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join, normalize, resolve, sep } from 'node:path'
import { diskProblem, MixlabError, type RunDirectory, writeAtomically } from '@mixlab/core'

/** Where runs are kept: the argument, else MIXLAB_RUNS, else `runs` in the current folder; absolute. */
export const runsFolder = (folder?: string): string => resolve(folder ?? process.env['MIXLAB_RUNS'] ?? 'runs')

/** The run directory at `path`; nothing is read or made. */
export function runDirectory(path: string): RunDirectory {
  const root = resolve(path)
  const file = (relative: string): string => {
    const inside = normalize(relative)
    if (isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`)) {
      throw new MixlabError(
        `"${relative}" lies outside the run directory; use a relative path such as artifacts/figure.svg`,
      )
    }
    return join(root, inside)
  }
  return {
    path: root,
    file,
    exists: (relative) => existsSync(file(relative)),
    write: (relative, data) => writeAtomically(file(relative), data),
    readText: (relative) => readFile(file(relative), 'utf8'),
  }
}

/** Text as a folder name: lower case, letters, digits, hyphens and dots; empty if nothing is left. */
export const slug = (text: string): string =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, 60)

/** The directory of a part of another run, made if it is not there. @throws MixlabError when it cannot be made. */
export function partDirectory(path: string): RunDirectory {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw diskProblem(path, error)
  }
  return runDirectory(path)
}

const timestamp = (time: Date): string => time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')

const suffix = (): string =>
  Math.floor(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')

/**
 * Makes a new folder `<runs>/<experiment>/<id>`; the id ends in the run's name where it has one.
 * @throws MixlabError when it cannot be made.
 */
export function createRunDirectory(
  runs: string,
  experiment: string,
  name?: string,
): { id: string; directory: RunDirectory } {
  const parent = join(runs, experiment)
  const time = timestamp(new Date())
  const label = slug(name ?? '')
  for (let attempt = 0; ; attempt++) {
    const id = [time, label, ...(label === '' || attempt > 0 ? [suffix()] : [])].filter(Boolean).join('-')
    const path = join(parent, id)
    try {
      mkdirSync(parent, { recursive: true })
      mkdirSync(path)
      return { id, directory: runDirectory(path) }
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST' && existsSync(path)
      if (!taken || attempt > 20) throw diskProblem(path, error)
    }
  }
}
