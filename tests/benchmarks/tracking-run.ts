// One run of the tracking benchmark, in a process of its own: trains a small mixture until it is told to end, and says on
// request how far it is.
import type { RunEvent } from '@mixlab/core'
import { loadCorpus } from '@mixlab/data'
import { defineExperiment, runExperiment } from '@mixlab/lab'
import { createTransformer, transformerConfig } from '@mixlab/nn'
import { train } from '@mixlab/training'

export interface TrackingOrder {
  readonly runs: string
  /** Of the MLflow server; null: untracked. */
  readonly uri: string | null
}

/** A step's end: its number, its time in milliseconds, and the process's time on processors in seconds. */
export interface Mark {
  readonly step: number
  readonly time: number
  readonly cpu: number
}

/** `mark` asks for the next step's end; `end` ends the run. */
export type Demand = 'mark' | 'end'

export type Report = { readonly mark: Mark } | { readonly path: string }

const { runs, uri } = JSON.parse(process.argv[2]!) as TrackingOrder
const ended = new AbortController()
let asked = false

const report = (what: Report) => void process.send!(what)

process.on('message', (demand: Demand) => {
  if (demand === 'end') ended.abort()
  else asked = true
})
process.once('disconnect', () => process.exit())

function watch(events: readonly RunEvent[]): void {
  const last = events.findLast((event) => event.type === 'train.step')
  if (!asked || last?.type !== 'train.step') return
  asked = false
  const { user, system } = process.cpuUsage()
  report({ mark: { step: last.step, time: last.time, cpu: (user + system) / 1e6 } })
}

const tracked = defineExperiment({
  name: 'tracked',
  sinks: [{ name: 'stopwatch', write: watch }],
  async run(run) {
    const corpus = await loadCorpus({ data: 'default' })
    const config = transformerConfig.parse({ layers: 2, width: 64, contextLength: 64, mixture: { router: 'top-k' } })
    const { plugins } = run
    using model = createTransformer(config, { vocabulary: corpus.tokenizer.size, rng: run.rng.stream('init'), plugins })
    const every = { log: { every: 1 }, evaluation: { every: null }, checkpoint: { every: 200 } }
    await train(run, { model, corpus, config: { steps: 1_000_000, batchSize: 8, ...every } })
  },
})

const { path } = await runExperiment(tracked, {
  runs,
  track: uri === null ? [] : [{ name: 'mlflow', uri, artifacts: false }],
  trackSeconds: 1,
  signal: ended.signal,
})
report({ path })
process.disconnect()
process.exit()
