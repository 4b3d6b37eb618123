// A grid of cells in few colour levels. All cells of a level are one path of unit squares, runs of equal neighbours merged:
// a hundred times smaller than a rectangle per cell, and coloured by the page's variables in both themes.
import * as Plot from '@observablehq/plot'
import { ellipsis, fixed, longest, number } from '../format.ts'
import { type Markup, html } from '../html.ts'
import { drawFigure, svgElement, type SvgNode } from '../plot.ts'
import { DIVERGING_LEVELS, SEQUENTIAL_LEVELS } from '../theme.ts'

export interface Scale {
  readonly kind: 'diverging' | 'sequential'
  /** The level of a finite value. */
  level(value: number): number
  /** What the ends and the middle mean, for the legend. */
  readonly legend: readonly string[]
  /** Of the written values, where they have one. */
  readonly unit?: string
  /** How a value is written in a cell. */
  show(value: number): string
}

const clamp = (value: number, levels: number): number => Math.max(0, Math.min(levels - 1, Math.round(value)))

/** Times a fair share, from a quarter to four times, logarithmic; the middle is 1. */
export const shareScale = (baseline: number, unit = '× fair share'): Scale => ({
  unit,
  kind: 'diverging',
  level: (value) =>
    value <= 0 ? 0 : clamp(((Math.log2(value / baseline) + 2) / 4) * (DIVERGING_LEVELS - 1), DIVERGING_LEVELS),
  legend: ['≤ ¼', '½', '1', '2', '≥ 4'],
  show: (value) => fixed(value / baseline, value / baseline < 9.95 ? 1 : 0),
})

/** Linear around a baseline, equally far on both sides. */
export function aroundScale(baseline: number, values: readonly number[]): Scale {
  const reach = Math.max(1e-12, ...values.map((value) => Math.abs(value - baseline)))
  return {
    kind: 'diverging',
    level: (value) => clamp(((value - baseline) / reach / 2 + 0.5) * (DIVERGING_LEVELS - 1), DIVERGING_LEVELS),
    legend: [baseline - reach, baseline, baseline + reach].map((value) => number(Number(value.toPrecision(2)))),
    show: cellNumber(reach + Math.abs(baseline)),
  }
}

/** Linear from zero to the largest value. */
export function amountScale(values: readonly number[]): Scale {
  const top = Math.max(1e-12, ...values)
  return {
    kind: 'sequential',
    level: (value) => clamp((value / top) * (SEQUENTIAL_LEVELS - 1), SEQUENTIAL_LEVELS),
    legend: [0, top / 2, top].map((value) => number(Number(value.toPrecision(2)))),
    show: cellNumber(top),
  }
}

/** Two decimals where they fit a cell: a share is written .37, a larger number with fewer. */
const cellNumber =
  (largest: number) =>
  (value: number): string =>
    largest <= 1 ? fixed(value, 2).replace(/^(\u2212?)0\./, '$1.') : largest < 100 ? fixed(value, 1) : number(value)

export interface HeatMap {
  /** cells[row][column]; null or NaN is left empty. */
  readonly cells: readonly (readonly (number | null | undefined)[])[]
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  readonly scale: Scale
  readonly width: number
  readonly rowHeight: number
  /** Columns are a continuous axis (steps): few ticks, no label for each. */
  readonly continuous?: boolean
  /** Writes the value into each cell, if it fits. */
  readonly written?: boolean
  readonly columnTitle?: string
  readonly rowTitle?: string
  readonly title?: string
  readonly description: string
}

const CHARACTER = 6

/** The path of every cell of one level: `M column row h length v1 h −length z`. */
function levelPaths(map: HeatMap): Map<number, string> {
  const paths = new Map<number, string>()
  for (const [y, row] of map.cells.entries()) {
    for (let x = 0; x < row.length;) {
      const level = levelAt(map, row[x])
      let end = x + 1
      while (end < row.length && levelAt(map, row[end]) === level) end++
      if (level !== undefined) paths.set(level, `${paths.get(level) ?? ''}M${x} ${y}h${end - x}v1h${x - end}z`)
      x = end
    }
  }
  return paths
}

const levelAt = (map: HeatMap, value: number | null | undefined): number | undefined =>
  value === null || value === undefined || !Number.isFinite(value) ? undefined : map.scale.level(value)

/** Dark cells take light ink: the outer levels of a diverging scale, the upper ones of a sequential. */
export const strong = ({ kind }: Pick<Scale, 'kind'>, level: number): boolean =>
  kind === 'diverging' ? level < 2 || level > DIVERGING_LEVELS - 3 : level > SEQUENTIAL_LEVELS - 5

