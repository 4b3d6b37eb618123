// Which process wrote something, so that a later one can tell whether it is still there: process ids are used again, but
// not with the same start time.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** When it started, in kernel ticks, where the system tells (Linux). */
  readonly started?: string | undefined
}

/** When a process started; undefined where the system does not tell, or when the process has ended. */
function startOf(pid: number | 'self'): string | undefined {
  try {
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return state === 'Z' || state === 'X' ? undefined : fields[18]
  } catch {
    return undefined
  }
}

export function thisProcess(): ProcessIdentity {
  const started = startOf('self')
  return { pid: process.pid, host: hostname(), ...(started !== undefined && { started }) }
}

/** Whether that process may still be there; on another host one cannot know. */
export function mayBeAlive({ pid, host, started }: ProcessIdentity): boolean {
  if (host !== hostname()) return true
  if (started !== undefined) return startOf(pid) === started
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

export const isThisProcess = ({ pid, host, started }: ProcessIdentity): boolean =>
  pid === process.pid && host === hostname() && started === startOf('self')
