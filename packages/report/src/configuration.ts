// What was set: the fields in which the arms differ first, everything else folded away; how to run it again; what the
// event log holds.
import type { RunRecord } from '@mixlab/lab'
import { type Arm, differingFields, flatten, settingsOf, show } from './arms.ts'
import { swatch } from './figures/arm-heading.ts'
import { date, duration, ellipsis, whole } from './format.ts'
import { html, type Markup } from './html.ts'
import type { RunSeries } from './series.ts'

const ARMS = 24
const VALUE = 400

const code = (value: unknown): Markup => {
  const text = ellipsis(show(value), VALUE)
  return html`<code${text.length > 48 && html` class="block"`}>${text}</code>`
}

/** The fields that differ, arm by arm; nothing when all have the same configuration. */
export function differences(arms: readonly Arm[]): Markup | undefined {
  const configs = arms.map((arm) => settingsOf(arm.runs[0]!.record))
  const fields = differingFields(configs)
  if (fields.length === 0) return undefined
  const shown = arms.slice(0, ARMS)
  const values = shown.map((arm) => flatten(settingsOf(arm.runs[0]!.record)))
  return html`<div class="scroll">
      <table class="small">
        <thead>
          <tr>
            <th scope="col" class="text">Arm</th>
            ${fields.slice(0, 20).map((field) => html`<th scope="col" class="text"><code>${field}</code></th>`)}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            (arm, i) =>
              html`<tr data-arm="${arm.index}">
                <th scope="row">
                  <span class="arm-cell">${swatch(arm)}<span class="long">${arm.label}</span></span>
                </th>
                ${fields
                  .slice(0, 20)
                  .map(
                    (field) => html`<td class="text">${values[i]!.has(field) ? code(values[i]!.get(field)) : '–'}</td>`,
                  )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      (shown.length < arms.length || fields.length > 20) &&
      html`<p class="soft">
        The first ${shown.length} of ${arms.length} arms and ${Math.min(20, fields.length)} of ${fields.length} fields
        that differ.
      </p>`
    }`
}

const fieldList = (entries: Iterable<readonly [string, unknown]>, marked: ReadonlySet<string>): Markup =>
  html`<dl class="fields">
    ${[...entries].map(
      ([field, value]) =>
        html`<div${marked.has(field) && html` class="differs"`}><dt><code>${field}</code></dt><dd>${code(value)}</dd></div>`,
    )}
  </dl>`

/** The resolved configurations, folded: the experiment's, and what its arms share. */
export function configurations(roots: readonly RunRecord[], arms: readonly Arm[]): Markup {
  const differing = new Set(differingFields(arms.map((arm) => settingsOf(arm.runs[0]!.record))))
  const first = arms[0]?.runs[0]?.record
  const shared = first && !roots.some((root) => root.path === first.path) ? [...flatten(settingsOf(first))] : []
  return html`${roots.map((root) => {
    const fields = [...flatten(settingsOf(root))]
    return html`<details>
      <summary>
        Configuration of ${root.name ?? root.id} <span class="soft">${fields.length} fields, seed ${root.seed}</span>
      </summary>
      ${fieldList(fields, differing)}
    </details>`
  })}${
    shared.length > 0 &&
    html`<details>
      <summary>
        Configuration of an arm <span class="soft">${arms[0]!.label}; what differs between arms is marked</span>
      </summary>
      ${fieldList(shared, differing)}
    </details>`
  }`
}

/** Quotes an argument for a shell where that is needed. */
const quote = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`

/** The command line that the run was started with, or one that starts it again. */
export function commandLine(record: RunRecord): string {
  if (record.command && record.command.length > 0) return record.command.map(quote).join(' ')
  const script = record.script ?? `experiments/${record.experiment}`
  const { seed, engine, precision = 'float32' } = record
  const words = ['mixlab', 'run', quote(script), '--seed', seed, '--engine', quote(engine.name)]
  return [...words, ...(precision === 'float32' ? [] : ['--precision', quote(precision)])].join(' ')
}

/** Each run with its state and place. */
export function runsTable(records: readonly { record: RunRecord; series: RunSeries }[]): Markup {
  const most = 200
  return html`<div class="scroll">
      <table class="small">
        <thead>
          <tr>
            <th class="text" scope="col">Run</th>
            <th class="text" scope="col">Status</th>
            <th scope="col">Seed</th>
            <th scope="col">Steps</th>
            <th scope="col">Events</th>
            <th class="text" scope="col">Started</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          ${records.slice(0, most).map(({ record, series }) => {
            const took =
              record.finishedAt === undefined ? undefined : Date.parse(record.finishedAt) - Date.parse(record.startedAt)
            const events = [...series.counts.values()].reduce((sum, count) => sum + count, 0)
            return html`<tr>
              <th scope="row"><span class="long" title="${record.id}">${record.name ?? record.id}</span></th>
              <td class="text${record.status !== 'finished' && ' bad'}">
                ${record.status}${series.resumedAt.length > 0 && `, resumed at step ${series.resumedAt.join(', ')}`}
              </td>
              <td>${record.seed}</td>
              <td>
                ${whole(series.lastStep)}${
                  series.plannedSteps !== undefined &&
                  series.plannedSteps !== series.lastStep &&
                  ` of ${whole(series.plannedSteps)}`
                }
              </td>
              <td>${whole(events)}</td>
              <td class="text">${date(record.startedAt)}</td>
              <td>${took === undefined ? '–' : duration(took)}</td>
            </tr>`
          })}
        </tbody>
      </table>
    </div>
    ${records.length > most && html`<p class="soft">The first ${most} of ${records.length} runs.</p>`}`
}

/** How many events of each type all the runs have together. */
export function eventCounts(all: readonly RunSeries[]): Markup {
  const counts = new Map<string, number>()
  for (const { counts: own } of all) for (const [type, count] of own) counts.set(type, (counts.get(type) ?? 0) + count)
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1])
  if (sorted.length === 0) return html`<p class="soft">No events were recorded.</p>`
  return html`<p class="events">
    ${sorted.map(([type, count]) => html`<span><code>${type}</code> ${whole(count)}</span>`)}
  </p>`
}
