// A sweep's page from top to bottom; sections appear when they have something to show.
import { figureNumbering, htmlDocument, section } from '../document.ts'
import type { Figure } from '../figure.ts'
import { ellipsis } from '../format.ts'
import { html, type Markup, raw } from '../html.ts'
import { showValue } from './axis.ts'
import { basisOf } from './basis.ts'
import type { SweepReport } from './data.ts'
import { facts, stateWord } from './facts.ts'
import { contours } from './figures/contours.ts'
import { courses } from './figures/courses.ts'
import { equalCost } from './figures/equal-cost.ts'
import { fronts } from './figures/front.ts'
import { history } from './figures/history.ts'
import { importanceBars } from './figures/importance-bars.ts'
import { parallelCoordinates } from './figures/parallel.ts'
import { slices } from './figures/slices.ts'
import { headline } from './headline.ts'
import { importances } from './importances.ts'
import { sweepScript } from './script.ts'
import { sweepStyles } from './styles.ts'
import { allTrials, bestTable, failureList, infeasiblePoints } from './tables.ts'
import { estimateText } from './text.ts'
import { type View, viewOf } from './view.ts'

/**
 * One self-contained HTML file about a sweep, in whatever state it is.
 * @returns the page; links in it are the runs' `report` paths as given
 */
export function renderSweepReport(sweep: SweepReport): string {
  const view = viewOf(sweep)
  const { objectives } = view
  const draw = figureNumbering()
  const bases = objectives.map((_, i) => basisOf(view, i))
  const found = bases.map((basis) => importances(basis, view.axes))
  const perObjective = (figures: (i: number) => readonly Figure[]): (Markup | undefined)[] =>
    objectives.map(({ name }, i) => {
      const drawn = draw(figures(i))
      return (
        drawn &&
        (i === 0
          ? drawn
          : html`<details>
              <summary>${name}</summary>
              ${drawn}
            </details>`)
      )
    })
  const overview = objectives.flatMap((_, i) => [
    history(view, i),
    importanceBars(found[i], bases[i]!.label, objectives.length > 1 ? `importances-${i + 1}` : 'importances'),
  ])
  const sections = [
    section('best', objectives.length > 1 ? 'Front' : 'Best trials', draw(fronts(view)), bestTable(view)),
    section('progress', 'Progress', draw([...overview, courses(view)])),
    section('parameters', 'Parameters', draw([parallelCoordinates(view)])),
    section('slices', 'Slices', ...perObjective((i) => slices(bases[i]!, view.axes, found[i], `${i + 1}`))),
    section('pairs', 'Pairs of parameters', ...perObjective((i) => contours(bases[i]!, found[i], `${i + 1}`))),
    section('cost', 'Cost', draw(equalCost(view))),
    section('record', 'Record', record(view)),
  ].filter((value) => value !== undefined)
  return htmlDocument({
    title: `${sweep.name} – mixlab sweep`,
    styles: sweepStyles,
    script: sweepScript,
    header: pageHeader(view),
    sections,
    data: trialData(view),
  })
}

function pageHeader(view: View): Markup {
  const { sweep } = view
  return html`<header>
    <p class="eyebrow">
      <span>mixlab</span> <span>${ellipsis(sweep.experiment, 80)}</span> <span>sweep</span>
      <span class="long">${ellipsis(sweep.name, 120)}</span>
    </p>
    <h1>${sweep.summary ?? sweep.experiment}</h1>
    ${headline(view)}
    <dl class="facts">
      ${facts(view).map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </header>`
}

function record(view: View): Markup {
  const { sweep } = view
  return html`${
    sweep.command !== undefined &&
    html`<h3>Run it again</h3>
      <pre><code>${sweep.command}</code></pre>`
  }${failureList(view)}${infeasiblePoints(view)}${spaceTable(sweep)}${allTrials(view)}`
}

function spaceTable({ space }: SweepReport): Markup | undefined {
  if (space.length === 0) return undefined
  return html`<details>
    <summary>Search space <span class="soft">${space.length}</span></summary>
    <div class="scroll">
      <table class="small">
        <thead>
          <tr>
            <th scope="col" class="text">Parameter</th>
            <th scope="col" class="text">Values</th>
            <th scope="col" class="text">Exists</th>
          </tr>
        </thead>
        <tbody>
          ${space.map(
            ({ name, distribution, when }) =>
              html`<tr>
                <th scope="row"><code>${name}</code></th>
                <td class="text">
                  ${
                    distribution.kind === 'categorical'
                      ? ellipsis(distribution.choices.map(showValue).join(', '), 200)
                      : `${showValue(distribution.low)} … ${showValue(distribution.high)}${distribution.kind === 'int' ? ', whole' : ''}${distribution.log ? ', logarithmic' : ''}${distribution.step === undefined || (distribution.kind === 'int' && distribution.step === 1) ? '' : `, in steps of ${showValue(distribution.step)}`}`
                  }
                </td>
                <td class="text">
                  ${when ? html`if <code>${when.parameter}</code> is ${when.values.map(showValue).join(' or ')}` : 'always'}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`
}

/** What the script shows of a trial under the pointer; no less-than sign can end the element. */
function trialData({ points, objectives, axes }: View): Markup {
  const data = {
    objectives: objectives.map(({ name }) => ellipsis(name, 40)),
    parameters: axes.map(({ short }) => ellipsis(short, 40)),
    trials: Object.fromEntries(
      points.map(({ number, trial, estimates }) => [
        number,
        [
          stateWord(trial.state),
          estimates.map((value) => (value ? estimateText(value) : null)),
          axes.map(({ name }) => {
            const value = trial.parameters[name]
            return value === undefined ? null : ellipsis(showValue(value), 40)
          }),
        ],
      ]),
    ),
  }
  return html`<script type="application/json" id="trials">
    ${raw(JSON.stringify(data).replaceAll('<', String.raw`\u003c`))}
  </script>`
}
