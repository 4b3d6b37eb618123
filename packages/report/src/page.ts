// The page from top to bottom: sections appear when they have something to show, figures are numbered as they come.
import { finalLoad } from './agents/final-load.ts'
import { agentParts, type AgentReport } from './agents/sections.ts'
import type { Arm } from './arms.ts'
import { comparisonTable, metricsTable } from './comparison-table.ts'
import { commandLine, configurations, differences, eventCounts, runsTable } from './configuration.ts'
import { figureNumbering, htmlDocument, section, type Section } from './document.ts'
import { finalLosses, lossCurves } from './figures/losses.ts'
import { loadMaps } from './figures/load-maps.ts'
import { matrixFigures } from './figures/matrices.ts'
import { balancePanels, optimizerPanels, routerLossPanels } from './figures/panels.ts'
import { swatch } from './figures/arm-heading.ts'
import type { Figure } from './figure.ts'
import { ellipsis } from './format.ts'
import { type Overview, pageHeader } from './header.ts'
import { headline } from './headline.ts'
import { html, type Markup } from './html.ts'
import { deciding, looksAhead, type MeasuredColumn, measureArms } from './measures.ts'
import { reportScript } from './script.ts'
import { styles } from './styles.ts'

/** @param agents of the arms that answered questions, where any did */
export function renderPage(overview: Overview, agents?: AgentReport): string {
  const { arms, roots } = overview
  const columns = measureArms(arms)
  const preferred = byLoss(arms, columns)
  const draw = figureNumbering()
  const legend = arms.length > 1 ? armLegend(arms) : undefined
  const answers = agents && agentParts(agents, draw)
  const sections = [
    ...(answers?.sections ?? []),
    trainingTable(arms, columns, agents),
    section('learning', 'Learning', draw([lossCurves(arms), finalLosses(arms, columns), ...optimizerPanels(arms)])),
    section('balance', 'Balance', draw(balanceFigures(arms, preferred, agents))),
    section(
      'evaluations',
      'Specialisation and other evaluations',
      draw(matrixFigures(arms, preferred)),
      allMetrics(arms),
    ),
    section('configuration', 'Configuration', differences(arms), configurations(roots, arms)),
    section('record', 'Record', record(overview)),
  ].filter((value) => value !== undefined)

  const title = `${roots
    .map((root) => root.name ?? root.experiment)
    .slice(0, 3)
    .join(', ')} – mixlab report`
  return htmlDocument({
    title,
    styles: `${styles(arms.length)}${answers?.styles ?? ''}`,
    script: reportScript(...(answers?.scripts ?? [])),
    header: pageHeader(overview, answers?.lead ?? headline(arms, columns), answers?.facts),
    sections: sections.map((one) =>
      legend && (one.id === 'learning' || one.id === 'balance') ? { ...one, body: html`${legend}${one.body}` } : one,
    ),
    ...(answers && { data: answers.data }),
  })
}

/** Agents' loads are known at the end, or also on the way: only then they are drawn over questions. */
function balanceFigures(
  arms: readonly Arm[],
  preferred: readonly number[],
  agents: AgentReport | undefined,
): (Figure | undefined)[] {
  const answered = new Set(agents?.view.arms.map(({ arm }) => arm))
  const changes = (arm: Arm): boolean =>
    !answered.has(arm) || arm.runs.some(({ series }) => series.layers.some(({ steps }) => steps.length > 1))
  // The others keep their places, so that colours are those of the legend.
  const overTime = arms.map((arm) => (changes(arm) ? arm : { ...arm, runs: [] }))
  return [
    agents && finalLoad(arms),
    ...balancePanels(overTime),
    ...routerLossPanels(overTime),
    loadMaps(overTime, preferred),
  ]
}

/** The comparison by losses; beside arms that answered questions, of those that trained. */
function trainingTable(
  arms: readonly Arm[],
  columns: readonly MeasuredColumn[],
  agents: AgentReport | undefined,
): Section | undefined {
  if (!agents) {
    const title = arms.length > 1 ? 'Comparison' : 'Result'
    return arms.length === 0 ? undefined : section('comparison', title, comparisonTable(arms, columns), tableNote(arms))
  }
  const trained = arms.filter((arm) => arm.runs.some(({ series }) => series.loss.length > 0))
  if (trained.length === 0) return undefined
  return section('training', 'Training', comparisonTable(trained, measureArms(trained)), tableNote(trained))
}

