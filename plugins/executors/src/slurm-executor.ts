// The executor over SLURM's commands. Submissions that come close together are one array job. The controller may be away for
// a while: it is asked again. Jobs that the cluster loses are submitted anew; what they had saved is in the sweep's directory.
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MixlabError } from '@mixlab/core'
import { type Executor, type ExecutorContext, type Job, TRIAL_EXIT } from '@mixlab/studies'
import { type Ended, endedByStatus, endedWith } from './ended.ts'
import { createOutage } from './outage.ts'
import { type Batch, createBatch, exitsOf, keepBatch, readBatches, removeBatch } from './slurm-batch.ts'
import { isLive, isStuck, type QueueRow, readQueue, stateOf } from './slurm-queue.ts'
import { isSlurmOutage, runSlurm } from './slurm-tools.ts'
import { createStateTable } from './state-table.ts'

export interface SlurmOptions {
  readonly slots: number
  readonly arraySize: number
  readonly concurrency?: number
  readonly maxRequeues: number
  readonly pollMs: number
  /** Lines of bash before each job. */
  readonly setup: readonly string[]
  /** Options of `sbatch` that are the same for all jobs. */
  readonly sbatch: readonly string[]
}

interface Task {
  readonly job: Job
  readonly batch: Batch
  readonly index: number
  /** `17_3`: element 3 of array job 17. */
  readonly id: string
  /** When it was submitted: what was asked of the queue before knows nothing of it. */
  readonly since: number
  /** The last restart that was seen to wait, when that was, and whether its waiting time has been cut short. */
  requeued?: { readonly restart: number; readonly at: number; hastened: boolean }
}

/** Submissions within this time become one array job. */
const GATHER_MS = 100
/** Several jobs taken up at once ask the queue once. */
const FRESH_MS = 1000
const CANCEL_POLL_MS = 1000
/** How long a requeued job's node has for that. */
const TIDY_MS = 5000
const AFTER_KILL_MS = 60_000
/** What a command of SLURM's may take where the controller answers. */
const SCANCEL_MS = 10_000

