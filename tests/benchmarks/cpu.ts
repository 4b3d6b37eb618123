// `pnpm bench cpu`: our engine and its peer take turns in the same run, so that a ratio is of figures taken minutes apart
// at most. Each side, thread count, precision and set of instructions has a process of its own. What is printed is in
// cpu-tables.ts; the JSON's layout is `Report` in cpu-report.ts, each field described where it is declared:
//   rows            ours, by isa, precision, threads, workload, beside PyTorch's best, with floor, ratio, speed-up
//   pytorch         every variant of PyTorch's, or why it failed
//   machineFigures  best product, copy and read bandwidth, by precision and threads
//   bounds          the required figures, their values, whether they are met
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import {
  findPeer,
  type Isa,
  isaOf,
  isas,
  type Measurement,
  type PeerFigure,
  runOurs,
  runPeer,
  skipKey,
} from './cpu-processes.ts'
import { reportOf, type Sample } from './cpu-report.ts'
import { printReport } from './cpu-tables.ts'
import type { Outcome } from './cpu-workloads.ts'
import { matrixSizes, type Precision } from './operations.ts'
import { steps } from './steps.ts'

const here = import.meta.dirname
const workloads = [...matrixSizes.map((size) => `matmul-${size}`), ...Object.keys(steps), 'decode']
const precisions: readonly Precision[] = ['float32', 'bf16']

const usage = `pnpm bench cpu [options]
  --peer             run the same in PyTorch where a python3 with torch is found (or MIXLAB_PEER_PYTHON):
                     eager and compiled, Hugging Face's with each of its implementations of experts; variants that
                     fail or take twice the best's time are run in the first round only
  --threads LIST     thread counts to measure (default 1,2 where there are two cores)
  --precisions LIST  ${precisions.join(', ')} (default both; what an engine lacks is said to be not available)
  --isa LIST         instructions that our engine may use: ${isas.join(', ')} (default best: what it finds)
  --rounds N         processes a workload and thread count; medians are taken over them (default 3)
  --repeats N        timed steps a process (default 10)
  --only LIST        workloads: ${workloads.join(', ').replace('plain-', '\n                     plain-')}
  --out FILE         where the JSON goes (default docs/benchmarks/cpu.json)`

/** The items of a comma-separated option. @throws Error on one that is not known */
function listOf<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  const items = given.split(',').filter(Boolean)
  const bad = items.find((item) => !known.includes(item as T))
  if (bad !== undefined) throw new Error(`--${option}: there is no "${bad}". Known: ${known.join(', ')}.`)
  return items as T[]
}

type Setting = Pick<Sample, 'how' | 'precision' | 'threads'>

function samplesOf({ figures, machine }: Outcome, setting: Setting): Sample[] {
  const common = { side: 'mixlab', ...setting } as const
  const samples: Sample[] = figures.map(({ workload: name, unit, value }) => ({ ...common, name, unit, value }))
  if (!machine) return samples
  const { products, copy, read } = machine
  for (const [shape, value] of Object.entries(products))
    samples.push({ ...common, name: shape, unit: 'GFLOP/s', value })
  return [
    ...samples,
    { ...common, name: 'copy', unit: 'GB/s', value: copy },
    { ...common, name: 'read', unit: 'GB/s', value: read },
  ]
}

function hopeless(figures: readonly PeerFigure[]): string[] {
  const competing = (figure: PeerFigure) =>
    figures.filter(({ workload, precision }) => workload === figure.workload && precision === figure.precision)
  const slow = (figure: PeerFigure) => {
    const best = Math.min(...competing(figure).flatMap(({ value }) => value ?? []))
    return figure.value === undefined || (figure.unit === 'ms' && figure.value > 2 * best)
  }
  return figures.filter(slow).map(skipKey)
}

/** Collects one run after the other. */
class Collection {
  readonly samples: Sample[] = []
  readonly unavailable = new Set<string>()
  readonly versions: Record<string, unknown> = {}
  /** By thread count: PyTorch's variants that no other round needs, since they failed or took twice the best's time. */
  readonly #done = new Map<number, string[]>()

