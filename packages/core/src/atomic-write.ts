// A file is either its old content or its new content, whatever kills the process and whenever: the new content goes to
// a temporary file beside it, is synced, then renamed over it, and the folder's entry is synced too.
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MixlabError } from './errors.ts'

let count = 0

/**
 * Replaces the file's content as one indivisible step; makes its folder where that is missing.
 * @throws MixlabError when the disk is full, read-only or forbidden; the old content stays and nothing is left behind.
 */
export async function writeAtomically(
  path: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}.${process.pid}-${count++}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw diskProblem(path, error)
  }
}

/** Makes a rename in the folder outlast a power cut; systems that cannot sync a folder (Windows) order renames anyway. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  try {
    await folder?.sync()
  } catch {
    // Not every file system can.
  } finally {
    await folder?.close()
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk; free some and go on with --resume',
  EDQUOT: 'the disk quota is used up; free some and go on with --resume',
  EROFS: 'the disk is read-only; choose another folder with --runs',
  EACCES: 'permission denied; choose another folder with --runs',
  EPERM: 'not permitted; choose another folder with --runs',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a file is where a folder is needed',
  EISDIR: 'a folder is where the file is needed',
  ENAMETOOLONG: 'the name is too long',
}

/** One clear line for what a disk can do to a person; any other error as it is. */
export function diskProblem(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = reasons[code]
  return reason === undefined
    ? error
    : new MixlabError(`cannot write ${path}: ${reason}`, { code: 'disk', cause: error })
}
