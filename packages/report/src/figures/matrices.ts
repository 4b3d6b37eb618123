// The evaluators' tables as heat maps: domain × expert, co-activation, and whatever a plugin reports. All matrices of an
// evaluator share one scale, so that arms and layers compare. A matrix with a baseline is drawn around it.
import type { LabelledMatrix } from '@mixlab/core'
import type { Arm } from '../arms.ts'
import { ARMS_WITH_MAPS, type Figure, representative } from '../figure.ts'
import { ellipsis, longest, number } from '../format.ts'
import { html, type Markup } from '../html.ts'
import { lineChart } from './line-chart.ts'
import {
  amountScale,
  aroundScale,
  besides,
  heatMap,
  mapWidth,
  type Scale,
  scaleLegend,
  shareScale,
} from './heat-map.ts'
import { armHeading, chosenArms } from './arm-heading.ts'
import { evenly } from './load-maps.ts'

const MAPS = 48
const CELLS = 24_000

const titles: Readonly<Record<string, string>> = {
  'domain-specialization': 'Specialisation by domain',
  'co-activation': 'Co-activation',
  'routing-saturation': 'Routing saturation',
  'expert-load': 'Load on held-out text',
}

const captions: Readonly<Record<string, string>> = {
  'domain-specialization':
    'Each row is a domain of the corpus, each column a member: orange is a member that the domain’s tokens visit more often than they would by chance, blue one that they avoid; an even row is a domain without specialists.',
  'co-activation':
    'Of the tokens that visit the row’s member, the share that also visits the column’s, relative to chance: orange pairs work together (and could share a device), blue ones avoid each other.',
  'expert-load':
    'Each row is a mixture layer, each column a member; orange members receive more than a fair share of the validation text’s tokens, blue ones less.',
  'routing-saturation':
    'The share of the final model’s choices that an earlier checkpoint already made: 1 means that routing was settled by then.',
}

const numbersOf = (matrix: LabelledMatrix): number[] =>
  matrix.values.flatMap((row, y) =>
    row.filter((value, x): value is number => value !== null && Number.isFinite(value) && !isDiagonal(matrix, y, x)),
  )

/** A member with itself says nothing and would take the whole scale. */
const isDiagonal = (matrix: LabelledMatrix, y: number, x: number): boolean =>
  matrix.rows.length > 1 &&
  matrix.rows.length === matrix.columns.length &&
  matrix.rows[y] === matrix.columns[x] &&
  matrix.baseline === undefined

/** Nothing but nothing where nothing is expected: pairs of members under a router that chooses one. */
const isVoid = (matrix: LabelledMatrix): boolean =>
  matrix.baseline === 0 && numbersOf(matrix).every((value) => value === 0)

/** A matrix and its name in the event, such as `layer-0`. */
interface Named extends LabelledMatrix {
  readonly key: string
}

interface Scaled {
  readonly scale: Scale
  readonly meaning: string
}

function scaleFor(matrices: readonly LabelledMatrix[]): (matrix: LabelledMatrix) => Scaled {
  const values = matrices.flatMap(numbersOf)
  const shares =
    matrices.every((m) => m.baseline !== undefined && m.baseline > 0) && values.every((value) => value >= 0)
  if (shares) return (matrix) => ({ scale: shareScale(matrix.baseline!, '× baseline'), meaning: 'Value ÷ baseline' })
  const baseline =
    matrices.find((m) => m.baseline !== undefined)?.baseline ?? (values.some((v) => v < 0) ? 0 : undefined)
  if (baseline === undefined) {
    const scale = amountScale(values)
    return () => ({ scale, meaning: 'Value' })
  }
  const scale = aroundScale(baseline, values)
  return () => ({ scale, meaning: `Value, around ${number(baseline)}` })
}

const isCurve = (matrix: LabelledMatrix): boolean =>
  matrix.columns.length > 1 &&
  matrix.columns.every((name) => /\d/.test(name) && Number.isFinite(stepOf(name))) &&
  /step|checkpoint|token/i.test(`${matrix.columnTitle ?? ''} ${matrix.columns[0]!}`)

const stepOf = (name: string): number =>
  Number(/-?[\d.]+(?:e[+-]?\d+)?/i.exec(name.replaceAll(/[\s,_\u202f]/g, ''))?.[0] ?? NaN)

/** One figure for each evaluator that has matrices. */
export function matrixFigures(arms: readonly Arm[], preferred: readonly number[]): Figure[] {
  const evaluators = new Set(
    arms.flatMap((arm) =>
      arm.runs.flatMap((run) =>
        [...run.series.evaluations.values()].flatMap((e) => (e.matrices.size > 0 ? [e.evaluator] : [])),
      ),
    ),
  )
  return [...evaluators].flatMap((evaluator) => matrixFigure(evaluator, arms, preferred) ?? [])
}

