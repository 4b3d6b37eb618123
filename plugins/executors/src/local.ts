// Processes of this machine. Each slot has an equal share of the cores, and GPUs of its own where they are named. Processes
// outlive their driver: the next driver of the sweep finds them again.
import { join } from 'node:path'
import { usableProcessors } from '@mixlab/core'
import { defineExecutor, type Executor, type Job, TRIAL_EXIT } from '@mixlab/studies'
import { z } from 'zod'
import { endedBySignal, endedWith } from './ended.ts'
import { isRunning, type ProcessRecord, runningProcess, signalGroup, startOf, startProcess } from './local-process.ts'
import { createStateTable } from './state-table.ts'
import { textList, textsOf } from './text-list.ts'

const ADOPTED_POLL_MS = 500
/** What a job gets where nobody says how many run at once. */
const CORES_PER_JOB = 4
/** More threads than this the cpu engine does not have. */
const MOST_THREADS = 256
const AFTER_KILL_MS = 10_000

export const local = defineExecutor({
  name: 'local',
  summary: 'Processes of this machine, its cores and GPUs shared out among them',
  config: z.object({
    cores: z.int().min(1).optional().describe('Cores to share out; default: those that this process may use'),
    threads: z
      .int()
      .min(1)
      .max(MOST_THREADS)
      .optional()
      .describe('Threads of each job (MIXLAB_THREADS); default: cores / jobs at once'),
    gpus: textList.describe('GPUs to share out, as in CUDA_VISIBLE_DEVICES, e.g. 0,1; default: jobs see all of them'),
    gpusPerJob: z.int().min(1).default(1).describe('GPUs of each job, where gpus are named'),
    maxRequeues: z
      .int()
      .min(0)
      .default(3)
      .describe('How often a job that ends because it is out of time (exit code 85) is started again'),
  }),
  create(config, { directory, jobs, warn }): Executor {
    const cores = config.cores ?? usableProcessors()
    const gpus = textsOf(config.gpus)
    const gpuSlots = Math.floor(gpus.length / config.gpusPerJob)
    if (gpus.length > 0 && gpuSlots === 0) {
      warn(`executor local: ${gpus.length} GPU for jobs of ${config.gpusPerJob}; each job gets all there are`)
    }
    const slots =
      jobs ??
      (gpus.length > 0 ? Math.max(1, gpuSlots) : Math.max(1, Math.floor(cores / (config.threads ?? CORES_PER_JOB))))
    const threads = config.threads ?? Math.min(MOST_THREADS, Math.max(1, Math.floor(cores / slots)))

    const running = new Map<string, ProcessRecord>()
    const adopted = new Set<string>()
    const cancelled = new Set<string>()
    let disposed = false

    const table = createStateTable(ADOPTED_POLL_MS, async () => {
      for (const name of adopted) {
        const held = running.get(name)
        if (held && isRunning(held)) continue
        adopted.delete(name)
        running.delete(name)
        table.set(name, endedWith(null, 'ended; its exit code went to a driver that is gone'))
      }
    })

    const recordOf = (name: string) => join(directory, 'executor', 'local', name)
    const idOf = ({ pid, start }: ProcessRecord) => `${pid}@${start}`

    /** The slot with the fewest jobs: a free one, unless more were adopted than there are slots. */
    function freeSlot(): number {
      const users = Array.from({ length: slots }, () => 0)
      for (const { slot } of running.values()) if (slot < slots) users[slot]!++
      return users.indexOf(Math.min(...users))
    }

    const slotEnvironment = (slot: number): Record<string, string> => {
      if (gpus.length === 0) return { MIXLAB_THREADS: String(threads) }
      const first = (slot % Math.max(1, gpuSlots)) * config.gpusPerJob
      return {
        MIXLAB_THREADS: String(threads),
        CUDA_VISIBLE_DEVICES: gpus.slice(first, first + config.gpusPerJob).join(','),
      }
    }

    async function start(job: Job, slot: number, requeues: number): Promise<ProcessRecord> {
      // The slot is taken before the first wait: jobs may be submitted at once.
      running.set(job.name, { pid: 0, start: '', slot })
      try {
        const environment = { ...process.env, ...slotEnvironment(slot), ...job.environment }
        const child = await startProcess(job, recordOf(job.name), slot, environment)
        const record = { pid: child.pid, start: startOf(child.pid), slot }
        running.set(job.name, record)
        table.set(job.name, { state: 'running' })
        child.once('exit', (code, signal) => {
          running.delete(job.name)
          if (code === TRIAL_EXIT.requeue && requeues < config.maxRequeues && !cancelled.has(job.name) && !disposed) {
            start(job, slot, requeues + 1).catch((error: unknown) =>
              table.set(job.name, endedWith(code, error instanceof Error ? error.message : String(error))),
            )
          } else table.set(job.name, signal === null ? endedWith(code) : endedBySignal(signal))
        })
        return record
      } catch (error) {
        running.delete(job.name)
        throw error
      }
    }

    function adopt(job: Job, record: ProcessRecord): void {
      running.set(job.name, record)
      adopted.add(job.name)
      table.set(job.name, { state: 'running' })
    }

    return {
      slots,
      async submit(job) {
        cancelled.delete(job.name)
        const held = running.get(job.name)
        if (held) return idOf(held)
        const earlier = runningProcess(recordOf(job.name))
        if (earlier) adopt(job, earlier)
        return idOf(earlier ?? (await start(job, freeSlot(), 0)))
      },
      async adopt(job, id) {
        if (running.has(job.name)) return true
        const earlier = runningProcess(recordOf(job.name))
        if (!earlier || idOf(earlier) !== id) return false
        adopt(job, earlier)
        return true
      },
      poll: (waitMs, signal) => table.poll(waitMs, signal),
      async cancel(names, graceMs) {
        for (const name of names) cancelled.add(name)
        const kill = (left: readonly string[], signal: NodeJS.Signals) => {
          for (const name of left) {
            const held = running.get(name)
            if (held && held.pid > 0) signalGroup(held.pid, signal)
          }
        }
        kill(names, 'SIGTERM')
        const left = await table.ended(names, graceMs)
        kill(left, 'SIGKILL')
        await table.ended(left, AFTER_KILL_MS)
      },
      // Processes go on: who wants them to end cancels them first.
      async [Symbol.asyncDispose]() {
        disposed = true
      },
    }
  },
})
