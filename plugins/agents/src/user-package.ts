// Loads a package, or a file, that belongs to the user's project and not to mixlab's: it is looked for from the script that
// runs, then from the working directory. Node's `import.meta.resolve` looks only from the file that calls it, and
// `createRequire` knows no packages that are for `import` alone; for those their `exports` are read.
import { readFileSync, realpathSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MixlabError } from '@mixlab/core'

type Exports = string | null | readonly Exports[] | { readonly [condition: string]: Exports }

/** The file for `import`; undefined where there is none. */
function importTarget(entry: Exports | undefined): string | undefined {
  if (typeof entry === 'string') return entry
  if (Array.isArray(entry)) return entry.map(importTarget).find((target) => target !== undefined)
  if (typeof entry !== 'object' || entry === null) return undefined
  for (const [condition, inner] of Object.entries(entry))
    if (['.', 'node', 'import', 'module-sync', 'default'].includes(condition)) {
      const target = importTarget(inner)
      if (target !== undefined) return target
    }
  return undefined
}

function resolveFrom(base: string, name: string): string | undefined {
  try {
    return createRequire(base).resolve(name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined
  }
  const file = findPackageJSON(name, pathToFileURL(base))
  if (file === undefined) return undefined
  const { exports } = JSON.parse(readFileSync(file, 'utf8')) as { exports?: Exports }
  const target = importTarget(exports)
  return target === undefined ? undefined : join(dirname(file), target)
}

/** Where names are looked up from: the script that runs, and the working directory. */
function places(): string[] {
  const script = process.argv[1]
  const here = join(process.cwd(), 'here.js')
  try {
    return script === undefined ? [here] : [realpathSync(resolve(script)), here]
  } catch {
    return [here]
  }
}

/**
 * Imports the user's package or file of that name.
 * @throws MixlabError with the command that installs it
 */
export async function importUserPackage(name: string, subject: string): Promise<Readonly<Record<string, unknown>>> {
  for (const base of places()) {
    const path = resolveFrom(base, name)
    if (path !== undefined) return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  }
  const isFile = /^[./]/.test(name)
  throw new MixlabError(
    `${subject}: ${isFile ? `there is no file ${name}` : `the package ${name} is not installed: run npm install ${name}`}`,
    { code: 'missing-package' },
  )
}
