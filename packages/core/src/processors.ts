// How many processors this process may use: those that the system counts, and no more than a control group's quota of
// processor time pays for, which some versions of Node do not look at. Threads beyond it would be stopped for most of each
// period, and every kernel would wait for them.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** Whole processors for the default number of threads, at least 1. */
export const usableProcessors = (root = '/'): number =>
  Math.max(1, Math.min(availableParallelism(), Math.floor(quota(root))))

/**
 * Processor time per time that the control groups of Linux allow this process: the least of its own group's and of all
 * groups above it. Infinity where there is no limit. Groups of version 2 (`cpu.max`) and of version 1 (`cpu.cfs_quota_us`).
 * @param root where the file system begins, for tests
 */
export function quota(root = '/'): number {
  let least = Infinity
  for (const line of read(join(root, 'proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined) continue
    const [mounts, limitOf] =
      controllers === ''
        ? [['', 'unified'], limit2]
        : controllers!.split(',').includes('cpu')
          ? [[controllers!, 'cpu'], limit1]
          : [[], limit1]
    // In a container the path may be the host's, and what is mounted only the container's part: what is missing is skipped.
    for (const mount of mounts) {
      for (const group of ancestors(path)) {
        least = Math.min(least, limitOf(join(root, 'sys/fs/cgroup', mount, group)))
      }
    }
  }
  return least
}

/** `/a/b` → `/a/b`, `/a`, `/`. */
const ancestors = (path: string): string[] => {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join('/')}`)
}

const limit2 = (folder: string): number => {
  const [time, period] = read(join(folder, 'cpu.max')).trim().split(/\s+/)
  return ratio(time, period)
}

const limit1 = (folder: string): number =>
  ratio(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')))

/** `max` in version 2 and −1 in version 1 mean no limit, and so does what cannot be read. */
function ratio(time = '', period = ''): number {
  const [t, p] = [Number.parseInt(time, 10), Number.parseInt(period, 10)]
  return t > 0 && p > 0 ? t / p : Infinity
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
