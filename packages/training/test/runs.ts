// Training runs for tests: real ones, of the lab, in a folder that goes away with the test.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventOf, EventType, RunContext, RunEvent } from '@mixlab/core'
import type { Corpus } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { onTestFinished } from 'vitest'
import { defineExperiment, runExperiment } from '../../lab/src/index.ts'
import { train, type TrainingOptions, type TrainingResult } from '../src/index.ts'
import { corpus as usual, denseModel } from './tiny.ts'

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-training-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Plan {
  readonly config: NonNullable<TrainingOptions['config']>
  readonly model?: () => LanguageModel
  readonly corpus?: Corpus
  readonly precision?: string
  /** The folder of an earlier run to go on from. */
  readonly resume?: string
  /** Changes what the trainer is told about its run. */
  readonly amend?: (run: RunContext) => RunContext
  /** Interrupts the run, as Ctrl-C does, when this says so. */
  readonly interruptAt?: (type: EventType, data: object) => boolean
  /** Is given the model after training. */
  readonly after?: (model: LanguageModel) => void | Promise<void>
  /** Is called when training has failed, before the model is disposed of. */
  readonly failed?: () => void
}

export interface Trained {
  readonly path: string
  readonly status: 'finished' | 'interrupted' | 'failed'
  /** Absent unless finished. */
  readonly result?: TrainingResult
  readonly error?: unknown
  /** In order; `run.started` and `run.finished` left out. */
  readonly events: readonly RunEvent[]
}

/** Defaults of the trainer for tests: nothing happens between the first step and the last. */
export const quiet = {
  steps: 6,
  batchSize: 2,
  evaluation: { every: null, batches: 2 },
  checkpoint: { every: null },
  log: { every: 100 },
}

export async function trainIn(plan: Plan): Promise<Trained> {
  const events: RunEvent[] = []
  const controller = new AbortController()
  let path = ''
  let result: TrainingResult | undefined
  const experiment = defineExperiment({
    name: 'training-test',
    async run(given) {
      const run: RunContext = {
        ...given,
        emit: (type, data) => {
          given.emit(type, data)
          if (plan.interruptAt?.(type, data)) controller.abort()
        },
      }
      using model = (plan.model ?? denseModel)()
      const options = { model, corpus: plan.corpus ?? usual, config: plan.config }
      try {
        result = await train(plan.amend?.(run) ?? run, options)
      } catch (error) {
        plan.failed?.()
        throw error
      }
      await plan.after?.(model)
      return result
    },
  })
  const options = {
    engine: 'cpu',
    ...(plan.resume === undefined ? { runs: temporaryFolder() } : { resume: plan.resume }),
    ...(plan.precision !== undefined && { precision: plan.precision }),
    signal: controller.signal,
    sinks: [{ name: 'test', mustKeep: true, write: (batch: readonly RunEvent[]) => void events.push(...batch) }],
    onStart: (run: { readonly path: string }) => void (path = run.path),
  }
  const inside = () => events.filter(({ type }) => type !== 'run.started' && type !== 'run.finished')
  try {
    const { status } = await runExperiment(experiment, options)
    return { path, status, ...(result && status === 'finished' && { result }), events: inside() }
  } catch (error) {
    return { path, status: 'failed', error, events: inside() }
  }
}

export const eventsOf = <T extends EventType>({ events }: Pick<Trained, 'events'>, type: T): EventOf<T>[] =>
  events.filter((event): event is RunEvent & EventOf<T> => event.type === type)

/** `type` or `type@step` of each event. */
export const outline = ({ events }: Pick<Trained, 'events'>): string[] =>
  events.map((event) => ('step' in event ? `${event.type}@${event.step}` : event.type))

/** The names of a run's checkpoints, and whatever else is beside them. */
export const checkpointNames = (path: string): string[] =>
  existsSync(join(path, 'checkpoints')) ? readdirSync(join(path, 'checkpoints')).toSorted() : []

/** The files of a run's last checkpoint, by name. */
export function lastCheckpoint(path: string): Record<string, Buffer> {
  const folder = join(path, 'checkpoints', checkpointNames(path).at(-1)!)
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))
}

/** The float32 tensors in a safetensors file, by name: a length, a JSON header, the values. */
export function tensorsIn(file: Buffer): Map<string, Float32Array> {
  const start = 8 + Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, { data_offsets: [number, number] }>
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    entries.map(
      ([
        name,
        {
          data_offsets: [from, to],
        },
      ]) => {
        const values = Float32Array.from({ length: (to - from) / 4 }, (_, i) => file.readFloatLE(start + from + 4 * i))
        return [name, values]
      },
    ),
  )
}
