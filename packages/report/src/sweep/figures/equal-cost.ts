// Is a better point better, or only dearer? The objective against what a token costs, by the choices of the first
// categorical parameter; where all cost about the same, the choices side by side.
import { estimate } from '@mixlab/statistics'
import type { Figure } from '../../figure.ts'
import { percent, short } from '../../format.ts'
import { html } from '../../html.ts'
import { svgElement, type SvgNode } from '../../plot.ts'
import { armColour, ARM_COLOURS } from '../../theme.ts'
import { type Axis, numberAxis, objectiveAxis, type ParameterAxis, showValue } from '../axis.ts'
import { chart, dots, pathThrough, type Place } from '../chart.ts'
import type { Cost } from '../data.ts'
import type { Point, View } from '../view.ts'

const MEASURES: readonly { readonly key: keyof Cost; readonly title: string }[] = [
  { key: 'activeParameters', title: 'Active parameters per token' },
  { key: 'flopsPerToken', title: 'Floating-point operations per token' },
]

/** Costs this close to each other are one cost. */
const EQUAL = 0.05

export function equalCost(view: View): Figure[] {
  const { cost } = view.sweep
  const points = view.ranked.filter(({ number }) => cost?.[number] !== undefined)
  if (!cost || points.length < 2) return []
  const by = view.axes.find(({ choices }) => choices.length > 1)
  return MEASURES.flatMap(({ key, title }): Figure[] => {
    const of = (point: Point): number => cost[point.number]![key]
    const values = points.map(of).filter((value) => value > 0 && Number.isFinite(value))
    if (values.length < points.length) return []
    const [low, high] = [Math.min(...values), Math.max(...values)]
    const figure =
      high / low > 1 + EQUAL
        ? against(view, points, of, by, key, title, [low, high])
        : key === 'activeParameters' && by
          ? sideBySide(
              view,
              points,
              by,
              `${short(low)} to ${short(high)} active parameters, ${percent(high / low - 1)} apart`,
            )
          : undefined
    return figure ? [figure] : []
  })
}

function against(
  view: View,
  points: readonly Point[],
  of: (point: Point) => number,
  by: ParameterAxis | undefined,
  key: string,
  title: string,
  [low, high]: readonly [number, number],
): Figure {
  const { name, direction } = view.objectives[0]!
  const x = numberAxis(
    high / low > 3
      ? { low: low * 0.95, high: high * 1.05, logarithmic: true }
      : { low: low - (high - low) * 0.05, high: high + (high - low) * 0.05 },
  )
  const y = yAxis(points, direction)
  const groups = byChoice(points, by)
  const body = chart({
    width: 540,
    height: 320,
    description: `${name} against ${title.toLowerCase()} of ${points.length} trials`,
    x: { ticks: x.ticks(5).map((tick) => ({ ...tick, label: shortLabel(tick.label) })), title, grid: true },
    y: { ticks: y.ticks(5), title: name, grid: true },
    draw: (place) =>
      groups.flatMap(({ colour, members }) => {
        const at = members.map((point) => ({
          number: point.number,
          x: place.x(x.position(of(point))!),
          y: place.y(y.position(point.estimates[0]!.mean)!),
        }))
        return [
          dots(at, points.length > 200 ? 1.8 : 2.8, colour, points.length > 200 ? 0.45 : 0.75),
          envelope(at, colour, direction, place),
        ]
      }),
  })
  return {
    id: `cost-${key}`,
    title: `${name} against ${title.toLowerCase()}`,
    caption: `Each line is the best that was found at that cost or below${by ? `, for each ${by.short}` : ''}: where two lines cross the same cost, the ${direction === 'minimize' ? 'lower' : 'higher'} one bought more with it.`,
    body: html`${legend(groups)}${body}`,
    width: 'half',
  }
}

const shortLabel = (text: string): string => {
  const value = Number(text.replaceAll('\u2212', '-'))
  return Number.isFinite(value) ? short(value) : text
}

