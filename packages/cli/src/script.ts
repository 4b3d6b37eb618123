// Finds and loads an experiment script, wherever it lies. Whatever can be wrong with it is one line that names the file.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { MixlabError, nearMisses } from '@mixlab/core'
import { type Experiment, isExperiment } from '@mixlab/lab'
import { isSweep, type Sweep } from '@mixlab/sweeps'

const NAMES = ['experiment', 'index', 'main'].flatMap((name) =>
  ['ts', 'mts', 'js', 'mjs'].map((ending) => `${name}.${ending}`),
)

export interface Script {
  /** Absolute. */
  readonly path: string
  readonly experiment: Experiment
  /** Where it exports a sweep: `experiment` is then the sweep's. */
  readonly sweep?: Sweep
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}

function manifestField(file: string, name: string): unknown {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof manifest === 'object' && manifest !== null && name in manifest
      ? { ...manifest }[name as never]
      : undefined
  } catch {
    throw new MixlabError(`${shown(file)} is not JSON`, { code: 'load' })
  }
}

function mainOf(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  const main = existsSync(file) ? manifestField(file, 'main') : undefined
  return typeof main === 'string' && existsSync(join(folder, main)) ? join(folder, main) : undefined
}

/** `npm init` writes "type": "commonjs", in which Node refuses `import` and `export`; said before Node says it at length. */
function checkModuleType(path: string): void {
  if (!/\.[jt]s$/.test(path) || !/^\s*(?:import|export)\b/m.test(readFileSync(path, 'utf8'))) return
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) {
      if (manifestField(file, 'type') !== 'commonjs') return
      throw new MixlabError(
        `${shown(file)} says "type": "commonjs", so ${basename(path)} cannot use import: change it to "type": "module"`,
        {
          code: 'load',
        },
      )
    }
    if (folder === dirname(folder)) return
  }
}

/** Paths that exist and differ from a missing one in the first part that is missing. */
function nearPaths(path: string): string[] {
  let missing = path
  while (!existsSync(dirname(missing))) missing = dirname(missing)
  const folder = dirname(missing)
  return nearMisses(basename(missing), readdirSync(folder))
    .map((name) => join(folder, name, relative(missing, path)))
    .filter((near) => existsSync(near))
}

/**
 * The file of an experiment: the path itself, or in a folder its experiment.ts, index.ts or package.json's `main`.
 * @throws MixlabError with near misses when there is none.
 */
export function findScript(wanted: string): string {
  const path = resolve(wanted)
  if (!existsSync(path)) {
    const near = nearPaths(path).map(shown)
    const hint = near.length > 0 ? `. Did you mean ${near.join(' or ')}?` : ''
    throw new MixlabError(`${wanted}: there is no such file or folder${hint}`, { code: 'no-script' })
  }
  if (!statSync(path).isDirectory()) return path
  const named = NAMES.map((name) => join(path, name)).find((file) => existsSync(file))
  const found = named ?? mainOf(path)
  if (found !== undefined) return found
  throw new MixlabError(
    `${wanted}: there is no experiment.ts in this folder (nor index.ts, nor a "main" in package.json)`,
    { code: 'no-script' },
  )
}

/**
 * Loads the experiment that a script exports as its default.
 * @throws MixlabError on a missing file, a syntax error, a failing import, no default export or one that is not an experiment.
 */
export async function loadScript(wanted: string): Promise<Script> {
  const path = findScript(wanted)
  checkModuleType(path)
  let exported: Readonly<Record<string, unknown>>
  try {
    exported = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw loadProblem(path, error)
  }
  const file = shown(path)
  if (!('default' in exported)) {
    const named = Object.keys(exported).find((name) => isExperiment(exported[name]))
    const hint =
      named === undefined ? 'end it with export default defineExperiment({ … })' : `export ${named} as default`
    throw new MixlabError(`${file} has no default export: ${hint}`, { code: 'no-experiment' })
  }
  const sweep = exported['default']
  if (isSweep(sweep)) return { path, experiment: sweep.experiment, sweep }
  if (!isExperiment(exported['default'])) {
    throw new MixlabError(
      `the default export of ${file} is neither an experiment nor a sweep: make it with defineExperiment({ name, run }) or defineSweep({ experiment, space, objective })`,
      {
        code: 'no-experiment',
      },
    )
  }
  return { path, experiment: exported['default'] }
}

function loadProblem(path: string, error: unknown): unknown {
  if (MixlabError.is(error) || !(error instanceof Error)) return error
  const file = shown(path)
  const code = 'code' in error ? String(error.code) : ''
  const message = stripVTControlCharacters(error.message).trim()
  if (error instanceof SyntaxError) {
    const kind = message.startsWith('The requested module') ? '' : 'syntax error: '
    return new MixlabError(`${syntaxPlace(error, path)}: ${kind}${message}`, { code: 'syntax', cause: error })
  }
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') {
    const missing = message.replace(/ imported from .*/s, '').replace(/^Cannot/, 'cannot')
    const hint = message.includes("package 'mixlab'")
      ? ': install mixlab in the folder of the script (npm install mixlab)'
      : ''
    return new MixlabError(`${file}: ${missing}${hint}`, { code: 'import', cause: error })
  }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return new MixlabError(`${file} is not a script: give a .ts or .js file`, { code: 'no-script', cause: error })
  }
  return new MixlabError(
    `${file} failed while it was loaded: ${error.name === 'Error' ? '' : `${error.name}: `}${message.split('\n')[0]}`,
    {
      code: 'load',
      cause: error,
    },
  )
}

/** Node says where a syntax error is only in the stack's first line, as `<path or url>:<line>`; for plain JavaScript not at all. */
function syntaxPlace(error: SyntaxError, path: string): string {
  const place = /^(?:file:\/\/)?(\/\S+?):(\d+)$/m.exec(stripVTControlCharacters(error.stack ?? ''))
  return place?.[1] === undefined ? shown(path) : `${shown(decodeURI(place[1]))}:${place[2]}`
}
