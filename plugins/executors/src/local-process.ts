// A process that outlives its driver and is found again. A process id alone is reused; with the time of its start it is
// unique, so the process itself notes both before it becomes the command: there is no moment at which it runs unrecorded,
// whenever the driver is killed.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { MixlabError } from '@mixlab/core'
import type { Job } from '@mixlab/studies'

export interface ProcessRecord {
  readonly pid: number
  /** When it started: clock ticks since boot on Linux, a date elsewhere. */
  readonly start: string
  readonly slot: number
}

// The shell notes itself and is replaced by the command. When memory runs out, trials go first and the driver last.
const STARTER = `
{ echo 500 >/proc/self/oom_score_adj; } 2>/dev/null
if [ -r "/proc/$$/stat" ]; then read -r stat <"/proc/$$/stat"; else stat=$(ps -o lstart= -p $$); fi
printf '%s\\n' "$$" "$1" "$stat" >"$0"
shift
exec "$@"`

/**
 * Starts the job's command in a session of its own (a terminal's Ctrl-C does not reach it), its output appended to the log.
 * @throws MixlabError when the job's folder is missing or the system starts no more processes
 */
export async function startProcess(
  job: Job,
  record: string,
  slot: number,
  environment: NodeJS.ProcessEnv,
): Promise<ChildProcess & { readonly pid: number }> {
  mkdirSync(dirname(job.log), { recursive: true })
  mkdirSync(dirname(record), { recursive: true })
  // What an earlier process of this name has noted must not be taken for this one's.
  rmSync(record, { force: true })
  const log = openSync(job.log, 'a')
  try {
    const child = spawn('/bin/sh', ['-c', STARTER, record, String(slot), ...job.command], {
      cwd: job.folder,
      env: environment,
      detached: true,
      stdio: ['ignore', log, log],
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) =>
        reject(
          new MixlabError(`cannot start ${job.name} in ${job.folder}: ${error.message}; does the folder exist?`, {
            code: 'executor',
            cause: error,
          }),
        ),
      )
    })
    child.unref()
    return child as ChildProcess & { readonly pid: number }
  } finally {
    closeSync(log)
  }
}

/** The process of this record where it still runs. */
export function runningProcess(record: string): ProcessRecord | undefined {
  let lines: string[]
  try {
    lines = readFileSync(record, 'utf8').split('\n')
  } catch {
    return undefined
  }
  const [pid, slot, stat] = lines
  const start = startIn(stat ?? '')
  const found = { pid: Number(pid), start, slot: Number(slot) }
  return start !== '' && isRunning(found) ? found : undefined
}

export const isRunning = ({ pid, start }: Pick<ProcessRecord, 'pid' | 'start'>): boolean => {
  const stat = statOf(pid)
  return startIn(stat) === start && !/^ [ZX]/.test(afterName(stat))
}

/** When the process started, even where it has ended and only its exit status waits to be read; '' when there is none. */
export const startOf = (pid: number): string => startIn(statOf(pid))

function statOf(pid: number): string {
  if (process.platform !== 'linux') return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)]).stdout.toString()
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

/** In Linux's line the name, in parentheses, may itself hold spaces and parentheses; the start is the 20th field after it. */
const startIn = (stat: string): string => (/^\d+ \(/.test(stat) ? (afterName(stat).split(' ')[20] ?? '') : stat.trim())

const afterName = (stat: string): string => stat.slice(stat.lastIndexOf(')') + 1)

/** Signals the process and those that it has started, as a terminal would; nothing where they are gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
