// Where a run ran: what has to be known to repeat it or to judge its timings.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, hostname, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { RunFile } from '@mixlab/core'

const run = promisify(execFile)

export const machine = (): RunFile['machine'] => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  platform: `${process.platform} ${process.arch} ${release()}`,
  host: hostname(),
})

/** The version of mixlab and of Node. */
export function versions(): RunFile['versions'] {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown'
  return { mixlab: version, node: process.versions.node }
}

/** The commit that a folder is at, and whether files differ from it; undefined where there is no git or no repository. */
export async function gitState(folder: string): Promise<RunFile['git']> {
  const git = async (...command: string[]) => (await run('git', command, { cwd: folder, timeout: 3000 })).stdout.trim()
  try {
    const commit = await git('rev-parse', 'HEAD')
    const dirty = await git('status', '--porcelain', '--untracked-files=no').then(
      (changes) => changes !== '',
      () => undefined,
    )
    return { commit, ...(dirty !== undefined && { dirty }) }
  } catch {
    return undefined
  }
}
