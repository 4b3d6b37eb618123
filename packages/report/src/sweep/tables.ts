// The tables of a sweep's report: the best trials, all of them, what was infeasible, what failed.
import { difference } from '@mixlab/statistics'
import { duration, ellipsis, whole } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { type ParameterAxis, showValue } from './axis.ts'
import { stateWord } from './facts.ts'
import { meanText, signedText, spreadText } from './text.ts'
import type { Point, View } from './view.ts'

const BEST = 20
/** Of several thousand trials the page shows the best; the study's file has all. */
const ALL = 2000

const header = (title: string, explanation: string, kind: 'text' | 'number'): Markup =>
  html`<th scope="col" class="${kind}" aria-sort="none">
    <button type="button" title="${explanation}">${ellipsis(title, 28)}</button>
  </th>`

/** Links to the runs' reports; a run without one is named. */
function runLinks({ number }: Point, { sweep }: View): Markup {
  const runs = sweep.runs[number] ?? []
  return html`${runs.slice(0, 8).map(({ path, report, seed, status }, i) => {
    const name = runs.length === 1 ? 'report' : `${seed}`
    const title = `${path}, seed ${seed}, ${status}`
    return html`${i > 0 && ' '}${
      report === undefined
        ? html`<span class="soft" title="${title}">${runs.length === 1 ? status : name}</span>`
        : html`<a href="${address(report)}" title="${title}">${name}</a>`
    }`
  })}${runs.length > 8 && html` <span class="soft">+${runs.length - 8}</span>`}`
}

/** A relative path as a link: a colon in its first part would be read as a scheme. */
export const address = (path: string): string => {
  const encoded = path.split(/[\\/]/).map(encodeURIComponent).join('/')
  return encoded.startsWith('/') ? `file://${encoded}` : encoded
}

const parameterCell = ({ trial }: Point, axis: ParameterAxis): Markup => {
  const value = trial.parameters[axis.name]
  if (value === undefined) return html`<td class="none">–</td>`
  if (axis.choices.length > 0)
    return html`<td class="text" data-sort="${showValue(value)}">${ellipsis(showValue(value), 32)}</td>`
  return html`<td data-sort="${String(value)}">${showValue(value)}</td>`
}

const parameterHeaders = (axes: readonly ParameterAxis[]): Markup[] =>
  axes.map((axis) => header(axis.short, axis.name, axis.choices.length > 0 ? 'text' : 'number'))

