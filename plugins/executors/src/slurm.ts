// SLURM: the sweep's driver runs where jobs are submitted, trials run as elements of array jobs. Shortly before its time
// limit a trial is told (SIGUSR2), saves its state and exits with 85; its script puts it back into the queue, and it goes on
// from there. All of it, the nodes too, sees the sweep's directory.
import { defineExecutor } from '@mixlab/studies'
import { z } from 'zod'
import { createSlurmExecutor } from './slurm-executor.ts'

const text = z.union([z.string(), z.number()])
const lines = z.union([z.array(z.string()), z.string()]).default([])

export const slurm = defineExecutor({
  name: 'slurm',
  summary: 'Array jobs of a SLURM cluster, requeued at their time limit',
  source: 'https://slurm.schedmd.com/job_array.html',
  config: z.object({
    partition: z.string().optional().describe('Partition, as sbatch --partition; default: the cluster’s'),
    account: z.string().optional().describe('Account that pays, as sbatch --account'),
    qos: z.string().optional().describe('Quality of service, as sbatch --qos'),
    time: text
      .optional()
      .describe(
        'Time limit of one run of a trial: minutes, or h:mm:ss, or d-hh; a trial that needs longer is requeued',
      ),
    memory: text.optional().describe('Memory of each trial, as sbatch --mem, e.g. 16G (a bare number is MiB)'),
    cpus: z.int().min(1).optional().describe('Cores of each trial, as sbatch --cpus-per-task; MIXLAB_THREADS follows'),
    gres: z.string().optional().describe('Generic resources of each trial, as sbatch --gres, e.g. gpu:1'),
    options: lines.describe('More options for sbatch, e.g. ["--constraint=a100", "--exclude=node7"]'),
    setup: lines.describe('Lines of bash before each trial, e.g. ["module load cuda/12.4"]'),
    arraySize: z
      .int()
      .min(1)
      .default(16)
      .describe(
        'Most trials of one array job; also how many are submitted at once where neither jobs nor concurrency say',
      ),
    concurrency: z.int().min(1).optional().describe('Most trials of one array job that run at once (--array=…%n)'),
    signalSeconds: z
      .int()
      .min(1)
      .max(65_535)
      .default(90)
      .describe('How long before its time limit a trial is told to save its state; SLURM may tell it 60 s earlier'),
    maxRequeues: z.int().min(0).default(3).describe('How often a trial that is out of time is put back into the queue'),
    pollSeconds: z.number().positive().default(5).describe('How often the queue is looked at while trials run'),
  }),
  create: (config, context) => {
    const given: readonly (readonly [string, string | number | undefined])[] = [
      ['partition', config.partition],
      ['account', config.account],
      ['qos', config.qos],
      ['time', config.time],
      ['mem', config.memory],
      ['cpus-per-task', config.cpus],
      ['gres', config.gres],
    ]
    return createSlurmExecutor(
      {
        slots: context.jobs ?? config.concurrency ?? config.arraySize,
        arraySize: config.arraySize,
        ...(config.concurrency !== undefined && { concurrency: config.concurrency }),
        maxRequeues: config.maxRequeues,
        pollMs: config.pollSeconds * 1000,
        setup: [config.setup].flat(),
        sbatch: [
          '--ntasks=1',
          '--requeue',
          `--signal=B:USR2@${config.signalSeconds}`,
          ...given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
          ...[config.options].flat(),
        ],
      },
      context,
    )
  },
})
