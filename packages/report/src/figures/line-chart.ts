// Curves over training steps, one colour per arm. Several runs of an arm are thin, their mean is thick; raw values lie
// faint below their smoothed curve. The page's script finds a curve's value under the pointer from the path and the
// axes in the data attributes, so the data is not stored twice.
import * as Plot from '@observablehq/plot'
import { extent, thin } from '../curves.ts'
import { ellipsis, longest, number, short } from '../format.ts'
import type { Markup } from '../html.ts'
import { drawFigure, svgElement, type SvgNode } from '../plot.ts'
import type { Series } from '../series.ts'
import { armColour, armDash } from '../theme.ts'
import { spread } from './spread.ts'

export interface Curve {
  /** The arm's index: the colour. */
  readonly arm: number
  readonly label: string
  readonly points: Series
  /** `raw` is faint, `run` thin, `main` thick, `points` marks every value. */
  readonly weight: 'raw' | 'run' | 'main' | 'points'
}

export interface LineChart {
  readonly curves: readonly Curve[]
  readonly width: number
  readonly height: number
  /** With its unit. */
  readonly yTitle: string
  readonly xTitle?: string
  readonly description: string
  readonly yDomain?: readonly [number, number]
  readonly logarithmic?: boolean
  /** The y axis holds zero. */
  readonly zero?: boolean
  /** A horizontal line with a meaning, such as perfect balance. */
  readonly reference?: number
  /** Names the curves at their right ends. */
  readonly endLabels?: boolean
  /** How many points all the curves may have together. */
  readonly budget?: number
}

const styles = {
  raw: { strokeWidth: 0.75, strokeOpacity: 0.28 },
  run: { strokeWidth: 1, strokeOpacity: 0.45 },
  main: { strokeWidth: 1.9, strokeOpacity: 1 },
  points: { strokeWidth: 1.4, strokeOpacity: 1 },
} as const

const LABEL_CHARACTERS = 20

/** Nothing when no curve has a finite point. */
export function lineChart(chart: LineChart): Markup | undefined {
  const budget = chart.budget ?? 9000
  const drawn = chart.curves.filter((curve) => curve.points.some((point) => Number.isFinite(point.value)))
  if (drawn.length === 0) return undefined
  const limit = Math.max(24, Math.min(400, Math.floor(budget / drawn.length)))
  const curves = drawn
    .map((curve) => ({ ...curve, points: thin(withoutStart(curve.points, chart.yDomain?.[1]), limit) }))
    .map((curve) => (chart.logarithmic ? { ...curve, points: curve.points.filter((point) => point.value > 0) } : curve))
  const values = curves.flatMap((curve) => curve.points.map((point) => point.value))
  if (chart.reference !== undefined) values.push(chart.reference)
  const positive = values.filter((value) => value > 0)
  const yDomain =
    chart.yDomain ??
    (chart.logarithmic
      ? ([Math.min(...positive) * 0.9, Math.max(...positive) * 1.1] as const)
      : extent(values, { zero: chart.zero ?? false }))
  const lastStep = Math.max(...curves.flatMap((curve) => curve.points.map((point) => point.step)))
  const firstStep = Math.min(...curves.flatMap((curve) => curve.points.map((point) => point.step)))
  const xDomain: [number, number] =
    firstStep === lastStep ? [firstStep - 1, lastStep + 1] : [Math.min(firstStep, 0), lastStep]

  const named = chart.endLabels === true ? labelled(curves) : []
  const widest = longest(named.map((curve) => ellipsis(curve.label, LABEL_CHARACTERS)))
  const margins = {
    marginTop: 26,
    marginBottom: 38,
    marginLeft: 44,
    marginRight: named.length > 0 ? Math.min(140, 24 + widest * 6.2) : 14,
  }
  const inside = chart.height - margins.marginTop - margins.marginBottom
  const yTicks = Math.max(2, Math.floor(inside / 45))
  const across = chart.width - margins.marginLeft - margins.marginRight
  const fraction = (value: number): number =>
    chart.logarithmic
      ? Math.log(value / yDomain[0]) / Math.log(yDomain[1] / yDomain[0])
      : (value - yDomain[0]) / (yDomain[1] - yDomain[0])
  const labels = spread(
    named.map((curve) => {
      const end = curve.points.at(-1)!
      const y = margins.marginTop + inside * (1 - Math.min(1, Math.max(0, fraction(end.value))))
      const x = margins.marginLeft + (across * (end.step - xDomain[0])) / (xDomain[1] - xDomain[0])
      return { curve, at: y, x }
    }),
    12.5,
    [margins.marginTop, chart.height - margins.marginBottom],
  )

  return drawFigure({
    kind: 'lines',
    description: chart.description,
    width: chart.width,
    height: chart.height,
    ...margins,
    x: {
      domain: xDomain,
      ticks: Math.max(2, Math.floor(across / 90)),
      tickFormat: short,
      tickSize: 0,
      label: chart.xTitle ?? 'Step',
      labelAnchor: 'center',
      labelOffset: 33,
      labelArrow: 'none',
    },
    y: {
      domain: [...yDomain],
      clamp: true,
      ...(chart.logarithmic && { type: 'log' as const }),
      ticks: yTicks,
      tickFormat: number,
      tickSize: 0,
      label: chart.yTitle,
      labelArrow: 'none',
    },
    data: {
      x: [...xDomain, margins.marginLeft, chart.width - margins.marginRight].join(' '),
      y: [...yDomain, chart.height - margins.marginBottom, margins.marginTop].join(' '),
      ...(chart.logarithmic && { log: '1' }),
    },
    marks: [
      Plot.gridY({ stroke: 'var(--rule)', strokeOpacity: 1, ticks: yTicks }),
      chart.reference !== undefined &&
        Plot.ruleY([chart.reference], { stroke: 'var(--faint)', strokeDasharray: '2 3' }),
      ...curves.map((curve) => mark(curve)),
      () => names(labels, chart.width - margins.marginRight),
    ].filter((mark) => mark !== false),
  })
}

