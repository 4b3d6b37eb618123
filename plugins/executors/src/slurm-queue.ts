// What SLURM's controller says of the user's jobs, by `squeue`: its columns of fixed width have been the same for a decade,
// its JSON changes with each version. Ended jobs are listed for a few minutes (MinJobAge), with or without accounting.
import type { JobState } from '@mixlab/studies'
import { endedByWait, endedWith } from './ended.ts'
import { runSlurm } from './slurm-tools.ts'

export interface QueueRow {
  /** `17_3`: element 3 of array job 17. */
  readonly id: string
  readonly jobName: string
  readonly state: string
  /** As `wait` gives it. */
  readonly waitStatus: number
  readonly restarts: number
  readonly reason: string
}

const columns = [
  ['ArrayJobID', 20],
  ['ArrayTaskID', 20],
  ['State', 20],
  ['exit_code', 20],
  ['RestartCnt', 20],
  ['Name', 200],
  ['Reason', 200],
] as const

export async function readQueue(): Promise<QueueRow[]> {
  const format = columns.map(([name, width]) => `${name}:${width}`).join(',')
  return parseQueue(await runSlurm('squeue', ['--me', '--array', '--states=all', '--noheader', `--Format=${format}`]))
}

export const parseQueue = (text: string): QueueRow[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      let at = 0
      const [job, task, state, status, restarts, jobName, reason] = columns.map(([, width]) =>
        line.slice(at, (at += width)).trim(),
      )
      return {
        id: `${job}_${task}`,
        jobName: jobName!,
        state: state!,
        waitStatus: Number(status),
        restarts: Number(restarts) || 0,
        reason: reason!,
      }
    })

const PENDING = /^(PENDING|CONFIGURING|REQUEUED|REQUEUE_FED|REQUEUE_HOLD|SPECIAL_EXIT|RESV_DEL_HOLD)$/
const RUNNING = /^(RUNNING|COMPLETING|SUSPENDED|STOPPED|SIGNALING|RESIZING|STAGE_OUT)$/

const reasons: Readonly<Record<string, string>> = {
  CANCELLED: 'cancelled',
  TIMEOUT: 'killed by SLURM at its time limit, its state not saved in time: raise time or signalSeconds',
  OUT_OF_MEMORY: 'out of memory: raise memory',
  NODE_FAIL: 'its node failed',
  BOOT_FAIL: 'its node did not start',
  DEADLINE: 'its deadline passed',
  PREEMPTED: 'preempted by another job',
}

export function stateOf(row: QueueRow): JobState {
  if (PENDING.test(row.state)) return { state: 'pending' }
  if (RUNNING.test(row.state)) return { state: 'running' }
  if (row.state === 'COMPLETED') return endedWith(0)
  if (row.state === 'FAILED') return endedByWait(row.waitStatus)
  return endedWith(null, reasons[row.state] ?? `ended by SLURM (${row.state})`)
}

export const isLive = (row: QueueRow): boolean => stateOf(row).state !== 'ended'

/** Of a pending job: nothing but a person's doing will let it run. */
export const isStuck = (row: QueueRow): boolean =>
  PENDING.test(row.state) &&
  /held|^(PartitionTimeLimit|PartitionNodeLimit|BadConstraints|InvalidAccount|InvalidQOS|QOSNotAllowed|AccountNotAllowed|PartitionDown|PartitionInactive)/i.test(
    row.reason,
  )
