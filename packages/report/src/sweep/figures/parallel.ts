// Parallel coordinates: a trial is a line through its values, the strongest colours are the best trials. A conditional
// parameter that a trial lacks has a place of its own below the axis.
import { ellipsis, longest } from '../../format.ts'
import { html } from '../../html.ts'
import type { Figure } from '../../figure.ts'
import { drawFigure, svgElement, type SvgNode } from '../../plot.ts'
import { SEQUENTIAL_LEVELS } from '../../theme.ts'
import { type Axis, objectiveAxis } from '../axis.ts'
import { CHARACTER, group, label, pathThrough, trialLine } from '../chart.ts'
import { strength, strengthColour } from '../colours.ts'
import type { Point, View } from '../view.ts'

const WIDTH = 1116
const AXIS_HEIGHT = 316
const MARGIN = 26
const BOLD_CHARACTER = 7
const MOST_LINES = 1500

const fading = Array.from({ length: SEQUENTIAL_LEVELS }, (_, i) =>
  Number((0.05 + 0.85 * (i / (SEQUENTIAL_LEVELS - 1)) ** 4).toFixed(2)),
)

interface Column {
  readonly title: string
  readonly full: string
  readonly axis: Axis
  readonly position: (point: Point) => number | undefined
}

export function parallelCoordinates(view: View): Figure | undefined {
  const points = view.ranked.slice(0, MOST_LINES)
  if (points.length < 2 || view.axes.length === 0) return undefined
  const parameters = view.axes.map((axis): Column => ({
    title: axis.short,
    full: axis.name,
    axis,
    position: ({ trial }) => axis.position(trial.parameters[axis.name]),
  }))
  const objectives = view.objectives.map(({ name, direction }, i): Column => {
    const axis = objectiveAxis(
      points.map(({ estimates }) => estimates[i]!.mean),
      direction,
    )
    return { title: name, full: name, axis, position: ({ estimates }) => axis.position(estimates[i]!.mean) }
  })
  const columns = [...parameters, ...objectives]
  const staggered = columns.length > 8
  const optional = columns.map(({ position }) => points.some((point) => position(point) === undefined))
  const top = staggered ? 44 : 30
  const bottom = top + AXIS_HEIGHT
  // Room for the first axis's labels on its left; all others have them there too, between the lines.
  const left = 14 + CHARACTER * Math.min(12, longest(columns[0]!.axis.ticks(6).map((tick) => tick.label)))
  const right = WIDTH - MARGIN
  const gap = columns.length > 1 ? (right - left) / (columns.length - 1) : 0
  const x = (i: number): number => left + gap * i
  const y = (position: number | undefined): number =>
    position === undefined ? bottom + 26 : bottom - (bottom - top) * position
  const direction = view.objectives[0]!.direction
  const level = (point: Point): number => strength(objectives[0]!.position(point) ?? 0.5, direction)
  // Of many lines the bad ones fade, or the good ones would drown.
  const crowded = points.length > 100
  const lines = points.toReversed().map((point) =>
    trialLine(pathThrough(columns.map((column, i) => [x(i), y(column.position(point))])), point.number, {
      stroke: strengthColour(level(point)),
      ...(crowded && { 'stroke-opacity': fading[level(point)]! }),
    }),
  )
  const body = drawFigure({
    kind: 'trials',
    description: `Parallel coordinates of ${points.length} trials over ${columns.map(({ full }) => full).join(', ')}`,
    width: WIDTH,
    height: bottom + (optional.some(Boolean) ? 50 : 14),
    x: { type: 'linear', domain: [0, 1], axis: null },
    y: { type: 'linear', domain: [0, 1], axis: null },
    marks: [
      () => group(lines, { fill: 'none', 'stroke-width': crowded ? 1 : 1.5, 'stroke-opacity': 0.85 }),
      () =>
        group(
          columns.map((column, i) => {
            const outer = i === 0 || i === columns.length - 1
            const anchor = i === 0 ? 'start' : outer ? 'end' : 'middle'
            const titleX = i === 0 ? x(i) - left + 4 : outer ? x(i) + MARGIN - 4 : x(i)
            const titleY = staggered && i % 2 === 1 ? 12 : staggered ? 28 : 14
            // A title may reach half-way to the next one in its row; the outer ones to the next one's end.
            const share = (gap * (staggered ? 2 : 1)) / 2
            const room = outer ? share + (i === 0 ? left : MARGIN) - 4 : 2 * share
            return axisOf(column, x(i), y, optional[i]!, gap, {
              title: label(
                ellipsis(column.title, Math.max(6, Math.floor((room - 8) / BOLD_CHARACTER))),
                titleX,
                titleY,
                {
                  'text-anchor': anchor,
                  'font-weight': 600,
                  ...(i >= parameters.length && { fill: 'var(--ink)' }),
                },
              ),
            })
          }),
        ),
    ],
  })
  return {
    id: 'parallel',
    title: 'Parallel coordinates',
    caption: `Each line is a complete trial${view.ranked.length > MOST_LINES ? `, the best ${MOST_LINES} of them` : ''}; the stronger its colour, the better its ${view.objectives[0]!.name}. Logarithmic parameters have logarithmic axes.${optional.some(Boolean) ? ' “Absent” is a parameter that does not exist under the trial’s other choices.' : ''} Point at a line to follow it here and in the other figures; click to keep it.`,
    body: html`<div class="scroll wide-plot">${body}</div>`,
    width: 'full',
  }
}

function axisOf(
  { axis }: Column,
  x: number,
  y: (position: number | undefined) => number,
  optional: boolean,
  gap: number,
  { title }: { title: SvgNode },
): SvgNode {
  const characters = Math.max(4, Math.floor((gap === 0 ? 200 : gap - 12) / CHARACTER))
  const all = axis.ticks(6)
  const every = Math.ceil(all.length / 24)
  const ticks = all.filter((_, i) => i % every === 0)
  return group([
    title,
    svgElement('path', { d: `M${x},${y(0)}V${y(1)}`, stroke: 'var(--faint)', fill: 'none' }),
    ...ticks.map(({ at, label: text }) =>
      label(ellipsis(text, Math.min(12, characters)), x - 5, y(at), {
        dy: '0.33em',
        'text-anchor': 'end',
        class: 'on-lines',
      }),
    ),
    optional ? label('absent', x, y(undefined) + 16, { fill: 'var(--faint)' }) : undefined,
  ])
}
