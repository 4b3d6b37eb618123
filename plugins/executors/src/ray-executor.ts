// The executor over Ray's Jobs API. A submission id is used once in a cluster's life, so each attempt has its own; the script
// of attempt n of a trial, `executor/ray/trial-0007-n.sh`, is written before it is submitted and so tells the next driver of
// it. Ray tells no exit code of a job that was stopped, nor of any once its head node was lost: the script notes it.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MixlabError } from '@mixlab/core'
import { type Executor, type ExecutorContext, type Job, type JobState, TRIAL_EXIT } from '@mixlab/studies'
import { writeDurably } from './durable-file.ts'
import { type Ended, endedByStatus, endedWith } from './ended.ts'
import { jobScript, locksFolder, quote } from './job-script.ts'
import { createOutage } from './outage.ts'
import { isRayOutage, type RayClient, type RayJob } from './ray-client.ts'
import { createStateTable } from './state-table.ts'

export interface RayOptions {
  readonly slots: number
  readonly cpus: number
  readonly gpus: number
  readonly memoryBytes?: number
  readonly resources: Readonly<Record<string, number>>
  readonly setup: readonly string[]
  readonly maxRequeues: number
  readonly pollMs: number
}

interface Task {
  readonly job: Job
  readonly attempt: number
  readonly id: string
  /** When it was submitted: what was asked of Ray before knows nothing of it. */
  readonly since: number
}

/** How long the first contact may take before it is the user's mistake and no outage. */
const CONTACT_MS = 5000
const CANCEL_POLL_MS = 500
const AFTER_KILL_MS = 20_000
/** Ray's own patience with a stopped job; the script's kill file ends it before. */
const RAY_STOP_SECONDS = 600