  async ours(isa: Isa, precision: Precision, measurement: Measurement): Promise<void> {
    const { threads } = measurement
    const outcome = await runOurs(isa, precision, measurement)
    if (typeof outcome === 'string')
      return void this.unavailable.add(`mixlab ${isa}, ${precision}, threads ${threads}: ${outcome}`)
    const ran = isaOf(outcome.engine)
    this.versions[`mixlab ${ran}`] = outcome.engine
    if (isa !== 'best' && ran !== isa)
      return void this.unavailable.add(`mixlab ${isa}: the engine ran ${outcome.engine['kernels']}`)
    const setting = { how: ran, precision, threads }
    if (outcome.unavailable !== undefined) this.#lack(outcome.unavailable, setting, measurement.only)
    this.samples.push(...samplesOf(outcome, setting))
  }

  /** Workloads stay in the table without a figure. */
  #lack(reason: string, setting: Setting, only: readonly string[]): void {
    this.unavailable.add(`mixlab ${setting.precision}: ${reason}`)
    for (const name of only.length > 0 ? only : workloads) {
      const unit = name.startsWith('matmul') ? 'GFLOP/s' : 'ms'
      this.samples.push({ side: 'mixlab', ...setting, name, unit, failed: reason })
    }
  }

  async peer(python: string, wanted: readonly Precision[], measurement: Measurement): Promise<void> {
    const { threads } = measurement
    const outcome = await runPeer(python, wanted, measurement, this.#done.get(threads) ?? [])
    if (typeof outcome === 'string') return void this.unavailable.add(`PyTorch, threads ${threads}: ${outcome}`)
    this.versions['pytorch'] = outcome.versions
    if (!this.#done.has(threads)) this.#done.set(threads, hopeless(outcome.figures))
    const side = 'pytorch'
    for (const { workload: name, variant: how, ...rest } of outcome.figures)
      this.samples.push({ side, how, name, threads, ...rest })
    for (const name of ['copy', 'read'] as const) {
      const value = outcome.bandwidth[name]
      this.samples.push({ side, how: 'eager', precision: 'float32', threads, name, unit: 'GB/s', value })
    }
  }
}

export async function benchCpu(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      threads: { type: 'string', default: availableParallelism() > 1 ? '1,2' : '1' },
      precisions: { type: 'string', default: precisions.join(',') },
      isa: { type: 'string', default: 'best' },
      rounds: { type: 'string', default: '3' },
      repeats: { type: 'string', default: '10' },
      only: { type: 'string', default: '' },
      out: { type: 'string', default: join(here, '../../docs/benchmarks/cpu.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const wanted = listOf('precisions', values.precisions, precisions)
  const instructions = listOf('isa', values.isa, isas)
  const only = listOf('only', values.only, workloads)
  const [rounds, repeats] = [Number(values.rounds), Number(values.repeats)]
  const python = values.peer ? findPeer() : undefined
  if (values.peer && !python)
    console.log('No peer: no python3 with torch and transformers was found (set MIXLAB_PEER_PYTHON to one).')
  const collection = new Collection()
  for (let round = 1; round <= rounds; round++) {
    for (const threads of values.threads.split(',').map(Number)) {
      const measurement = { threads, repeats, only }
      const progress = (what: string) =>
        process.stderr.write(`round ${round} of ${rounds}, ${threads} thread${threads > 1 ? 's' : ''}, ${what} …\n`)
      for (const isa of instructions) {
        for (const precision of wanted) {
          progress(`mixlab (${isa}), ${precision}`)
          await collection.ours(isa, precision, measurement)
        }
      }
      if (!python) continue
      progress('PyTorch')
      await collection.peer(python, wanted, measurement)
    }
  }
  const { samples, versions, unavailable } = collection
  const report = reportOf({ samples, versions, unavailable: [...unavailable], rounds, repeats })
  printReport(report)
  mkdirSync(dirname(values.out), { recursive: true })
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`Written to ${relative(process.cwd(), values.out)}`)
}
