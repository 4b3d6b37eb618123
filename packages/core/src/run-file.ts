// `run.json`: what a run is, without its events. The lab writes it at the start and again at the end; trackers, reports and
// sweeps read it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { MixlabError } from './errors.ts'
import { fromJson } from './plain-data.ts'

/** The layout of run directories that this version writes and reads. */
export const RUN_FORMAT = 1

export type RunStatus = 'running' | 'finished' | 'failed' | 'interrupted'

const plain = z.record(z.string(), z.unknown())

const runFile = z.looseObject({
  format: z.literal(RUN_FORMAT),
  id: z.string(),
  experiment: z.string(),
  /** What the person or the parent called it. */
  name: z.string().optional(),
  summary: z.string().optional(),
  /** What it is, where it is not an experiment's run. */
  kind: z.enum(['sweep']).optional(),
  config: z.unknown(),
  seed: z.number(),
  status: z.enum(['running', 'finished', 'failed', 'interrupted']),
  result: plain.optional(),
  error: z.string().optional(),
  engine: z.looseObject({ name: z.string() }),
  /** Of matrix products; absent without tensors. */
  precision: z.string().optional(),
  machine: z.looseObject({
    processor: z.string(),
    cores: z.number(),
    memoryBytes: z.number(),
    platform: z.string(),
    host: z.string(),
  }),
  versions: z.looseObject({ mixlab: z.string(), node: z.string() }),
  git: z.object({ commit: z.string(), dirty: z.boolean().optional() }).optional(),
  /** The experiment script's path. */
  script: z.string().optional(),
  /** The command line that started it. */
  command: z.array(z.string()).optional(),
  /** The recording of calls to language models, where it is not the folder `calls` of the run or its parent. */
  calls: z.string().optional(),
  /** The run whose calls it replays. */
  replays: z.string().optional(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  finishedAt: z.string().optional(),
  /** The parent run's id. */
  parent: z.string().optional(),
  index: z.number().optional(),
  total: z.number().optional(),
  process: z.object({ pid: z.number(), host: z.string(), started: z.string().optional() }),
})

export type RunFile = z.output<typeof runFile>

/**
 * Reads `run.json` in a run directory as it stands: one that was killed still says "running".
 * @throws MixlabError when it is not a run, is corrupt, or has another format.
 */
export async function readRunFile(path: string): Promise<RunFile> {
  const file = join(path, 'run.json')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) {
    throw new MixlabError(
      `${path} is not a run directory: there is no run.json in it (mixlab runs list shows what there is)`,
      {
        code: 'not-a-run',
      },
    )
  }
  let data: unknown
  try {
    data = fromJson(text)
  } catch (cause) {
    throw new MixlabError(`${file} is corrupt: it is not JSON`, { code: 'corrupt-run', cause })
  }
  const format = typeof data === 'object' && data !== null && 'format' in data ? data.format : undefined
  if (format !== RUN_FORMAT) {
    const found = typeof format === 'number' ? `format ${format}` : 'no format number'
    throw new MixlabError(
      `${path} was written by another version of mixlab (${found}; this one reads format ${RUN_FORMAT}): use that version, or start a new run`,
      { code: 'run-format' },
    )
  }
  const parsed = runFile.safeParse(data)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new MixlabError(`${file} is corrupt: ${issue?.path.join('.')}: ${issue?.message}`, { code: 'corrupt-run' })
  }
  return parsed.data
}
