// What a disk can do to a person, in one line.
import { MixlabError } from '@mixlab/core'

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk; free some and go on, nothing half-written stays in it',
  EDQUOT: 'the disk quota is used up; free some and go on, nothing half-written stays in it',
  EFBIG: 'it would be larger than this process may write (ulimit -f)',
  EROFS: 'the disk is read-only; choose another folder',
  EACCES: 'permission denied; choose another file or ask for its rights',
  EPERM: 'not permitted; choose another folder',
  ENOENT: 'there is no such file or folder; check the path, or make its folder first',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder, expected a file',
}

/** A MixlabError for what `error` of the file system means to a person; any other error as it is. */
export function diskProblem(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = reasons[code]
  return reason === undefined ? error : new MixlabError(`${path}: ${reason}`, { code: 'disk', cause: error })
}