function sideBySide(view: View, points: readonly Point[], by: ParameterAxis, range: string): Figure {
  const { name, direction } = view.objectives[0]!
  const y = yAxis(points, direction)
  const groups = byChoice(points, by)
  const ticks = groups.map(({ text }, i) => ({ at: (i + 0.5) / groups.length, label: text }))
  const body = chart({
    width: 540,
    height: 320,
    description: `${name} by ${by.name} at equal cost`,
    x: { ticks, title: by.name },
    y: { ticks: y.ticks(5), title: name, grid: true },
    draw: (place) =>
      groups.flatMap(({ colour, members }, i) => {
        const width = (place.right - place.left) / groups.length
        const middle = place.left + width * (i + 0.5)
        const all = estimate(members.map(({ estimates }) => estimates[0]!.mean))!
        const level = (value: number): number => place.y(y.position(value)!)
        const at = members.map((point, j) => ({
          number: point.number,
          x: middle + (((j * 0.618033988749895) % 1) - 0.5) * width * 0.4,
          y: level(point.estimates[0]!.mean),
        }))
        return [
          Number.isFinite(all.halfWidth)
            ? svgElement('path', {
                d: `M${middle},${level(all.mean - all.halfWidth)}V${level(all.mean + all.halfWidth)}`,
                stroke: colour,
                'stroke-width': width * 0.5,
                'stroke-opacity': 0.16,
              })
            : undefined,
          dots(at, 2.8, colour, 0.75),
          svgElement('path', {
            d: `M${middle - width * 0.25},${level(all.mean)}h${width * 0.5}`,
            stroke: colour,
            'stroke-width': 2,
          }),
        ]
      }),
  })
  return {
    id: 'cost-equal',
    title: `${name} at equal cost`,
    caption: `All points cost about the same (${range}). The tick is the mean of a choice’s points, the band its 95 % interval: they were chosen by the sampler, so it says where it looked as well as what is better.`,
    body,
    width: 'half',
  }
}

const yAxis = (points: readonly Point[], direction: 'minimize' | 'maximize'): Axis =>
  objectiveAxis(
    points.map(({ estimates }) => estimates[0]!.mean),
    direction,
  )

interface Group {
  readonly text: string
  readonly colour: string
  readonly members: readonly Point[]
}

/** By choice, each with an arm's colour; more choices than colours, or no categorical parameter, are one group. */
function byChoice(points: readonly Point[], by: ParameterAxis | undefined): Group[] {
  if (!by || by.choices.length > ARM_COLOURS) return [{ text: '', colour: 'var(--accent)', members: points }]
  return by.choices.flatMap((choice, i): Group[] => {
    const members = points.filter(({ trial }) => trial.parameters[by.name] === choice)
    return members.length === 0 ? [] : [{ text: showValue(choice), colour: armColour(i), members }]
  })
}

const legend = (groups: readonly Group[]) =>
  groups.length < 2
    ? html``
    : html`<p class="legend">
        ${groups.map(({ text, colour }) => html`<span><i class="swatch" style="background:${colour}"></i>${text}</span>`)}
      </p>`

/** Down to the best at each cost or below. */
function envelope(
  dotsOf: readonly { readonly x: number; readonly y: number }[],
  colour: string,
  direction: 'minimize' | 'maximize',
  place: Place,
): SvgNode {
  const sign = direction === 'minimize' ? 1 : -1
  // The drawing's y grows downwards: lower values have larger y.
  let best = sign * -Infinity
  const steps: [number, number][] = []
  for (const { x, y } of dotsOf.toSorted((a, b) => a.x - b.x)) {
    if (sign * y <= sign * best) continue
    if (steps.length > 0) steps.push([x, best])
    steps.push([x, y])
    best = y
  }
  steps.push([place.right, best])
  return svgElement('path', { d: pathThrough(steps), fill: 'none', stroke: colour, 'stroke-width': 1.6 })
}
