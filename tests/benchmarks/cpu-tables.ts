// The CPU benchmark's report for a terminal of 120 columns.
import { table } from '@mixlab/cli'
import type { Bound } from './cpu-bounds.ts'
import type { Best, Figure, MachineRow, Report, Row } from './cpu-report.ts'

/** Three significant digits or so. */
const shown = (value: number | null | undefined): string =>
  value === null || value === undefined ? '-' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)

const of = (threads: number) => `${threads} thread${threads === 1 ? '' : 's'}`

const groups = <T>(items: readonly T[], key: (item: T) => string): [string, T[]][] => [...Map.groupBy(items, key)]

const title = (text: string, body: string) => `\n${text}\n\n${body}`

function oursTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.workload,
    row.unit === 'ms' && row.workload === 'decode' ? 'ms/token' : row.unit,
    String(row.threads),
    row.mixlab === null ? 'n/a' : shown(row.mixlab),
    shown(row.pytorch),
    row.variant ?? '-',
    shown(row.ratio),
    shown(row.floor?.milliseconds),
    shown(row.overFloor),
    shown(row.speedUp),
  ])
  const heading = [
    'workload',
    'unit',
    'threads',
    'mixlab',
    'PyTorch',
    'its best variant',
    'ratio',
    'floor, ms',
    '× floor',
    'speed-up',
  ]
  return table(heading, lines)
}

/** One line a variant, one column a thread count; * marks the best. */
function variantsTable(figures: Report['pytorch']): string {
  const counts = [...new Set(figures.map(({ threads }) => threads))]
  // The two mixtures have one peer.
  const both = figures.some(({ name }) => name === 'mixture-step')
  const apart = figures.filter(({ name }) => !(both && name === 'plain-mixture-step'))
  const lines = groups(apart, ({ name, how }) => `${name}|${how}`).map(([, group]) => [
    group[0]!.name,
    group[0]!.unit,
    group[0]!.how,
    ...counts.map((threads) => {
      const figure = group.find((each) => each.threads === threads)
      return figure?.value === null ? ' failed' : `${shown(figure?.value).padStart(7)}${figure?.best ? ' *' : ''}`
    }),
  ])
  return table(['workload', 'unit', 'variant', ...counts.map(of)], lines)
}

const failures = (figures: readonly Figure[]): string[] => [
  ...new Set(
    figures
      .filter(({ value }) => value === null)
      .map(({ name, how, precision, failed }) => `${name}, ${precision}, ${how}: ${failed}`),
  ),
]

const best = (name: string, unit: string, figure: Best | null): string =>
  figure ? `${name} ${shown(figure.value)} ${unit} (${figure.by})` : `${name} -`

const machineLine = ({ threads, product, copy, read }: MachineRow): string =>
  `${of(threads)}: ${best('product', 'GFLOP/s', product)}\n  ${best('copy', 'GB/s', copy)}, ${best('read', 'GB/s', read)}`

/** Operations, bytes and what they take; the same for all instructions. */
function floorsTable(rows: readonly Row[], machine: readonly MachineRow[]): string {
  const counts = [...new Set(rows.map(({ threads }) => threads))]
  const lines = groups(rows, ({ workload }) => workload).map(([workload, group]) => [
    workload,
    shown((group[0]!.floor?.operations ?? Number.NaN) / 1e9),
    shown((group[0]!.floor?.bytes ?? Number.NaN) / 1e6),
    ...counts.flatMap((count) => {
      const floor = group.find(({ threads }) => threads === count)?.floor
      return [shown(floor?.computeMilliseconds), shown(floor?.memoryMilliseconds)]
    }),
  ])
  const heading = [
    'workload',
    'GFLOP',
    'MB',
    ...counts.flatMap((count) => [`products, ${of(count)}`, `memory, ${of(count)}`]),
  ]
  return `${table(heading, lines)}\n${machine.map(machineLine).join('\n')}`
}

function boundsTable(bounds: readonly Bound[]): string {
  const columns = [...new Set(bounds.map(({ isa, threads }) => `${isa} ${threads}`))]
  const lines = groups(bounds, ({ workload }) => workload).map(([workload, group]) => {
    const { quantity, limit, atLeast } = group[0]!
    const verdict = group.find(({ met }) => met !== null)?.met
    return [
      workload,
      `${atLeast ? '≥' : '≤'} ${limit} × ${quantity}`,
      ...columns.map((column) => shown(group.find(({ isa, threads }) => `${isa} ${threads}` === column)?.value)),
      verdict === undefined ? '-' : verdict ? 'met' : 'missed',
    ]
  })
  return table(['workload', 'bound', ...columns, 'verdict'], lines)
}

export function printReport(report: Report): void {
  const { rows, pytorch, machineFigures, bounds, unavailable } = report
  for (const [, group] of groups(rows, ({ isa, precision }) => `${isa}|${precision}`)) {
    const { isa, precision } = group[0]!
    console.log(title(`mixlab (${isa}) beside PyTorch, ${precision}`, oursTable(group)))
  }
  for (const [precision, group] of groups(pytorch, (figure) => figure.precision)) {
    console.log(title(`PyTorch's variants, ${precision}; * is the best`, variantsTable(group)))
    if (group.some(({ less }) => less))
      console.log('bf16 operands: rounded before the clock starts, which ours are not')
    for (const failure of failures(group)) console.log(`failed: ${failure}`)
  }
  for (const [precision, group] of groups(rows, (row) => row.precision)) {
    const machine = machineFigures.filter((row) => row.precision === precision)
    console.log(title(`Floors, ms, ${precision}`, floorsTable(group, machine)))
  }
  for (const [precision, group] of groups(bounds, (bound) => bound.precision))
    console.log(title(`Bounds, ${precision} (columns: instructions, threads)`, boundsTable(group)))
  const { load } = report.machine
  if (load > 0.5) {
    console.log(
      `\nThe machine was busy with something else (load ${shown(load)} at the start): do not trust these figures.`,
    )
  }
  if (unavailable.length > 0) console.log(`\nNot available:\n${unavailable.map((line) => `  ${line}`).join('\n')}`)
  console.log(
    '\nratio = mixlab / PyTorch: for GFLOP/s higher is better, for ms lower. floor = the larger of operations over the best\n' +
      'product and bytes over the bandwidth. speed-up = over the 470 ms a step of the 4-layer plain mixture on tfjs-node.',
  )
}