/** The best complete trials, with what separates them from the best. */
export function bestTable(view: View): Markup | undefined {
  const { ranked, objectives, axes, ranking, front } = view
  if (ranked.length === 0) return undefined
  const [best] = ranked
  const several = ranked.some(({ seeds }) => seeds > 1)
  const links = ranked.some(({ number }) => (view.sweep.runs[number] ?? []).length > 0)
  const single = objectives.length === 1
  const shown = ranked.slice(0, single ? BEST : Math.max(BEST, Math.min(front.size, 60)))
  return html`<div class="scroll">
      <table class="sortable">
        <thead>
          <tr>
            ${header('Trial', 'The trial’s number', 'text')}
            ${objectives.map(({ name, direction }) => header(name, `${direction}; mean over seeds with its 95 % interval`, 'number'))}
            ${single && several && header('Behind best', 'Difference to the best trial, with its 95 % interval (Welch); soft where it holds zero', 'number')}
            ${!single && header('Front', 'No other trial is better in everything', 'text')}
            ${several && header('Seeds', 'Runs of the point', 'number')}
            ${parameterHeaders(axes)}${links && html`<th scope="col" class="text">Runs</th>`}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            (point, i) =>
              html`<tr data-trial="${point.number}">
                <th scope="row" data-sort="${point.number}">${point.number}</th>
                ${point.estimates.map((value) => {
                  const spread = spreadText(value!)
                  return html`<td
                    data-sort="${value!.mean}"
                    ${i === 0 && ranking?.clear && html`class="best" title="Best: its 95 % interval of the difference to every other point excludes zero"`}
                  >
                    ${meanText(value!)}${spread && html`<span class="pm">± ${spread}</span>`}
                  </td>`
                })}
                ${single && several && behind(point, best!)}
                ${!single && html`<td class="text" data-sort="${front.has(point.number) ? 'a' : 'b'}">${front.has(point.number) ? 'front' : html`<span class="soft">dominated</span>`}</td>`}
                ${several && html`<td data-sort="${point.seeds}">${point.seeds}</td>`}
                ${axes.map((axis) => parameterCell(point, axis))}
                ${links && html`<td class="text">${runLinks(point, view)}</td>`}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="note">
      ${shown.length < ranked.length && `The best ${shown.length} of ${ranked.length} complete trials; all are below, under Record. `}${
        several
          ? 'Mean ± half the 95 % confidence interval over seeds (Student’s t). A value is marked only if it is separated from every other point; a difference in soft ink is within the noise.'
          : 'One seed per point: no interval can be given, and the order within the noise means nothing.'
      }
      Click a heading to sort.
    </p>`
}

function behind(point: Point, best: Point): Markup {
  if (point === best) return html`<td data-sort="0">0</td>`
  const gap = difference(point.estimates[0]!, best.estimates[0]!)
  const spread = spreadText(gap)
  return html`<td data-sort="${gap.mean}" ${!gap.clear && html`class="soft"`}>
    ${signedText(gap)}${spread && html`<span class="pm">± ${spread}</span>`}
  </td>`
}

/** Every trial in its order; of too many, the first. */
export function allTrials(view: View): Markup | undefined {
  const { points, objectives, axes } = view
  if (points.length === 0) return undefined
  const links = points.some(({ number }) => (view.sweep.runs[number] ?? []).length > 0)
  const steps = points.some(({ trial }) => trial.intermediate.size > 0)
  const row = (point: Point): Markup => {
    const { trial, estimates, diverged, seeds } = point
    const took =
      trial.startedAt !== undefined && trial.finishedAt !== undefined ? trial.finishedAt - trial.startedAt : undefined
    const last = Math.max(0, ...trial.intermediate.keys())
    const bad = trial.state === 'failed' || diverged > 0
    return html`<tr data-trial="${trial.number}">
      <th scope="row" data-sort="${trial.number}">${trial.number}</th>
      <td class="text${bad && ' bad'}" data-sort="${trial.state}">
        ${stateWord(trial.state)}${diverged > 0 && `, ${diverged} of ${seeds} not finite`}
      </td>
      ${estimates.map((value) => (value ? html`<td data-sort="${value.mean}">${meanText(value)}</td>` : html`<td class="none">–</td>`))}${steps && html`<td data-sort="${last}">${whole(last)}</td>`}
      <td data-sort="${took ?? 'NaN'}">${took === undefined ? '–' : duration(took)}</td>
      ${axes.map((axis) => parameterCell(point, axis))}${links && html`<td class="text">${runLinks(point, view)}</td>`}
    </tr>`
  }
  return html`<details>
    <summary>All trials <span class="soft">${points.length}</span></summary>
    <div class="scroll">
      <table class="sortable small">
        <thead>
          <tr>
            ${header('Trial', 'The trial’s number', 'text')}${header('State', 'What became of it', 'text')}
            ${objectives.map(({ name, direction }) => header(name, direction, 'number'))}
            ${steps && header('Steps', 'The last step that reported', 'number')}${header('Took', 'From its start to its end', 'number')}
            ${parameterHeaders(axes)}${links && html`<th scope="col" class="text">Runs</th>`}
          </tr>
        </thead>
        <tbody>
          ${points.slice(0, ALL).map(row)}
        </tbody>
      </table>
    </div>
    ${points.length > ALL && html`<p class="soft">The first ${ALL}; the study’s file has all.</p>`}
  </details>`
}

/** Reasons with the points that share them. */
export function infeasiblePoints({ sweep: { infeasible } }: View): Markup | undefined {
  if (infeasible.length === 0) return undefined
  return html`<h3>Infeasible points</h3>
    <p class="note">No model satisfies the constraints there; they were never run.</p>
    <ul class="messages">
      ${infeasible.slice(0, 40).map(
        ({ parameters, reason }) =>
          html`<li>
            <code
              >${ellipsis(
                Object.entries(parameters)
                  .map(([name, value]) => `${name}=${showValue(value)}`)
                  .join(' '),
                240,
              )}</code
            >
            ${ellipsis(reason, 400)}
          </li>`,
      )}
    </ul>
    ${infeasible.length > 40 && html`<p class="soft">and ${infeasible.length - 40} more</p>`}`
}

/** What failed, trials with the same reason together. */
export function failureList({ sweep: { failures } }: View): Markup | undefined {
  if (failures.length === 0) return undefined
  const reasons = [...Map.groupBy(failures, ({ reason }) => reason)]
  return html`<h3>Failures</h3>
    <ul class="messages">
      ${reasons.slice(0, 40).map(([reason, trials]) => {
        const numbers = trials.map(({ number }) => number)
        return html`<li>
          <span class="soft"
            >${numbers.length === 1 ? 'trial' : 'trials'}
            ${numbers.slice(0, 12).join(', ')}${numbers.length > 12 && ` and ${numbers.length - 12} more`}</span
          >
          ${ellipsis(reason, 600)}
        </li>`
      })}
    </ul>
    ${reasons.length > 40 && html`<p class="soft">and ${reasons.length - 40} more reasons</p>`}`
}
