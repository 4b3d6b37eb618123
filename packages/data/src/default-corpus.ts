// Text that is on every machine where mixlab is installed: what is in the packages it depends on. No download, several
// domains that a reader can tell apart, and always the same for one set of installed versions: packages, files and
// limits come in a fixed order, and nothing depends on the platform (only `dependencies` are followed, and native builds
// are optional ones). Take turns among packages, so that none fills a domain alone.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Document } from './sources.ts'

/** How much of each domain is taken, in bytes of UTF-8. */
export const defaultDomainBytes = 400_000
/** No file gives more than this, so that one table or changelog cannot be a domain. */
const fileBytes = 40_000

export const defaultDomains = ['typescript', 'javascript', 'markdown', 'json', 'licence'] as const
type Domain = (typeof defaultDomains)[number]

function domainOf(name: string): Domain | undefined {
  if (/^(licen[cs]e|copying|notice|thirdparty)/i.test(name)) return 'licence'
  if (/\.min\.|\.map$/.test(name)) return undefined
  if (/\.[cm]?ts$/.test(name)) return 'typescript'
  if (/\.[cm]?js$/.test(name)) return 'javascript'
  if (/\.(md|markdown)$/i.test(name)) return 'markdown'
  return name.endsWith('.json') ? 'json' : undefined
}

/** The folder of an installed package, as Node would find it from `from`. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    if (dirname(folder) === folder) return undefined
  }
}

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const ours = (name: string) => name === 'mixlab' || name.startsWith('@mixlab/') || name.startsWith('mixlab-')

/** This package's dependencies and, where they can be found, those of mixlab as a whole, transitively; by `name@version`. */
function installedPackages(): Map<string, string> {
  const here = realpathSync(join(import.meta.dirname, '..'))
  const whole = findPackage('mixlab', here) ?? findPackage('mixlab', process.cwd())
  const pending = whole === undefined ? [here] : [here, whole]
  // The test runner and its bundler carry long lists of licences; a workspace has them, an installation need not.
  for (const tool of ['vitest', 'vite']) {
    const folder = findPackage(tool, here)
    if (folder !== undefined) pending.push(folder)
  }
  const visited = new Set<string>()
  const found = new Map<string, string>()
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    if (visited.has(folder)) continue
    visited.add(folder)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
    // Our own sources change daily; a corpus should not.
    if (!ours(manifest.name ?? '')) found.set(`${manifest.name}@${manifest.version}`, folder)
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const dependency = findPackage(name, folder)
      if (dependency !== undefined) pending.push(dependency)
    }
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** A package's files by domain, sorted; of `map.js`, `map.cjs` and `esm/map.js` only the first. */
function filesByDomain(folder: string): Map<Domain, string[]> {
  const files = new Map<Domain, string[]>()
  const stems = new Set<string>()
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === 'node_modules') continue
      if (entry.isDirectory()) walk(join(at, entry.name))
      const domain = entry.isFile() ? domainOf(entry.name) : undefined
      if (domain === undefined) continue
      const stem = `${domain}/${entry.name.replace(/(\.d)?\.[cm]?[jt]s$/, '')}`
      if (stems.has(stem)) continue
      stems.add(stem)
      files.set(domain, [...(files.get(domain) ?? []), join(at, entry.name)])
    }
  }
  walk(folder)
  return files
}

/** The beginning of a file, cut after a line; nothing for a file that is not text or not written by hand. */
function excerpt(path: string, limit: number): string {
  const bytes = readFileSync(path)
  if (bytes.includes(0)) return ''
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  const lines = text.split('\n')
  if (text.includes('�') || text.length / lines.length > 200) return ''
  let size = 0
  const kept: string[] = []
  for (const line of lines) {
    size += Buffer.byteLength(line) + 1
    if (size > limit) break
    kept.push(line)
  }
  return kept.join('\n').trim() === '' ? '' : `${kept.join('\n').trimEnd()}\n`
}

/** At most `limit` bytes of one domain: each package in turn gives its next file. */
function collect(
  domain: Domain,
  packages: readonly ReadonlyMap<Domain, readonly string[]>[],
  limit: number,
): Document[] {
  const queues = packages.map((files) => [...(files.get(domain) ?? [])]).filter((queue) => queue.length > 0)
  const documents: Document[] = []
  const seen = new Set<string>()
  let left = limit
  while (left > 200 && queues.some((queue) => queue.length > 0)) {
    for (const queue of queues) {
      const path = queue.shift()
      if (path === undefined) continue
      const text = excerpt(path, Math.min(left, fileBytes))
      // Licences differ by their first line, who holds the copyright: compare what follows.
      const content = domain === 'licence' ? text.replaceAll(/^.*copyright.*$/gim, '').replaceAll(/\s+/g, ' ') : text
      if (text === '' || seen.has(content)) continue
      seen.add(content)
      documents.push({ text, domain })
      left -= Buffer.byteLength(text)
    }
  }
  return documents
}

/** The documents of the built-in corpus: at most `limit` bytes of each domain, domain after domain. */
export function defaultDocuments(limit = defaultDomainBytes): Document[] {
  const packages = [...installedPackages().values()].map(filesByDomain)
  return defaultDomains.flatMap((domain) => collect(domain, packages, limit))
}
