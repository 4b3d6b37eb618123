// One array job: a folder `executor/slurm/<batch>/` with a script for each element, their exit statuses, and `batch.json`,
// which is written before anything is submitted. A driver killed between submission and noting the job's id leaves a folder
// without one; the array job is then found by its name, which no other has.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Job, TRIAL_EXIT } from '@mixlab/studies'
import { writeDurably } from './durable-file.ts'
import { jobScript, locksFolder, quote } from './job-script.ts'

export interface Batch {
  readonly folder: string
  /** The array job's name, unique to the batch. */
  readonly jobName: string
  /** The jobs' names by their index in the array. */
  readonly jobs: readonly string[]
  /** The array job's id, once it is known. */
  readonly id?: string
}

export interface BatchOptions {
  readonly setup: readonly string[]
  readonly maxRequeues: number
}

const batchesFolder = (directory: string) => join(directory, 'executor', 'slurm')

export async function createBatch(directory: string, jobs: readonly Job[], options: BatchOptions): Promise<Batch> {
  const stamp = `${Date.now().toString(36)}${randomBytes(3).toString('hex')}`
  const folder = join(batchesFolder(directory), stamp)
  const jobName = `mixlab-${basename(directory)
    .replace(/[^\w.-]/g, '-')
    .slice(0, 100)}-${stamp}`
  await mkdir(folder, { recursive: true })
  const locks = await locksFolder(directory)
  await writeDurably(join(folder, 'batch.sh'), `#!/bin/bash\n. ${quote(folder)}/"$SLURM_ARRAY_TASK_ID".sh\n`)
  await Promise.all(
    jobs.map(async (job, index) => {
      await mkdir(dirname(job.log), { recursive: true })
      // What SLURM itself says of a job (a time limit, a lost node) goes to the job's own log, too.
      await symlink(job.log, join(folder, `${index}.log`))
      await writeDurably(
        join(folder, `${index}.sh`),
        taskScript(job, join(folder, `${index}.exits`), join(locks, job.name), options),
      )
    }),
  )
  return await keepBatch({ folder, jobName, jobs: jobs.map(({ name }) => name) })
}

// SLURM ends the script as soon as it is put back into the queue.
const taskScript = (job: Job, exits: string, lock: string, { setup, maxRequeues }: BatchOptions): string =>
  jobScript(job, {
    exits,
    lock,
    setup,
    threads: '"${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}"',
    forward: ['USR2', 'TERM'],
    after: [
      `if [ "$code" = ${TRIAL_EXIT.requeue} ] && [ "$(grep -cx ${TRIAL_EXIT.requeue} ${quote(exits)})" -le ${maxRequeues} ]; then`,
      '  for try in 1 2 3 4 5 6; do scontrol requeue "$SLURM_JOB_ID" && break; sleep 5; done',
      'fi',
    ],
  })

/** Notes what is known of a batch. */
export async function keepBatch(batch: Batch): Promise<Batch> {
  const { folder, ...rest } = batch
  await writeDurably(join(folder, 'batch.json'), JSON.stringify(rest))
  return batch
}

/** The batches of this sweep's earlier drivers, oldest first. */
export async function readBatches(directory: string): Promise<Batch[]> {
  const folders = await readdir(batchesFolder(directory)).catch(() => [])
  const batches = folders
    .toSorted((a, b) => a.localeCompare(b))
    .map(async (name) => {
      const folder = join(batchesFolder(directory), name)
      // A driver killed while it made the folder leaves none, and has submitted nothing.
      const text = await readFile(join(folder, 'batch.json'), 'utf8').catch(() => undefined)
      return text === undefined ? [] : [{ folder, ...(JSON.parse(text) as Omit<Batch, 'folder'>) }]
    })
  return (await Promise.all(batches)).flat()
}

export const removeBatch = (batch: Batch): Promise<void> => rm(batch.folder, { recursive: true, force: true })

/** The exit statuses that an element's script has noted, one for each time it ran to its end. */
export const exitsOf = async (batch: Batch, index: number): Promise<number[]> =>
  (await readFile(join(batch.folder, `${index}.exits`), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number)
