// TensorBoard's event files, in `tensorboard/` of each run directory, so that `tensorboard --logdir runs` finds all runs
// under their own names: scalars, histograms and pictures of the members' load, evaluators' matrices, the configuration as
// text, and the hyper-parameter plug-in's start and end.
import { rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { RunEvent } from '@mixlab/core'
import { defineTracker, parametersOf, pointsOf, type TrackedRun } from '@mixlab/tracking'
import { appendAt } from './append-file.ts'
import { experiment, type HyperparameterType, sessionEnd, sessionStart, typeOf } from './tensorboard/hparams.ts'
import { loadMaps } from './tensorboard/load-map.ts'
import { heatMap } from './tensorboard/png.ts'
import { event as record, opening } from './tensorboard/records.ts'
import { histogram, image, markdown, scalar } from './tensorboard/summaries.ts'

/** What is kept with the cursor. */
interface State {
  /** Of the event file. */
  name?: string
  bytes?: number
  lastStep?: number
  ended?: string | undefined
  /** Of the outermost run: what it and its children have. */
  parameters?: Record<string, HyperparameterType>
  metrics?: string[]
}

const stateOf = (run: TrackedRun): State => run.state
const outermost = (run: TrackedRun): TrackedRun => (run.parent ? outermost(run.parent) : run)
const folderOf = (run: TrackedRun): string => join(run.directory, 'tensorboard')

const parametersIn = ({ file }: TrackedRun): [string, string][] => [
  ['seed', String(file.seed)],
  ...parametersOf(file.config),
]

const cell = (value: string): string => value.replaceAll('|', '\\|').replaceAll('\n', ' ')

const tableOf = (parameters: readonly (readonly [string, string])[]): string =>
  [
    '| parameter | value |',
    '| --- | --- |',
    ...parameters.map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`),
  ].join('\n')

/** What stands at the beginning of a run's event file. */
function beginning(run: TrackedRun): Buffer[] {
  const { file } = run
  const start = Date.parse(file.startedAt)
  const parameters = parametersIn(run)
  const about = file.summary === undefined ? '' : `${file.summary}\n\n`
  return [
    opening(start),
    record(start, 0, sessionStart(parameters, file.id, start)),
    record(start, 0, markdown('configuration', about + tableOf(parameters))),
  ]
}

function recordsOf(event: RunEvent): Buffer[] {
  const records = pointsOf(event).map(({ key, value, step, time }) => record(time, step, scalar(key, value)))
  if (event.type === 'mixture.routing') {
    // 1 is a member's even share, whatever the number of members.
    const relative = event.load.map((share) => share * event.load.length)
    records.push(record(event.time, event.step, histogram(`routing/${event.layer}/load`, relative)))
  }
  if (event.type === 'eval.result') {
    for (const [name, { values }] of Object.entries(event.matrices ?? {}))
      records.push(record(event.time, event.step, image(`${event.evaluator}/${name}-map`, heatMap(values))))
  }
  return records
}

/** Notes in the outermost run's state what the hyper-parameter page has to list. */
function note(run: TrackedRun, keys: Iterable<string>): void {
  const state = stateOf(outermost(run))
  state.parameters = {
    ...state.parameters,
    ...Object.fromEntries(parametersIn(run).map(([name, value]) => [name, typeOf(value)])),
  }
  state.metrics = [...new Set([...(state.metrics ?? []), ...keys])].toSorted()
}

async function append(run: TrackedRun, records: readonly Buffer[]): Promise<void> {
  const state = stateOf(run)
  state.bytes = await appendAt(join(folderOf(run), state.name!), state.bytes ?? 0, Buffer.concat(records))
}

export const tensorboard = defineTracker({
  name: 'tensorboard',
  summary: 'Event files in tensorboard/ of the run directory: tensorboard --logdir runs',
  source: 'https://www.tensorflow.org/tensorboard',
  create: () => ({
    target: 'the run directory',
    async write(run, events, { continuity }) {
      const state = stateOf(run)
      const records = events.flatMap(recordsOf)
      if (continuity === 'restarts') {
        // Another name: a TensorBoard that reads the old file would not see it begin anew.
        await rm(folderOf(run), { recursive: true, force: true })
        state.name = `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}.${run.key.slice(0, 8)}`
        state.bytes = 0
        records.unshift(...beginning(run))
      }
      note(run, new Set(events.flatMap(pointsOf).map(({ key }) => key)))
      if (records.length > 0) await append(run, records)
      state.lastStep = events.reduce(
        (last, event) => Math.max(last, 'step' in event && typeof event.step === 'number' ? event.step : 0),
        state.lastStep ?? 0,
      )
      state.ended = undefined
    },
    async end(run) {
      const state = stateOf(run)
      const { status, finishedAt, experiment: name, startedAt } = run.file
      if (state.ended === status || state.name === undefined) return
      const time = finishedAt === undefined ? run.lastTime : Date.parse(finishedAt)
      const step = state.lastStep ?? 0
      const maps = [...(await loadMaps(run.events()))].map(([layer, values]) =>
        record(time, step, image(`routing/${layer}/load-map`, heatMap(values))),
      )
      const { parameters = {}, metrics = [] } = state
      const all = run.parent
        ? []
        : [record(time, 0, experiment({ name, created: Date.parse(startedAt), parameters, metrics }))]
      await append(run, [...maps, ...all, record(time, step, sessionEnd(status, time))])
      state.ended = status
    },
  }),
})
