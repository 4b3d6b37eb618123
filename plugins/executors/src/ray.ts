// Ray: each trial is a job of a running cluster's Jobs API. The cluster's nodes see the sweep's directory (nothing is
// uploaded). Ray neither repeats nor requeues jobs; the executor does, so the driver has to be there for that.
import { defineExecutor } from '@mixlab/studies'
import { z } from 'zod'
import { createRayClient } from './ray-client.ts'
import { createRayExecutor } from './ray-executor.ts'

export const ray = defineExecutor({
  name: 'ray',
  summary: 'Jobs of a Ray cluster whose nodes share a file system',
  source: 'https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html',
  config: z.object({
    address: z
      .string()
      .optional()
      .describe('Of Ray’s dashboard; default: RAY_API_SERVER_ADDRESS, RAY_ADDRESS, http://127.0.0.1:8265'),
    cpus: z.number().min(0).default(1).describe('Cores that Ray reserves for each trial; MIXLAB_THREADS follows'),
    gpus: z.number().min(0).default(0).describe('GPUs that Ray reserves for each trial, parts of one allowed'),
    memoryGiB: z.number().positive().optional().describe('Memory that Ray reserves for each trial'),
    resources: z
      .record(z.string(), z.number())
      .default({})
      .describe('Custom resources of the cluster that each trial needs, e.g. {"a100": 1}'),
    setup: z
      .union([z.array(z.string()), z.string()])
      .default([])
      .describe('Lines of bash before each trial, e.g. ["module load cuda/12.4"]'),
    concurrency: z.int().min(1).default(4).describe('How many trials are submitted at once where jobs does not say'),
    maxRequeues: z
      .int()
      .min(0)
      .default(3)
      .describe('How often a trial is submitted again because it is out of time or its node is lost'),
    pollSeconds: z.number().positive().default(2).describe('How often Ray is asked while trials run'),
  }),
  create: (config, context) =>
    createRayExecutor(
      createRayClient(
        config.address ??
          // `ray job` reads the same; an address of the cluster itself ("auto", host:6379) is none of its dashboard.
          [process.env['RAY_API_SERVER_ADDRESS'], process.env['RAY_ADDRESS']].find((from) =>
            /^https?:/.test(from ?? ''),
          ) ??
          'http://127.0.0.1:8265',
      ),
      {
        slots: context.jobs ?? config.concurrency,
        cpus: config.cpus,
        gpus: config.gpus,
        ...(config.memoryGiB !== undefined && { memoryBytes: Math.round(config.memoryGiB * 2 ** 30) }),
        resources: config.resources,
        setup: [config.setup].flat(),
        maxRequeues: config.maxRequeues,
        pollMs: config.pollSeconds * 1000,
      },
      context,
    ),
})