function matrixFigure(evaluator: string, arms: readonly Arm[], preferred: readonly number[]): Figure | undefined {
  const having = arms.flatMap((arm) => {
    const run = representative(arm, (series) => (series.evaluations.get(evaluator)?.matrices.size ?? 0) > 0)
    const matrices = [...(run?.series.evaluations.get(evaluator)?.matrices ?? [])]
      .map(([key, matrix]) => ({ ...matrix, key }))
      .filter((matrix) => !isVoid(matrix))
    return run && matrices.length > 0 ? [{ arm, run, matrices }] : []
  })
  const shown = new Set(
    chosenArms(
      having.map(({ arm }) => arm),
      preferred,
      ARMS_WITH_MAPS,
    ),
  )
  const each = Math.max(1, Math.floor(MAPS / Math.max(1, shown.size)))
  const drawn = having
    .filter(({ arm }) => shown.has(arm))
    .map((entry) => ({ ...entry, matrices: evenly(entry.matrices, each) }))
  const all = drawn.flatMap(({ matrices }) => matrices)
  if (all.length === 0) return undefined
  const scaled = scaleFor(all)
  const cells = all.reduce((sum, matrix) => sum + matrix.rows.length * matrix.columns.length, 0)
  const curves = all.every(isCurve)
  const single = drawn.every(({ matrices }) => matrices.length === 1)
  const together = single ? drawn.length : undefined
  const blocks = drawn.map(({ arm, run, matrices }) => {
    const maps = matrices.map((matrix) =>
      curves
        ? curveMatrix(matrix)
        : matrixMap(
            matrix,
            single ? undefined : nameOf(matrix),
            scaled(matrix).scale,
            mapWidth(together ?? matrices.length),
            cells <= CELLS / 8,
          ),
    )
    return html`<div class="arm-block">
      ${armHeading(arm, arms, run.record.seed)}
      <div class="maps maps-${curves ? 3 : besides(matrices.length)}">${maps}</div>
    </div>`
  })
  const body = single
    ? html`<div class="maps maps-${curves ? 3 : besides(drawn.length)}">${blocks}</div>`
    : html`${blocks}`
  const legend = curves ? undefined : scaled(all[0]!)
  return {
    id: `matrices-${evaluator}`,
    title: titles[evaluator] ?? evaluator,
    caption: [
      captions[evaluator] ??
        `${single ? `${all[0]!.title}. ` : ''}As the evaluator reported it last; all panels share one scale.`,
      drawn.length < having.length && `The ${drawn.length} arms with the lowest loss are shown.`,
    ]
      .filter(Boolean)
      .join(' '),
    body: html`${legend && scaleLegend(legend.scale, legend.meaning)}${body}`,
    width: 'full',
  }
}

const nameOf = ({ key, title: long }: Named): string => (/^layer-\d+$/.test(key) ? key.replace('-', ' ') : long)

function matrixMap(matrix: Named, name: string | undefined, scale: Scale, widest: number, written: boolean): Markup {
  const columns = Math.max(1, matrix.columns.length)
  const labels = Math.min(18, longest(matrix.rows)) * 6 + 16
  const width = Math.max(Math.min(262, widest), Math.min(widest, labels + columns * 44))
  const cell = (width - labels) / columns
  const square = matrix.rows.length > 10 ? Math.max(2, Math.min(20, cell)) : 20
  return heatMap({
    cells: matrix.values.map((row, y) => row.map((value, x) => (isDiagonal(matrix, y, x) ? null : value))),
    rows: matrix.rows,
    columns: matrix.columns,
    scale,
    width,
    rowHeight: square,
    written,
    ...(name !== undefined && { title: name }),
    ...(matrix.columnTitle !== undefined && { columnTitle: matrix.columnTitle }),
    description: `${matrix.title}: ${matrix.rows.length} × ${columns} values`,
  })
}

/** A matrix whose columns are moments: one curve per row. */
function curveMatrix(matrix: LabelledMatrix): Markup | undefined {
  return lineChart({
    width: 356,
    height: 214,
    yTitle: ellipsis(matrix.title, 52),
    xTitle: matrix.columnTitle ?? 'Step',
    description: matrix.title,
    endLabels: true,
    curves: matrix.rows.map((row, y) => ({
      arm: y,
      label: row,
      weight: 'points',
      points: matrix.columns.map((column, x) => ({ step: stepOf(column), value: matrix.values[y]?.[x] ?? NaN })),
    })),
  })
}