export function heatMap(map: HeatMap): Markup {
  const columns = Math.max(1, map.columns.length)
  const rowLabels = map.rows.map((name) => ellipsis(name, 18))
  const columnLabels = withoutCommonWord(map.columns).map((name) => ellipsis(name, 14))
  const left = Math.max(18, 10 + CHARACTER * longest(rowLabels))
  const across = map.width - left - 6
  const cellWidth = across / columns
  const widestColumn = longest(columnLabels) * CHARACTER
  const turned = map.continuous !== true && widestColumn > cellWidth - 2
  const bottom = (turned ? Math.min(76, 14 + widestColumn * 0.75) : 18) + (map.columnTitle === undefined ? 0 : 14)
  const top = map.title === undefined ? 4 : 20
  const height = top + bottom + map.rowHeight * Math.max(1, map.rows.length)
  const every = (count: number, size: number, least: number): number =>
    Math.max(1, Math.ceil((least * count) / (size * count)))
  const rowStep = map.rows.length <= 1 ? 1 : every(map.rows.length, map.rowHeight, 11)
  const columnStep = map.continuous ? 0 : every(columns, cellWidth, turned ? 11 : widestColumn + 4)

  const draw = (): SvgNode => {
    const group = svgElement('g')
    const cells = svgElement('g', {
      transform: `translate(${left},${top}) scale(${cellWidth},${map.rowHeight})`,
      'shape-rendering': 'crispEdges',
    })
    const prefix = map.scale.kind === 'diverging' ? 'd' : 's'
    for (const [level, d] of levelPaths(map)) cells.appendChild(svgElement('path', { class: `${prefix}${level}`, d }))
    group.appendChild(cells)
    if (map.written === true && cellWidth >= 22 && map.rowHeight >= 13) writeValues(group, map, left, top, cellWidth)
    return group
  }

  return drawFigure({
    kind: 'cells',
    description: map.description,
    width: map.width,
    height,
    marginLeft: left,
    marginRight: 6,
    marginTop: top,
    marginBottom: bottom,
    x: { type: 'linear', domain: [0, columns], axis: null },
    y: { type: 'linear', domain: [Math.max(1, map.rows.length), 0], axis: null },
    data: {
      cells: [left, top, cellWidth, map.rowHeight, columns, map.rows.length].map((n) => Number(n.toFixed(2))).join(' '),
      values: map.cells
        .map((row) =>
          row.map((v) => (v === null || v === undefined || !Number.isFinite(v) ? '' : map.scale.show(v))).join(' '),
        )
        .join('|'),
      rows: JSON.stringify(map.rows.map((name) => ellipsis(name, 60))),
      columns: JSON.stringify(map.columns.map((name) => ellipsis(name, 60))),
      ...(map.scale.unit !== undefined && { unit: map.scale.unit }),
      ...(map.columnTitle !== undefined && { 'column-title': map.columnTitle }),
    },
    marks: [
      draw,
      Plot.axisY(
        map.rows.map((_, i) => i + 0.5).filter((_, i) => i % rowStep === 0),
        {
          tickSize: 0,
          label: null,
          tickPadding: 5,
          tickFormat: (y: number) => rowLabels[Math.floor(y)] ?? '',
        },
      ),
      Plot.axisX(
        continuousTicks(map, columns) ?? map.columns.map((_, i) => i + 0.5).filter((_, i) => i % columnStep === 0),
        {
          tickSize: 0,
          label: map.columnTitle ?? null,
          labelAnchor: 'center',
          labelArrow: 'none',
          labelOffset: bottom - 2,
          tickPadding: 4,
          tickRotate: turned ? -45 : 0,
          ...(turned && { textAnchor: 'end' as const }),
          tickFormat: (x: number) => columnLabels[Math.min(columns - 1, Math.floor(x))] ?? '',
        },
      ),
      map.title !== undefined &&
        Plot.text([ellipsis(map.title, Math.floor(across / CHARACTER))], {
          frameAnchor: 'top-left',
          dy: -14,
          fontWeight: 600,
          lineAnchor: 'top',
          textAnchor: 'start',
          fill: 'var(--soft)',
        }),
    ].filter((mark) => mark !== false),
  })
}

/** First, middle and last column of a continuous axis. */
const continuousTicks = (map: HeatMap, columns: number): number[] | undefined =>
  map.continuous === true ? [...new Set([0.5, ...(columns > 2 ? [columns / 2] : []), columns - 0.5])] : undefined

function writeValues(group: SvgNode, map: HeatMap, left: number, top: number, cellWidth: number): void {
  for (const [y, row] of map.cells.entries()) {
    for (const [x, value] of row.entries()) {
      const level = levelAt(map, value)
      if (level === undefined) continue
      const text = svgElement('text', {
        x: left + (x + 0.5) * cellWidth,
        y: top + (y + 0.5) * map.rowHeight,
        dy: '0.33em',
        class: strong(map.scale, level) ? 'cell strong' : 'cell',
      })
      text.textContent = map.scale.show(value!)
      group.appendChild(text)
    }
  }
}

/** `expert 0`, `expert 1`, … as 0, 1, …: the axis says the word once. */
function withoutCommonWord(names: readonly string[]): readonly string[] {
  const parts = names.map((name) => /^(\D*?)[\s._-]*(\d+)$/.exec(name))
  return names.length > 1 && parts.every((part) => part && part[1] === parts[0]?.[1])
    ? parts.map((part) => part![2]!)
    : names
}

/** The scale as a strip of its levels, with what the ends and the middle mean below it. */
export function scaleLegend(scale: Scale, meaning: string): Markup {
  const levels = scale.kind === 'diverging' ? DIVERGING_LEVELS : SEQUENTIAL_LEVELS
  const prefix = scale.kind === 'diverging' ? 'd' : 's'
  const step = 18
  const wide = levels * step
  const place = (i: number): number => step / 2 + ((wide - step) * i) / (scale.legend.length - 1)
  return html`<div class="scale">
    <span>${meaning}</span
    ><svg
      viewBox="-12 0 ${wide + 24} 25"
      width="${wide + 24}"
      height="25"
      role="img"
      aria-label="${meaning}: ${scale.legend.join(', ')}"
    >
      ${Array.from(
        { length: levels },
        (_, i) => html`<rect class="${prefix}${i}" x="${i * step}" width="${step}" height="10" />`,
      )}${scale.legend.map((text, i) => html`<text x="${place(i)}" y="22">${text}</text>`)}
    </svg>
  </div>`
}

/** How many maps stand side by side: all of few, else whole rows of four or three. */
export const besides = (count: number): number =>
  count <= 4 ? Math.max(1, count) : count % 4 !== 0 && count % 3 === 0 ? 3 : 4

/** The width at which a map is drawn when `count` are shown: about what the page gives it, so that its text keeps size. */
export const mapWidth = (count: number): number => [760, 460, 356, 262][besides(count) - 1]!