/** Arms by the deciding loss, lowest first. */
function byLoss(arms: readonly Arm[], columns: readonly MeasuredColumn[]): number[] {
  const estimates = deciding(columns)?.estimates ?? []
  return arms
    .map((arm) => arm.index)
    .toSorted((a, b) => (estimates[a]?.mean ?? Infinity) - (estimates[b]?.mean ?? Infinity) || a - b)
}

const LEGEND = 32

const armLegend = (arms: readonly Arm[]): Markup =>
  html`<p class="legend">
    ${arms
      .slice(0, LEGEND)
      .map(
        (arm) =>
          html`<button
            type="button"
            data-arm="${arm.index}"
            aria-pressed="false"
            title="Show ${arm.label} alone; press again for all"
          >
            ${swatch(arm)}<span class="long">${ellipsis(arm.label, 40)}</span>
          </button>`,
      )}${arms.length > LEGEND && html`<span class="soft">and ${arms.length - LEGEND} more</span>`}
  </p>`

const tableNote = (arms: readonly Arm[]): Markup | undefined =>
  arms.length < 2
    ? undefined
    : html`<p class="note">
        ${
          arms.some((arm) => arm.runs.length > 1)
            ? 'Mean ± half the 95 % confidence interval over seeds (Student’s t). A value is marked only if it is separated from every other arm.'
            : 'One seed per arm: no interval can be given and no value is marked as best.'
        }${arms.some(looksAhead) && ' An arm that looks ahead failed the causality check: its predictions use later tokens, so its loss cannot be compared and is left out of the ranking.'}
        Click a heading to sort.
      </p>`

function allMetrics(arms: readonly Arm[]): Markup | undefined {
  const table = metricsTable(arms)
  return (
    table &&
    html`<details>
      <summary>All metrics <span class="soft">at the last evaluation</span></summary>
      ${table}
    </details>`
  )
}

function record({ roots, all }: Overview): Markup {
  const commands = [...new Set(roots.map(commandLine))]
  const warnings = all.flatMap(({ record: { name, id, error }, series }) =>
    [...new Set([error ?? series.error, ...series.warnings])]
      .filter((message) => message !== undefined)
      .map((message) => ({ run: name ?? id, message })),
  )
  const notes = all.flatMap(({ series }) => series.notes)
  const artifacts = all.flatMap(({ record: { name, id }, series }) =>
    series.artifacts.map((artifact) => ({ run: name ?? id, ...artifact })),
  )
  return html`<h3>Run it again</h3>
    ${commands.slice(0, 10).map((command) => html`<pre><code>${command}</code></pre>`)}
    ${
      warnings.length > 0 &&
      html`<h3>Errors and warnings</h3>
        <ul class="messages">
          ${warnings.slice(0, 40).map(({ run, message }) => html`<li><span class="soft">${ellipsis(run, 40)}</span> ${ellipsis(message, 600)}</li>`)}
        </ul>
        ${warnings.length > 40 && html`<p class="soft">and ${warnings.length - 40} more</p>`}`
    }
    <h3>Events</h3>
    ${eventCounts(all.map(({ series }) => series))}
    <details>
      <summary>Runs <span class="soft">${all.length}</span></summary>
      ${runsTable(all)}
    </details>
    ${
      artifacts.length > 0 &&
      html`<details>
        <summary>Artifacts <span class="soft">${artifacts.length}</span></summary>
        <ul class="messages">
          ${artifacts.slice(0, 100).map(({ run, path, title }) => html`<li><span class="soft">${ellipsis(run, 40)}</span> ${ellipsis(title, 120)} <code>${path}</code></li>`)}
        </ul>
      </details>`
    }
    ${
      notes.length > 0 &&
      html`<details>
        <summary>Notes <span class="soft">${notes.length}</span></summary>
        <ul class="messages">
          ${notes.slice(0, 100).map((note) => html`<li>${ellipsis(note, 600)}</li>`)}
        </ul>
      </details>`
    }`
}