export function createRayExecutor(
  client: RayClient,
  options: RayOptions,
  { directory, warn }: ExecutorContext,
): Executor {
  const closing = new AbortController()
  const outage = createOutage('Ray', isRayOutage, warn, closing.signal)
  const folder = join(directory, 'executor', 'ray')
  // Two sweeps of one name may share a cluster.
  const sweep = `${basename(directory).replace(/[^\w-]/g, '-')}-${createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 6)}`
  const tasks = new Map<string, Task>()
  const repeats = new Map<string, number>()
  const cancelled = new Set<string>()

  const idOf = (name: string, attempt: number) => `mixlab-${sweep}-${name}-${attempt}`
  const fileOf = ({ job, attempt }: Pick<Task, 'job' | 'attempt'>, suffix: string) =>
    join(folder, `${job.name}-${attempt}.${suffix}`)

  const table = createStateTable(options.pollMs, async () => {
    const asked = performance.now()
    for (const [name, task] of tasks) {
      if (task.since >= asked || table.get(name)?.state === 'ended') continue
      const found = await outage.attempt(async () => ({ details: await client.job(task.id) }))
      if (!found) return
      await update(task, found.details)
    }
  })

  async function update(task: Task, details: RayJob | undefined): Promise<void> {
    const { name } = task.job
    const state = await stateOf(task, details)
    // Cancelled, or submitted again, while Ray was asked.
    if (tasks.get(name) !== task || table.get(name)?.state === 'ended') return
    if (state !== 'lost' && state.state === 'ended' && state.code !== 0) await copyLogs(task)
    if (state !== 'lost' && !(state.state === 'ended' && state.code === TRIAL_EXIT.requeue)) table.set(name, state)
    else if (cancelled.has(name)) table.set(name, endedWith(state === 'lost' ? null : state.code, 'cancelled'))
    else await submitAgain(task, state, details)
  }

  async function stateOf(task: Task, details: RayJob | undefined): Promise<JobState | 'lost'> {
    if (details?.status === 'PENDING') return { state: 'pending' }
    if (details?.status === 'RUNNING') return { state: 'running' }
    if (details?.status === 'SUCCEEDED') return endedWith(0)
    const noted = (await readFile(fileOf(task, 'exits'), 'utf8').catch(() => '')).trim()
    if (noted !== '') return endedByStatus(Number(noted))
    if (details?.status === 'STOPPED') return endedWith(null, 'stopped')
    const code = details?.driver_exit_code
    if (code === undefined || code === null) return 'lost'
    if (code === 127) {
      return endedWith(
        code,
        `Ray’s node does not see ${folder}: the sweep’s directory must be on a file system that all nodes share`,
      )
    }
    return endedByStatus(code < 0 ? 128 - code : code)
  }

  /** What the script could not write to the job's log itself. */
  async function copyLogs({ id, job }: Task): Promise<void> {
    const logs = await outage.attempt(() => client.logs(id)).catch(() => undefined)
    const lines = (logs ?? '').split('\n').filter((line) => line !== '' && !line.includes('Running entrypoint for job'))
    if (lines.length > 0) await appendFile(job.log, `${lines.join('\n')}\n`).catch(() => undefined)
  }

  async function submitAgain(task: Task, state: Ended | 'lost', details: RayJob | undefined): Promise<void> {
    const { name } = task.job
    const count = (repeats.get(name) ?? 0) + 1
    if (count > options.maxRequeues) {
      const reason =
        state === 'lost' ? lossOf(details) : `out of time ${count} times: raise maxRequeues (${options.maxRequeues})`
      table.set(name, endedWith(state === 'lost' ? null : state.code, reason))
      return
    }
    if (state === 'lost') warn(`${name}: ${lossOf(details)}; submitting it again`)
    repeats.set(name, count)
    tasks.delete(name)
    table.set(name, { state: 'pending' })
    start(task.job, task.attempt + 1).catch((error: unknown) =>
      table.set(name, endedWith(null, error instanceof Error ? error.message : String(error))),
    )
  }

  const lossOf = (details: RayJob | undefined): string =>
    details ? `Ray lost the job (${(details.message ?? details.status).split('\n')[0]})` : 'Ray no longer knows the job'

  let contact: Promise<unknown> | undefined

  /** An address that has never answered is a mistake; one that has, and does no longer, is an outage. */
  const connect = () =>
    (contact ??= (async () => {
      for (const until = performance.now() + CONTACT_MS; ; await pause(500)) {
        try {
          return await client.version()
        } catch (error) {
          if (!isRayOutage(error) || performance.now() > until) {
            contact = undefined
            if (!isRayOutage(error)) throw error
            throw new MixlabError(
              `executor ray: no Ray cluster answers (${error.message}); start one with \`ray start --head\`, or name its dashboard: address=http://HEAD:8265`,
              { code: 'executor', cause: error },
            )
          }
        }
      }
    })())

  async function start(job: Job, attempt: number): Promise<Task> {
    const script = fileOf({ job, attempt }, 'sh')
    await mkdir(dirname(job.log), { recursive: true })
    const threads = Math.min(256, Math.max(1, Math.floor(options.cpus)))
    await writeDurably(
      script,
      jobScript(job, {
        exits: fileOf({ job, attempt }, 'exits'),
        lock: join(await locksFolder(directory), job.name),
        setup: options.setup,
        threads: String(threads),
        forward: ['USR2'],
        killFile: fileOf({ job, attempt }, 'kill'),
      }),
    )
    const id = idOf(job.name, attempt)
    let attempts = 0
    await outage.retry(async () => {
      // An attempt without an answer may have succeeded all the same.
      if (attempts++ > 0 && (await client.job(id))) return
      await client.submit({
        entrypoint: `exec bash ${quote(script)}`,
        submission_id: id,
        runtime_env: { env_vars: { RAY_JOB_STOP_WAIT_TIME_S: String(RAY_STOP_SECONDS) } },
        metadata: { mixlab_sweep: directory, mixlab_trial: job.name },
        entrypoint_num_cpus: options.cpus,
        entrypoint_num_gpus: options.gpus,
        ...(options.memoryBytes !== undefined && { entrypoint_memory: options.memoryBytes }),
        entrypoint_resources: options.resources,
      })
    })
    return take(job, attempt)
  }

  function take(job: Job, attempt: number): Task {
    const task = { job, attempt, id: idOf(job.name, attempt), since: performance.now() }
    tasks.set(job.name, task)
    table.set(job.name, { state: 'pending' })
    return task
  }

  const isHeld = (name: string) => tasks.has(name) && table.get(name)?.state !== 'ended'

  /** 0 where the trial was never submitted. */
  async function lastAttempt(name: string): Promise<number> {
    const attempts = (await readdir(folder).catch(() => []))
      .filter((file) => file.startsWith(`${name}-`) && file.endsWith('.sh'))
      .map((file) => Number(file.slice(name.length + 1, -'.sh'.length)))
    return Math.max(0, ...attempts.filter(Number.isInteger))
  }

  async function takeEarlier(job: Job, attempt: number): Promise<Task | undefined> {
    if (attempt === 0 || existsSync(fileOf({ job, attempt }, 'kill'))) return undefined
    const details = await outage.retry(() => client.job(idOf(job.name, attempt)))
    return details?.status === 'PENDING' || details?.status === 'RUNNING' ? take(job, attempt) : undefined
  }

  return {
    slots: options.slots,
    async submit(job) {
      cancelled.delete(job.name)
      if (isHeld(job.name)) return tasks.get(job.name)!.id
      await connect()
      repeats.delete(job.name)
      const attempt = await lastAttempt(job.name)
      return ((await takeEarlier(job, attempt)) ?? (await start(job, attempt + 1))).id
    },
    async adopt(job, id) {
      if (isHeld(job.name)) return true
      await connect()
      const attempt = await lastAttempt(job.name)
      return idOf(job.name, attempt) === id && (await takeEarlier(job, attempt)) !== undefined
    },
    poll: (waitMs, signal) => table.poll(waitMs, signal),
    async cancel(names, graceMs) {
      for (const name of names) cancelled.add(name)
      const kill = (task: Task) => writeFile(fileOf(task, 'kill'), '')
      const held = () => names.filter(isHeld).map((name) => tasks.get(name)!)
      await Promise.all(
        held().map(async (task) => {
          const found = await outage.attempt(async () => ({ details: await client.job(task.id) }))
          if (found) await update(task, found.details)
          // Ray cannot stop what still waits for resources: when its turn comes, its script finds the file and ends.
          const waits = found?.details?.status === 'PENDING'
          if (waits) await kill(task)
          await outage.attempt(() => client.stop(task.id)).catch(() => undefined)
          if (waits) table.set(task.job.name, endedWith(null, 'cancelled before it started'))
        }),
      )
      await table.ended(names, graceMs, CANCEL_POLL_MS)
      await Promise.all(held().map(kill))
      await table.ended(names, AFTER_KILL_MS, CANCEL_POLL_MS)
    },
    // Jobs go on: who wants them to end cancels them first.
    async [Symbol.asyncDispose]() {
      closing.abort(new MixlabError('the executor is closed', { code: 'executor' }))
    },
  }
}
