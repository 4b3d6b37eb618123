// From single measurements to the benchmark's JSON, whose layout is `Report`. All values are medians over the rounds.
import { availableParallelism, cpus } from 'node:os'
import { type Bound, boundsOf } from './cpu-bounds.ts'
import type { Isa } from './cpu-processes.ts'
import { type Precision, type Work, workOf } from './operations.ts'
import { median } from './timing.ts'

/** One measurement of one round. */
export interface Sample {
  readonly side: 'mixlab' | 'pytorch'
  /** mixlab: the instructions that ran. PyTorch: the variant. */
  readonly how: string
  readonly precision: Precision
  readonly threads: number
  /** Or `product …`, `copy`, `read`: what the machine can do. */
  readonly name: string
  readonly unit: 'GFLOP/s' | 'GB/s' | 'ms'
  readonly value?: number
  readonly failed?: string
  /** Less work than ours: shown, and never the best. */
  readonly less?: boolean
}

export type Figure = Omit<Sample, 'value'> & { readonly value: number | null }

/** The best of all, and whose it is. */
export interface Best {
  readonly value: number
  readonly by: string
}

export interface MachineRow {
  readonly precision: Precision
  readonly threads: number
  /** GFLOP/s. */
  readonly product: Best | null
  /** GB/s, reads and writes counted. */
  readonly copy: Best | null
  readonly read: Best | null
}

export interface Floor extends Work {
  readonly computeMilliseconds: number
  readonly memoryMilliseconds: number
  /** The larger of the two. */
  readonly milliseconds: number
}

export interface Row {
  readonly isa: Isa
  readonly precision: Precision
  readonly threads: number
  readonly workload: string
  /** Decoding's milliseconds are of a token. */
  readonly unit: Sample['unit']
  readonly mixlab: number | null
  /** The best of PyTorch's variants at this precision. */
  readonly pytorch: number | null
  readonly variant: string | null
  /** mixlab / pytorch: for GFLOP/s higher is better, for ms lower is. */
  readonly ratio: number | null
  readonly floor: Floor | null
  /** Our time over the floor's. */
  readonly overFloor: number | null
  /** Of the 4-layer mixture: 470 ms a step on tfjs-node, over ours. */
  readonly speedUp: number | null
}

export interface Report {
  readonly date: string
  /** `load`: the average number of running processes in the minute before, which should be near 0. */
  readonly machine: { readonly cpu: string | undefined; readonly cores: number; readonly load: number }
  readonly node: string
  readonly rounds: number
  readonly repeats: number
  readonly versions: Readonly<Record<string, unknown>>
  /** What was asked for and could not be measured. */
  readonly unavailable: readonly string[]
  readonly machineFigures: readonly MachineRow[]
  readonly rows: readonly Row[]
  /** Each of PyTorch's variants; `best` at its precision and threads. */
  readonly pytorch: readonly (Figure & { readonly best: boolean })[]
  readonly bounds: readonly Bound[]
}

export interface Gathered {
  readonly samples: readonly Sample[]
  readonly unavailable: readonly string[]
  readonly versions: Readonly<Record<string, unknown>>
  readonly rounds: number
  readonly repeats: number
  readonly load: number
}

/** The 4-layer plain mixture on tfjs-node, as measured before there was an engine of our own. */
const tfjsNodeMilliseconds = 470

const higherIsBetter = (unit: Sample['unit']): boolean => unit !== 'ms'

function medians(samples: readonly Sample[]): Figure[] {
  const groups = Map.groupBy(samples, ({ side, how, precision, threads, name }) =>
    [side, how, precision, threads, name].join('|'),
  )
  return [...groups.values()].map((group) => {
    const values = group.flatMap(({ value }) => value ?? [])
    return { ...group[0]!, value: values.length > 0 ? median(values) : null }
  })
}

function bestOf(figures: readonly Figure[]): Figure | undefined {
  const measured = figures.filter(({ value }) => value !== null)
  return measured.reduce<Figure | undefined>((best, figure) => {
    const better = best === undefined || (higherIsBetter(figure.unit) ? 1 : -1) * (figure.value! - best.value!) > 0
    return better ? figure : best
  }, undefined)
}

const named = (figure: Figure | undefined): Best | null =>
  figure
    ? {
        value: figure.value!,
        by: [figure.side, figure.how, figure.unit === 'GB/s' ? '' : figure.name].join(' ').trim(),
      }
    : null

/** The machine's best, whoever got it there and with whatever instructions. */
function machineRow(figures: readonly Figure[], precision: Precision, threads: number): MachineRow {
  const here = figures.filter((figure) => figure.threads === threads)
  const bandwidth = (name: string) => named(bestOf(here.filter((figure) => figure.name === name)))
  const products = here.filter((figure) => figure.precision === precision && figure.unit === 'GFLOP/s')
  return { precision, threads, product: named(bestOf(products)), copy: bandwidth('copy'), read: bandwidth('read') }
}

function floorOf(workload: string, { precision, product, ...bandwidth }: MachineRow): Floor | null {
  const work = workOf(workload, precision)
  const speed = work && bandwidth[work.bandwidth]
  if (!work || !product || !speed) return null
  const computeMilliseconds = work.operations / product.value / 1e6
  const memoryMilliseconds = work.bytes / speed.value / 1e6
  const milliseconds = Math.max(computeMilliseconds, memoryMilliseconds)
  return { ...work, computeMilliseconds, memoryMilliseconds, milliseconds }
}

export function reportOf({ samples, rounds, repeats, load, versions, unavailable }: Gathered): Report {
  const figures = medians(samples)
  const workloads = figures.filter(({ name, precision }) => workOf(name, precision) !== undefined)
  const peers = workloads.filter(({ side }) => side === 'pytorch')
  const comparable = peers.filter(({ less }) => !less)
  const ours = workloads.filter(({ side }) => side === 'mixlab')
  const settings = [...Map.groupBy(workloads, ({ precision, threads }) => `${precision}|${threads}`).values()]
  const machineFigures = settings.map(([first]) => machineRow(figures, first!.precision, first!.threads))
  const peerOf = ({ name, precision, threads }: Figure) =>
    bestOf(comparable.filter((peer) => peer.name === name && peer.precision === precision && peer.threads === threads))
  const rows = ours.map((figure): Row => {
    const { how, precision, threads, name: workload, unit, value: mixlab } = figure
    const peer = peerOf(figure)
    const machine = machineFigures.find((row) => row.precision === precision && row.threads === threads)!
    const floor = floorOf(workload, machine)
    const milliseconds =
      mixlab === null ? null : unit === 'ms' ? mixlab : workOf(workload, precision)!.operations / mixlab / 1e6
    return {
      isa: how as Isa,
      precision,
      threads,
      workload,
      unit,
      mixlab,
      pytorch: peer?.value ?? null,
      variant: peer?.how ?? null,
      ratio: mixlab !== null && peer ? mixlab / peer.value! : null,
      floor,
      overFloor: milliseconds !== null && floor ? milliseconds / floor.milliseconds : null,
      speedUp: mixlab !== null && workload.endsWith('mixture-step') ? tfjsNodeMilliseconds / mixlab : null,
    }
  })
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), load },
    node: process.version,
    rounds,
    repeats,
    versions,
    unavailable,
    machineFigures,
    rows,
    pytorch: peers.map((figure) => ({ ...figure, best: peerOf(figure) === figure })),
    bounds: boundsOf(rows),
  }
}