/** Without the points at the start that lie above the chart, but for the last of them: the curve enters at the top. */
function withoutStart(points: Series, top = Infinity): Series {
  const inside = points.findIndex((point) => point.value <= top)
  return inside > 0 ? points.slice(inside - 1) : points
}

function mark(curve: Curve): Plot.Markish {
  const className = `arm-${curve.arm} ${curve.weight}`
  const colour = armColour(curve.arm)
  const dash = armDash(curve.arm)
  const line = Plot.line(curve.points as Series[number][], {
    x: 'step',
    y: 'value',
    stroke: colour,
    className,
    ...styles[curve.weight],
    ...(dash !== undefined && { strokeDasharray: dash }),
  })
  const dots = (r: number): Plot.Markish =>
    Plot.dot(curve.points as Series[number][], {
      x: 'step',
      y: 'value',
      r,
      fill: colour,
      stroke: 'var(--page)',
      strokeWidth: 1,
      className: `arm-${curve.arm} dots`,
    })
  if (curve.weight === 'points') return [line, dots(2.6)]
  return curve.points.length === 1 ? dots(3) : line
}

/** The curves that get a name: the thick ones, or all when there are none; too many are left to the legend. */
function labelled(curves: readonly Curve[]): readonly Curve[] {
  const thick = curves.filter((curve) => curve.weight === 'main' || curve.weight === 'points')
  const unique = [...new Map(thick.map((curve) => [curve.arm, curve])).values()]
  return unique.length > 16 ? [] : unique
}

/** Names at the right edge, each joined to its curve's end where it had to move away from it. */
function names(labels: readonly { curve: Curve; at: number; x: number; placed: number }[], edge: number): SvgNode {
  const group = svgElement('g', { 'text-anchor': 'start', 'font-weight': 600 })
  for (const { curve, at, x, placed } of labels) {
    const colour = armColour(curve.arm)
    const path = `M${x + 3},${at}L${edge + 4},${at}L${edge + 12},${placed}`
    group.appendChild(
      svgElement('path', {
        d: path,
        fill: 'none',
        stroke: colour,
        'stroke-opacity': 0.5,
        class: `arm-${curve.arm} lead`,
      }),
    )
    const text = svgElement('text', {
      x: edge + 15,
      y: placed,
      dy: '0.32em',
      fill: colour,
      class: `arm-${curve.arm} name`,
    })
    text.textContent = ellipsis(curve.label, LABEL_CHARACTERS)
    group.appendChild(text)
  }
  return group
}
