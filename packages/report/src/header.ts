// The head of the page: what was asked, what was found in a paragraph, and the facts one needs to trust it.
import type { RunRecord } from '@mixlab/lab'
import type { Arm } from './arms.ts'
import { bytes, date, duration, ellipsis, short } from './format.ts'
import { html, type Markup } from './html.ts'
import { median, type RunSeries } from './series.ts'

export interface Overview {
  /** The runs that the reader gave. */
  readonly roots: readonly RunRecord[]
  /** All the runs with their events, parents included. */
  readonly all: readonly { readonly record: RunRecord; readonly series: RunSeries }[]
  readonly arms: readonly Arm[]
}

const distinct = <T>(values: readonly (T | undefined)[]): T[] => [
  ...new Set(values.filter((value): value is T => value !== undefined)),
]

/** One value, or how far several reach. */
const range = (values: readonly number[], text: (value: number) => string): string | undefined => {
  const known = values.filter(Number.isFinite)
  if (known.length === 0) return undefined
  const [low, high] = [Math.min(...known), Math.max(...known)]
  return text(low) === text(high) ? text(low) : `${text(low)} – ${text(high)}`
}

const some = (values: readonly (string | number)[], most = 6): string =>
  values.length <= most ? values.join(', ') : `${values.slice(0, most - 1).join(', ')} … ${String(values.at(-1))}`

/** From the first start to the last end, of all the runs given; each root by itself, since pauses lie between them. */
function took(roots: readonly RunRecord[]): string | undefined {
  const each = roots.flatMap((root) =>
    root.finishedAt === undefined ? [] : [Date.parse(root.finishedAt) - Date.parse(root.startedAt)],
  )
  return each.length === 0 ? undefined : duration(each.reduce((sum, value) => sum + value, 0))
}

function facts({ roots, all, arms }: Overview): [string, string | undefined][] {
  const runs = arms.flatMap((arm) => arm.runs)
  const series = runs.map((run) => run.series)
  const pick = (of: (run: RunSeries) => number | undefined): number[] => series.flatMap((run) => of(run) ?? [])
  const statuses = Map.groupBy(runs.length > 0 ? runs.map((run) => run.record) : roots, (record) => record.status)
  const status = [...statuses].map(([name, records]) =>
    records.length === 1 && statuses.size === 1 ? name : `${records.length} ${name}`,
  )
  const tokens = pick((run) => run.tokens).reduce((sum, value) => sum + value, 0)
  const peak = Math.max(0, ...all.map((run) => run.series.peakBytes))
  const machine = distinct(
    roots.map(({ machine: m }) => `${m.processor.trim()}, ${m.cores} cores, ${bytes(m.memoryBytes)}, ${m.platform}`),
  )
  const commit = distinct(
    roots.map(({ git }) => git && `${git.commit.slice(0, 10)}${git.dirty === true ? ', with changes' : ''}`),
  )
  return [
    ['Status', status.join(', ')],
    ['Started', date(roots[0]!.startedAt)],
    ['Took', took(roots)],
    [
      'Seeds',
      some(
        distinct(runs.length > 0 ? runs.map((run) => run.record.seed) : roots.map((root) => root.seed)).toSorted(
          (a, b) => a - b,
        ),
      ),
    ],
    [
      'Parameters',
      range(
        pick((run) => run.parameters),
        short,
      ),
    ],
    [
      'Active per token',
      range(
        pick((run) => run.activeParameters),
        short,
      ),
    ],
    [
      'Steps',
      range(
        pick((run) => (run.lastStep > 0 ? run.lastStep : undefined)),
        short,
      ),
    ],
    ['Tokens seen', tokens > 0 ? `${short(tokens)}${runs.length > 1 ? ` in ${runs.length} runs` : ''}` : undefined],
    [
      'Throughput',
      range(
        pick((run) => median(run.tokensPerSecond.map((point) => point.value))),
        (v) => short(Number(v.toPrecision(2))),
      )?.concat(' tokens/s'),
    ],
    ['Peak memory', peak > 0 ? bytes(peak) : undefined],
    ['Engine', some(distinct(roots.map(engineText)))],
    ['Precision', some(distinct(arms.flatMap((arm) => arm.runs.map((run) => run.record.precision))))],
    ['Machine', some(machine, 2)],
    ['Commit', some(commit)],
    [
      'Versions',
      some(distinct(roots.map(({ versions }) => `mixlab ${versions.mixlab}, Node ${versions.node.replace(/^v/, '')}`))),
    ],
  ]
}

const engineText = ({ engine }: RunRecord): string => {
  const { name, description } = engine as { name: string; description?: unknown }
  return typeof description === 'string' && description !== name ? `${name} (${ellipsis(description, 80)})` : name
}

/** @param more facts of the runs' own kind, after when and how long */
export function pageHeader(
  overview: Overview,
  lead: Markup,
  more: readonly (readonly [string, string])[] = [],
): Markup {
  const { roots } = overview
  const experiments = distinct(roots.map((root) => root.experiment))
  const summaries = distinct(roots.map((root) => root.summary))
  const names = roots.map((root) => root.name ?? root.id)
  const title = summaries.length === 1 && experiments.length === 1 ? summaries[0]! : experiments.join(', ')
  const all = facts(overview)
  const known = [...all.slice(0, 4), ...more, ...all.slice(4)].filter(
    (fact): fact is readonly [string, string] => fact[1] !== undefined && fact[1] !== '',
  )
  return html`<header>
    <p class="eyebrow">
      <span>mixlab</span> <span>${experiments.join(', ')}</span>
      <span class="long"
        >${ellipsis(names.slice(0, 4).join(', '), 120)}${names.length > 4 && ` and ${names.length - 4} more`}</span
      >
    </p>
    <h1>${title}</h1>
    ${lead}
    <dl class="facts">
      ${known.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </header>`
}
