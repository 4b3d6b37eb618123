// A frame with two axes of [0, 1], and marks that belong to trials. Many points are one path of zero-length strokes with
// round ends, ten bytes a point; which trial a mark is stands in its `data-trials`, so that the page's script lights up
// the same trial in all figures.
import * as Plot from '@observablehq/plot'
import { ellipsis, longest } from '../format.ts'
import type { Markup } from '../html.ts'
import { drawFigure, svgElement, type SvgNode } from '../plot.ts'
import type { Tick } from './axis.ts'

export interface Place {
  /** From [0, 1] to the drawing's units. */
  x(position: number): number
  y(position: number): number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

export interface ChartAxis {
  readonly ticks: readonly Tick[]
  readonly title?: string
  /** Lines across the frame at its ticks. */
  readonly grid?: boolean
}

export interface Chart {
  readonly width: number
  readonly height: number
  readonly description: string
  readonly x: ChartAxis
  readonly y: ChartAxis
  readonly marginRight?: number
  readonly marginTop?: number
  /** Drawn in order, the first lowest. */
  draw(place: Place): readonly (SvgNode | undefined)[]
  /** Marks of Plot's own, below the others, in an x and y of [0, 1]. */
  readonly marks?: readonly Plot.Markish[]
  readonly color?: Plot.ScaleOptions
}

export const CHARACTER = 6.2
const TICK_CHARACTERS = 16
const TURNED_CHARACTERS = 11

export function chart(options: Chart): Markup {
  const yLabels = options.y.ticks.map(({ label }) => ellipsis(label, TICK_CHARACTERS))
  const marginLeft = Math.max(30, 12 + CHARACTER * longest(yLabels))
  const marginRight = options.marginRight ?? 14
  const across = options.width - marginLeft - marginRight
  const widest = longest(options.x.ticks.map(({ label }) => ellipsis(label, TICK_CHARACTERS)))
  const room = across * leastGap(options.x.ticks)
  const turned = widest * CHARACTER + 4 > room
  // Turned labels need a line's height each; of more choices than that, every second or third is named.
  const every = turned ? Math.ceil(12 / room) : 1
  const xTicks = options.x.ticks.filter((_, i) => i % every === 0)
  const xLabels = xTicks.map(({ label }) => ellipsis(label, turned ? TURNED_CHARACTERS : TICK_CHARACTERS))
  const below = turned ? Math.min(84, 14 + longest(xLabels) * CHARACTER * 0.72) : 18
  const marginBottom = below + (options.x.title === undefined ? 0 : 18)
  const marginTop = options.marginTop ?? (options.y.title === undefined ? 10 : 26)
  const [right, bottom] = [options.width - marginRight, options.height - marginBottom]
  const place: Place = {
    x: (position) => marginLeft + across * position,
    y: (position) => bottom - (bottom - marginTop) * position,
    left: marginLeft,
    right,
    top: marginTop,
    bottom,
  }
  const at = ({ at: position }: Tick): number => position
  return drawFigure({
    kind: 'trials',
    description: options.description,
    width: options.width,
    height: options.height,
    marginLeft,
    marginRight,
    marginTop,
    marginBottom,
    x: { type: 'linear', domain: [0, 1], axis: null },
    y: { type: 'linear', domain: [0, 1], axis: null },
    ...(options.color && { color: options.color }),
    marks: [
      ...(options.marks ?? []),
      options.y.grid === true && Plot.gridY(options.y.ticks.map(at), { stroke: 'var(--rule)', strokeOpacity: 1 }),
      options.x.grid === true && Plot.gridX(options.x.ticks.map(at), { stroke: 'var(--rule)', strokeOpacity: 1 }),
      Plot.axisY(options.y.ticks.map(at), {
        tickSize: 0,
        tickPadding: 6,
        label: options.y.title === undefined ? null : ellipsis(options.y.title, Math.floor(options.width / CHARACTER)),
        labelArrow: 'none',
        tickFormat: (_: number, i: number) => yLabels[i] ?? '',
      }),
      Plot.axisX(xTicks.map(at), {
        tickSize: 0,
        tickPadding: 6,
        label: options.x.title === undefined ? null : ellipsis(options.x.title, Math.floor(across / CHARACTER)),
        labelAnchor: 'center',
        labelArrow: 'none',
        labelOffset: marginBottom - 3,
        tickFormat: (_: number, i: number) => xLabels[i] ?? '',
        ...(turned && { tickRotate: -40, textAnchor: 'end' as const }),
      }),
      () => group(options.draw(place)),
    ].filter((mark) => mark !== false),
  })
}

/** Between neighbouring ticks, as a share of the axis. */
function leastGap(ticks: readonly Tick[]): number {
  const places = ticks.map(({ at }) => at).toSorted((a, b) => a - b)
  return Math.min(1, ...places.slice(1).map((place, i) => place - places[i]!))
}

export function group(
  children: readonly (SvgNode | undefined)[],
  attributes: Readonly<Record<string, string | number>> = {},
): SvgNode {
  const node = svgElement('g', attributes)
  for (const child of children) if (child) node.appendChild(child)
  return node
}

export interface Dot {
  readonly x: number
  readonly y: number
  readonly number: number
}

const coordinate = (value: number): string => String(Number(value.toFixed(1)))

/** All dots of one look, in the drawing's units. */
export function dots(all: readonly Dot[], radius: number, colour: string, opacity = 1): SvgNode | undefined {
  if (all.length === 0) return undefined
  return svgElement('path', {
    class: 'dots',
    d: all.map(({ x, y }) => `M${coordinate(x)},${coordinate(y)}h0`).join(''),
    stroke: colour,
    'stroke-width': radius * 2,
    ...(opacity < 1 && { 'stroke-opacity': opacity }),
    'data-trials': all.map(({ number }) => number).join(' '),
  })
}

/** One trial's curve. */
export const trialLine = (
  d: string,
  number: number,
  attributes: Readonly<Record<string, string | number>> = {},
): SvgNode => svgElement('path', { class: 'line', d, 'data-trials': number, ...attributes })

/** A path through points; a gap where one is undefined. */
export function pathThrough(points: readonly (readonly [number, number] | undefined)[]): string {
  let pen = 'M'
  let path = ''
  for (const point of points) {
    if (point) path += `${pen}${coordinate(point[0])},${coordinate(point[1])}`
    pen = point ? 'L' : 'M'
  }
  return path
}

export function label(
  text: string,
  x: number,
  y: number,
  attributes: Readonly<Record<string, string | number>> = {},
): SvgNode {
  const node = svgElement('text', { x: coordinate(x), y: coordinate(y), ...attributes })
  node.textContent = text
  return node
}

export interface LegendEntry {
  readonly text: string
  readonly colour: string
  readonly kind: 'dot' | 'line' | 'small'
}

/** A row of keys at the top right of the frame. */
export function keys(entries: readonly LegendEntry[], place: Place): SvgNode {
  const y = place.top - 14
  let right = place.right
  const nodes = entries.toReversed().flatMap(({ text, colour, kind }) => {
    right -= text.length * CHARACTER
    const start = right
    right -= kind === 'line' ? 24 : 14
    const mark =
      kind === 'line'
        ? svgElement('path', { d: `M${right},${y}h18`, stroke: colour, 'stroke-width': 1.8, fill: 'none' })
        : svgElement('circle', { cx: right + 4, cy: y, r: kind === 'dot' ? 3.4 : 2.2, fill: colour })
    right -= 14
    return [mark, label(text, start, y, { dy: '0.33em', 'text-anchor': 'start' })]
  })
  return group(nodes, { class: 'keys' })
}
