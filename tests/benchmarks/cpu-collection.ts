// What the benchmark's processes measured, one run after the other, as samples of one form.
import { type Isa, isaOf, type Measurement, type PeerFigure, runOurs, runPeer, skipKey } from './cpu-processes.ts'
import type { Sample } from './cpu-report.ts'
import type { Outcome } from './cpu-workloads.ts'
import type { Precision } from './operations.ts'
import { workloadNames as workloads } from './workload-names.ts'

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
    return figure.value === undefined || (figure.unit === 'ms' && figure.value > 3 * best)
  }
  return figures.filter(slow).map(skipKey)
}

/** Collects one run after the other. */
export class Collection {
  readonly samples: Sample[] = []
  readonly unavailable = new Set<string>()
  readonly versions: Record<string, unknown> = {}
  /** By thread count and workload: PyTorch's variants that no other round needs, since they failed or were far from the best. */
  readonly #done = new Map<string, string[]>()

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
    for (const name of workloads.filter((each) => only.length === 0 || only.includes(each))) {
      const unit = name.startsWith('matmul') ? 'GFLOP/s' : 'ms'
      this.samples.push({ side: 'mixlab', ...setting, name, unit, failed: reason })
    }
  }

  async peer(python: string, precision: Precision, measurement: Measurement): Promise<void> {
    const { threads, only } = measurement
    const done = [threads, precision, ...only].join(' ')
    const outcome = await runPeer(python, [precision], measurement, this.#done.get(done) ?? [])
    if (typeof outcome === 'string') return void this.unavailable.add(`PyTorch, threads ${threads}: ${outcome}`)
    this.versions['pytorch'] = outcome.versions
    if (!this.#done.has(done)) this.#done.set(done, hopeless(outcome.figures))
    const side = 'pytorch'
    for (const { workload: name, variant: how, ...rest } of outcome.figures)
      this.samples.push({ side, how, name, threads, ...rest })
    for (const name of ['copy', 'read'] as const) {
      const value = outcome.bandwidth[name]
      this.samples.push({ side, how: 'eager', precision: 'float32', threads, name, unit: 'GB/s', value })
    }
  }
}
