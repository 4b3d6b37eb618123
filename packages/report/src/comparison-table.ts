// Arms by measures, sortable in the page. A value is marked as best only when it is separated from every other arm.
import { difference, estimate } from '@mixlab/statistics'
import type { Arm } from './arms.ts'
import { decimalsFor, fixed, number } from './format.ts'
import { swatch } from './figures/arm-heading.ts'
import { sparkline } from './figures/sparkline.ts'
import { html, type Hole, type Markup } from './html.ts'
import { deciding, looksAhead, type MeasuredColumn, signed, validationLoss } from './measures.ts'
import { smoothed } from './figure.ts'
import { meanSeries, quantile } from './curves.ts'
import { armColour } from './theme.ts'
import type { Series } from './series.ts'

/** The loss that a row's sparkline shows: validation where there are points enough, else smoothed training. */
const rowCurve = (arm: Arm): Series =>
  meanSeries(
    arm.runs
      .map((run) =>
        validationLoss(run.series).length > 3 ? validationLoss(run.series) : smoothed(run.series.loss, 0.03),
      )
      .filter((series) => series.length > 0),
  )

const header = (title: string, explanation: string, kind: 'text' | 'number'): Markup =>
  html`<th scope="col" class="${kind}" aria-sort="none">
    <button type="button" title="${explanation}">${title}</button>
  </th>`

export function comparisonTable(arms: readonly Arm[], all: readonly MeasuredColumn[]): Markup {
  const columns = all.filter(({ measure, estimates }) => {
    const constant = measure.id === 'parameters' || measure.id === 'active-parameters'
    return !constant || new Set(estimates.map((value) => value?.mean)).size > 1
  })
  const decides = deciding(columns)
  const showLead = arms.length > 1 && decides?.ranking !== undefined
  const curves = arms.map(rowCurve)
  const lastStep = Math.max(0, ...curves.flatMap((curve) => curve.map((point) => point.step)))
  const values = curves.flatMap((curve) => curve.map((point) => point.value)).filter(Number.isFinite)
  const domain = [Math.min(...values), quantile(values, 0.97)] as const
  const several = arms.some((arm) => arm.runs.length > 1)
  const troubled = arms.some((arm) => arm.runs.some((run) => run.record.status !== 'finished'))

  const row = (arm: Arm, i: number): Markup =>
    html`<tr data-arm="${arm.index}">
      <th scope="row" data-sort="${arm.label}">
        <span class="arm-cell">${swatch(arm)}<span class="long" title="${arm.label}">${arm.label}</span></span
        >${looksAhead(arm) && html`<small class="bad" title="The causality check failed: its predictions use later tokens, so its loss cannot be compared and is not ranked">looks ahead</small>`}
      </th>
      <td class="text">${sparkline(curves[i]!, lastStep, domain, armColour(arm.index)) ?? '–'}</td>
      ${several && html`<td data-sort="${arm.runs.length}">${arm.runs.length}</td>`} ${troubled && statusCell(arm)}
      ${columns.map((column) => html`${valueCell(column, i)}${showLead && column === decides && leadCell(column, i)}`)}
    </tr>`
  return html`<div class="scroll">
    <table class="sortable">
      <thead>
        <tr>
          ${header('Arm', 'What was compared', 'text')}
          <th scope="col" class="text">Course</th>
          ${several && header('Seeds', 'Runs of this configuration', 'number')}
          ${troubled && header('Status', 'Of the arm’s runs', 'text')}
          ${columns.map(
            (column) =>
              html`${header(column.measure.title, column.measure.explanation, 'number')}${
                showLead &&
                column === decides &&
                header(
                  'Behind best',
                  `${column.measure.title} minus that of the best arm, with the 95 % interval of the difference (Welch)`,
                  'number',
                )
              }`,
          )}
        </tr>
      </thead>
      <tbody>
        ${arms.map(row)}
      </tbody>
    </table>
  </div>`
}

function statusCell(arm: Arm): Markup {
  const counts = Map.groupBy(arm.runs, (run) => run.record.status)
  const text = [...counts].map(([status, runs]) =>
    counts.size === 1 && runs.length === 1 ? status : `${runs.length} ${status}`,
  )
  const bad = [...counts.keys()].some((status) => status !== 'finished')
  return html`<td class="text${bad && ' bad'}" data-sort="${text.join(' ')}">${text.join(', ')}</td>`
}

function valueCell({ show, estimates, ranking }: MeasuredColumn, i: number): Markup {
  const value = estimates[i]
  if (!value) return html`<td class="none">–</td>`
  const [mean, spread] = show(value).split(' ±')
  const winner = ranking?.clear === true && ranking.best === i
  return html`<td
    data-sort="${value.mean}"
    ${winner && html` class="best" title="Best: its 95 % interval of the difference to every other arm excludes zero"`}
  >
    ${mean}${spread !== undefined && html`<span class="pm">±${spread}</span>`}
  </td>`
}

function leadCell(column: MeasuredColumn, i: number): Markup {
  const best = column.estimates[column.ranking!.best]!
  const value = column.estimates[i]
  if (!value) return html`<td class="none">–</td>`
  if (i === column.ranking!.best) return html`<td data-sort="0">0</td>`
  const gap = difference(value, best)
  const digits = decimalsFor(gap.halfWidth, 3)
  return html`<td data-sort="${gap.mean}" ${!gap.clear && html` class="soft"`}>
    ${signed(gap.mean, digits)}${
      Number.isFinite(gap.halfWidth) && html`<span class="pm">± ${fixed(gap.halfWidth, digits)}</span>`
    }
  </td>`
}

const METRIC_ROWS = 240
const METRIC_ARMS = 12

/** Every metric of every evaluator at its last evaluation; empty where there is none. */
export function metricsTable(arms: readonly Arm[]): Markup | undefined {
  const names = new Set(
    arms.flatMap((arm) =>
      arm.runs.flatMap((run) =>
        [...run.series.evaluations.values()].flatMap((e) =>
          [...e.metrics.keys()].map((metric) => `${e.evaluator}\u0000${metric}`),
        ),
      ),
    ),
  )
  if (names.size === 0) return undefined
  const shown = arms.slice(0, METRIC_ARMS)
  const rows = [...names].slice(0, METRIC_ROWS).map((key) => {
    const [evaluator = '', metric = ''] = key.split('\u0000')
    const cells = shown.map((arm): Hole => {
      const value = estimate(
        arm.runs.map((run) => run.series.evaluations.get(evaluator)?.metrics.get(metric)?.at(-1)?.value),
      )
      if (!value) return html`<td class="none">–</td>`
      return html`<td data-sort="${value.mean}">
        ${number(value.mean)}${Number.isFinite(value.halfWidth) && ` ±\u202f${number(Number(value.halfWidth.toPrecision(2)))}`}
      </td>`
    })
    return html`<tr>
      <th scope="row" data-sort="${evaluator} ${metric}">
        <span class="soft">${evaluator}</span> <span class="long">${metric}</span>
      </th>
      ${cells}
    </tr>`
  })
  return html`<div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${header('Metric', 'Evaluator and metric', 'text')}${shown.map((arm) =>
              header(arm.label, 'Last value, mean ± 95 % interval over seeds', 'number'),
            )}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    ${
      (shown.length < arms.length || names.size > METRIC_ROWS) &&
      html`<p class="soft">
        The first ${shown.length} of ${arms.length} arms and ${Math.min(names.size, METRIC_ROWS)} of ${names.size}
        metrics; events.jsonl has all.
      </p>`
    }`
}