export function createSlurmExecutor(options: SlurmOptions, { directory, warn }: ExecutorContext): Executor {
  const closing = new AbortController()
  const outage = createOutage('SLURM', isSlurmOutage, warn, closing.signal)
  const tasks = new Map<string, Task>()
  const resubmissions = new Map<string, number>()
  const cancelled = new Set<string>()
  const warned = new Set<string>()

  const table = createStateTable(options.pollMs, async () => {
    const asked = performance.now()
    if (tasks.keys().every((name) => table.get(name)?.state === 'ended')) return
    const rows = await outage.attempt(readQueue)
    if (!rows) return
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const [name, task] of tasks) {
      if (task.since < asked && table.get(name)?.state !== 'ended') await update(task, byId.get(task.id))
    }
  })

  async function update(task: Task, row: QueueRow | undefined): Promise<void> {
    const { name } = task.job
    if (row && isStuck(row))
      warnOnce(
        `${name}: SLURM holds job ${task.id} (${row.reason}); cancel the sweep, or see \`scontrol show job ${task.id}\``,
      )
    if (row?.reason === 'BeginTime' && row.restarts > 0) await hasten(task, row.restarts)
    const state = row ? stateOf(row) : await forgotten(task)
    if (state !== 'lost' && !(state.state === 'ended' && state.code === TRIAL_EXIT.requeue)) table.set(name, state)
    else if (cancelled.has(name)) table.set(name, state === 'lost' ? endedWith(null, 'cancelled') : state)
    else await submitAgain(task, state)
  }

  /**
   * SLURM lets a requeued job wait two minutes. That is for its node to be tidied up: started at once, its new script is
   * swept away with the old one's remains.
   */
  async function hasten(task: Task, restart: number): Promise<void> {
    if (task.requeued?.restart !== restart) task.requeued = { restart, at: performance.now(), hastened: false }
    if (task.requeued.hastened || performance.now() - task.requeued.at < TIDY_MS) return
    task.requeued.hastened = true
    await runSlurm('scontrol', ['update', `JobId=${task.id}`, 'StartTime=now']).catch(() => undefined)
  }

  /** The controller no longer lists the job: it ended long ago, or the controller's own state was lost. */
  async function forgotten({ batch, index }: Task): Promise<Ended | 'lost'> {
    const last = (await exitsOf(batch, index)).at(-1)
    return last === undefined || last === TRIAL_EXIT.requeue ? 'lost' : endedByStatus(last)
  }

  async function submitAgain(task: Task, state: Ended | 'lost'): Promise<void> {
    const { name } = task.job
    const requeued = (await exitsOf(task.batch, task.index)).filter((code) => code === TRIAL_EXIT.requeue).length
    const count = (resubmissions.get(name) ?? 0) + 1
    if (count > options.maxRequeues || requeued > options.maxRequeues) {
      const reason =
        state === 'lost'
          ? 'SLURM no longer knows the job'
          : `out of time ${requeued} times: raise time or maxRequeues (${options.maxRequeues})`
      table.set(name, endedWith(state === 'lost' ? null : state.code, reason))
      return
    }
    resubmissions.set(name, count)
    tasks.delete(name)
    table.set(name, { state: 'pending' })
    gather(task.job).catch((error: unknown) =>
      table.set(name, endedWith(null, error instanceof Error ? error.message : String(error))),
    )
  }

  function warnOnce(message: string): void {
    if (!warned.has(message)) warn(message)
    warned.add(message)
  }

  let waiting: { readonly job: Job; readonly done: PromiseWithResolvers<string> }[] = []
  let flushing: Promise<void> = Promise.resolve()

  /** @returns the job's id, once the array job that it became part of is submitted */
  function gather(job: Job): Promise<string> {
    if (waiting.length === 0) {
      flushing = new Promise((resolve) => setTimeout(() => resolve(flush()), GATHER_MS))
    }
    const done = Promise.withResolvers<string>()
    waiting.push({ job, done })
    return done.promise
  }

  async function flush(): Promise<void> {
    const all = waiting
    waiting = []
    for (let first = 0; first < all.length; first += options.arraySize) {
      const some = all.slice(first, first + options.arraySize)
      try {
        const jobs = some.map(({ job }) => job)
        const batch = await submitBatch(jobs)
        some.forEach(({ job, done }, index) => done.resolve(take(job, batch, index).id))
      } catch (error) {
        for (const { done } of some) done.reject(error)
      }
    }
  }

  async function submitBatch(jobs: readonly Job[]): Promise<Batch & { readonly id: string }> {
    const batch = await createBatch(directory, jobs, options)
    const limit = options.concurrency === undefined ? '' : `%${options.concurrency}`
    let attempts = 0
    try {
      const id = await outage.retry(async () => {
        // An attempt without an answer may have succeeded all the same.
        const earlier = attempts++ === 0 ? undefined : arrayNamed(batch.jobName, await readQueue())
        if (earlier !== undefined) return earlier
        const answer = await runSlurm('sbatch', [
          '--parsable',
          `--job-name=${batch.jobName}`,
          `--array=0-${jobs.length - 1}${limit}`,
          `--chdir=${batch.folder}`,
          `--output=${join(batch.folder, '%a.log')}`,
          '--open-mode=append',
          ...options.sbatch,
          join(batch.folder, 'batch.sh'),
        ])
        return answer.trim().split(';')[0]!
      })
      await keepBatch({ ...batch, id })
      return { ...batch, id }
    } catch (error) {
      if (closing.signal.aborted || MixlabError.is(error) || !(error instanceof Error)) throw error
      await removeBatch(batch)
      throw new MixlabError(
        `executor slurm: ${error.message}; see \`mixlab plugins show executor/slurm\` for the fields that become options of sbatch`,
        { code: 'executor', cause: error },
      )
    }
  }

  function take(job: Job, batch: Batch & { readonly id: string }, index: number): Task {
    const task: Task = { job, batch, index, id: `${batch.id}_${index}`, since: performance.now() }
    tasks.set(job.name, task)
    table.set(job.name, { state: 'pending' })
    return task
  }

  let earlierBatches: Promise<Batch[]> | undefined
  let fresh: { readonly at: number; readonly rows: Promise<QueueRow[]> } | undefined

  function freshRows(): Promise<QueueRow[]> {
    const now = performance.now()
    if (!fresh || now - fresh.at > FRESH_MS) fresh = { at: now, rows: outage.retry(readQueue) }
    return fresh.rows
  }

  /** What an earlier driver submitted under this name and that has not ended. */
  async function takeEarlier(job: Job, id?: string): Promise<Task | undefined> {
    const batches = await (earlierBatches ??= readBatches(directory))
    for (const batch of batches.toReversed()) {
      const index = batch.jobs.indexOf(job.name)
      if (index < 0) continue
      const rows = await freshRows()
      const arrayId = batch.id ?? arrayNamed(batch.jobName, rows)
      if (arrayId === undefined || (id !== undefined && id !== `${arrayId}_${index}`)) continue
      const row = rows.find((row) => row.id === `${arrayId}_${index}`)
      if (!row || !isLive(row)) continue
      if (batch.id === undefined) await keepBatch({ ...batch, id: arrayId })
      return take(job, { ...batch, id: arrayId }, index)
    }
    return undefined
  }

  const isHeld = (name: string) => tasks.has(name) && table.get(name)?.state !== 'ended'

  const idsOf = (names: readonly string[]) => names.filter(isHeld).map((name) => tasks.get(name)!.id)

  /** SLURM's errors here are that a job has ended meanwhile. Where the controller is away, it is asked until `waitMs` is over. */
  async function scancel(args: readonly string[], names: readonly string[], waitMs: number): Promise<void> {
    const ids = idsOf(names)
    if (ids.length === 0) return
    const done = outage.retry(() => runSlurm('scancel', [...args, ...ids])).catch(() => undefined)
    await Promise.race([done, pause(waitMs)])
  }

  return {
    slots: options.slots,
    async submit(job) {
      cancelled.delete(job.name)
      if (isHeld(job.name)) return tasks.get(job.name)!.id
      resubmissions.delete(job.name)
      return (await takeEarlier(job))?.id ?? (await gather(job))
    },
    adopt: async (job, id) => isHeld(job.name) || (await takeEarlier(job, id)) !== undefined,
    poll: (waitMs, signal) => table.poll(waitMs, signal),
    async cancel(names, graceMs) {
      for (const name of names) cancelled.add(name)
      const until = performance.now() + graceMs
      const left = () => Math.max(0, until - performance.now())
      await Promise.race([flushing, pause(graceMs)])
      await scancel(['--state=PENDING'], names, left() + SCANCEL_MS)
      // To the script, which hands it on.
      await scancel(['--signal=TERM', '--batch'], names, left() + SCANCEL_MS)
      const stubborn = await table.ended(names, left(), CANCEL_POLL_MS)
      // SLURM itself asks once more, and kills after its KillWait (30 s unless the cluster says otherwise).
      await scancel([], stubborn, SCANCEL_MS)
      await table.ended(stubborn, AFTER_KILL_MS, CANCEL_POLL_MS)
    },
    // Jobs go on: who wants them to end cancels them first.
    async [Symbol.asyncDispose]() {
      closing.abort(new MixlabError('the executor is closed', { code: 'executor' }))
    },
  }
}

/** The id of the array job with this name. */
const arrayNamed = (jobName: string, rows: readonly QueueRow[]): string | undefined =>
  rows.find((row) => row.jobName === jobName)?.id.split('_')[0]
