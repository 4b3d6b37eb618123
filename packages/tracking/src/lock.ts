// One process at a time delivers a run to a tracker. A lock whose process is gone counts for nothing.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromJson, mayBeAlive, MixlabError, type ProcessIdentity, thisProcess } from '@mixlab/core'
import { trackersFolder } from './cursor.ts'

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

function ownerOf(path: string): ProcessIdentity | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written below
    return fromJson(readFileSync(path, 'utf8')) as ProcessIdentity
  } catch {
    return undefined
  }
}

/**
 * Holds the right to deliver the run at `root` to that tracker, until it is disposed.
 * @throws MixlabError when another process holds it.
 */
export function lockDelivery(root: string, name: string): Disposable {
  const path = join(trackersFolder(root), `${name}.lock`)
  const held: Disposable = { [Symbol.dispose]: () => rmSync(path, { force: true }) }
  for (let attempt = 0; ; attempt++) {
    try {
      mkdirSync(trackersFolder(root), { recursive: true })
      writeFileSync(path, JSON.stringify(thisProcess()), { flag: 'wx' })
      return held
    } catch (error) {
      // On a full disk there is no lock, and no reason not to deliver.
      if (codeOf(error) !== 'EEXIST') return held
    }
    const owner = ownerOf(path)
    if (owner && mayBeAlive(owner)) {
      throw new MixlabError(
        `${root} is being sent to ${name} by process ${owner.pid} on ${owner.host}: wait until that has ended`,
        { code: 'locked' },
      )
    }
    if (attempt > 3)
      throw new MixlabError(`cannot lock ${path}: remove it if no process is sending this run`, { code: 'locked' })
    rmSync(path, { force: true })
  }
}
