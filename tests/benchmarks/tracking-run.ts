// One run of the tracking benchmark, in a process of its own: trains a small mixture for some seconds and prints how many
// steps it made, in how long, and for how much of its process's time on processors.
import type { RunEvent } from '@mixlab/core'
import { loadCorpus } from '@mixlab/data'
import { defineExperiment, runExperiment } from '@mixlab/lab'
import { createTransformer, transformerConfig } from '@mixlab/nn'
import { train } from '@mixlab/training'

export interface TrackingOrder {
  readonly runs: string
  /** Of the MLflow server; null: untracked. */
  readonly uri: string | null
  /** Before the measurement begins, and how long it is. */
  readonly warmSeconds: number
  readonly seconds: number
}

export interface TrackingOutcome {
  /** The run directory. */
  readonly path: string
  readonly steps: number
  readonly seconds: number
  readonly cpuSeconds: number
}

const { runs, uri, warmSeconds, seconds } = JSON.parse(process.argv[2]!) as TrackingOrder

interface Mark {
  readonly step: number
  readonly time: number
  readonly cpu: NodeJS.CpuUsage
}

const ended = new AbortController()
let first: number | undefined
let [begin, end]: (Mark | undefined)[] = []

/** Marks the first step after the warm-up, and the first after the measurement. */
function watch(events: readonly RunEvent[]): void {
  for (const event of events) {
    if (event.type !== 'train.step') continue
    const { step, time } = event
    first ??= time
    const mark = { step, time, cpu: process.cpuUsage() }
    if (!begin && time - first >= 1000 * warmSeconds) begin = mark
    else if (begin && !end && time - begin.time >= 1000 * seconds) {
      end = mark
      ended.abort()
    }
  }
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
const user = end!.cpu.user - begin!.cpu.user
const system = end!.cpu.system - begin!.cpu.system
const outcome: TrackingOutcome = {
  path,
  steps: end!.step - begin!.step,
  seconds: (end!.time - begin!.time) / 1000,
  cpuSeconds: (user + system) / 1e6,
}
process.stdout.write(`${JSON.stringify(outcome)}\n`)
process.exit()
