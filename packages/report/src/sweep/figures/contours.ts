// How two parameters act together: a surface through the trials, for pairs of the most important numeric parameters.
import * as Plot from '@observablehq/plot'
import type { Figure } from '../../figure.ts'
import { html } from '../../html.ts'
import { number } from '../../format.ts'
import { SEQUENTIAL_LEVELS } from '../../theme.ts'
import { svgElement, type SvgNode } from '../../plot.ts'
import { scaleLegend } from '../../figures/heat-map.ts'
import { fenced, type ParameterAxis } from '../axis.ts'
import { chart, dots, type Place } from '../chart.ts'
import type { Basis } from '../basis.ts'
import type { Importances } from '../importances.ts'
import { fitSurface, type Located, REACH } from '../surface.ts'

const COLUMNS = 40
const ROWS = 32

export function contours(basis: Basis, found: Importances | undefined, id: string): Figure[] {
  const numeric = (found?.parameters ?? [])
    .filter(({ axis, trials }) => axis.choices.length === 0 && trials === found?.trials)
    .map(({ axis }) => axis)
    .slice(0, 3)
  const pairs = numeric.flatMap((a, i) => numeric.slice(i + 1).map((b) => [a, b] as const))
  return pairs.flatMap(
    ([a, b]) =>
      contour(
        basis,
        a,
        b,
        `contour-${id}-${`${a.name}-${b.name}`.replaceAll(/[^\w-]+/g, '-')}`,
        pairs.length === 1 ? 'half' : 'panel',
      ) ?? [],
  )
}

function contour(
  { label: name, direction, entries }: Basis,
  a: ParameterAxis,
  b: ParameterAxis,
  id: string,
  width: 'half' | 'panel',
): Figure | undefined {
  const [low, high] = fenced(
    entries.map(({ value }) => value),
    direction,
  )
  const points = entries.map(({ number: trial, trial: { parameters }, value }) => ({
    number: trial,
    x: a.position(parameters[a.name])!,
    y: b.position(parameters[b.name])!,
    z: Math.max(low, Math.min(high, value)),
  }))
  const surface = fitSurface(points, COLUMNS, ROWS)
  if (!surface) return undefined
  const heights = [...surface.values].filter((_, i) => surface.near[i] === 1)
  const [least, most] = [Math.min(...heights), Math.max(...heights)]
  if (!(most > least)) return undefined
  const thresholds = Array.from(
    { length: SEQUENTIAL_LEVELS - 1 },
    (_, i) => least + ((i + 1) * (most - least)) / SEQUENTIAL_LEVELS,
  )
  const levels = Array.from({ length: SEQUENTIAL_LEVELS }, (_, i) =>
    direction === 'minimize' ? SEQUENTIAL_LEVELS - 1 - i : i,
  )
  const [worst, best] = direction === 'minimize' ? [most, least] : [least, most]
  const body = chart({
    width: width === 'half' ? 540 : 356,
    height: width === 'half' ? 380 : 290,
    description: `${name} over ${a.name} and ${b.name}, a smoothed surface through ${points.length} trials`,
    x: { ticks: a.ticks(5), title: a.name },
    y: { ticks: b.ticks(5), title: b.name },
    color: { type: 'threshold', domain: thresholds, range: levels.map((level) => `var(--s${level})`) },
    marks: [
      Plot.contour([...surface.values], {
        width: COLUMNS,
        height: ROWS,
        x1: 0,
        x2: 1,
        y1: 0,
        y2: 1,
        // The lowest band begins below the lowest value.
        thresholds: [least - (most - least), ...thresholds],
        fill: (value: number) => value,
        stroke: 'var(--page)',
        strokeWidth: 0.5,
        strokeOpacity: 0.6,
        render: (index, scales, channels, dimensions, context, next) => {
          const drawn = next?.(index, scales, channels, dimensions, context) ?? null
          drawn?.setAttribute('clip-path', `url(#${id}-near)`)
          return drawn
        },
      }),
    ],
    draw: (place) => {
      const at = points.map((point) => ({ ...point, x: place.x(point.x), y: place.y(point.y) }))
      const near = nearPoints(points, place, `${id}-near`)
      return at.length > 150
        ? [near, dots(at, 0.9, 'var(--ink)', 0.55)]
        : [near, dots(at, 2.4, 'var(--page)'), dots(at, 1.6, 'var(--ink)')]
    },
  })
  return {
    id,
    title: `${a.short} × ${b.short}`,
    caption: `${name} smoothed over the other parameters (local linear regression, bandwidth ${number(surface.bandwidth)} of the axes); blank where no trial is near.`,
    body: html`${scaleLegend(
      {
        kind: 'sequential',
        level: () => 0,
        legend: [worst, (worst + best) / 2, best].map((value) => number(Number(value.toPrecision(3)))),
        show: number,
      },
      name,
    )}${body}`,
    width,
  }
}

/** Where the surface is drawn: within reach of a trial. Trials that are nearly at one place need one circle. */
function nearPoints(points: readonly Located[], place: Place, id: string): SvgNode {
  const kept: Located[] = []
  for (const point of points) {
    if (!kept.some(({ x, y }) => Math.hypot(x - point.x, y - point.y) < REACH / 6)) kept.push(point)
  }
  const [rx, ry] = [REACH * (place.right - place.left), REACH * (place.bottom - place.top)]
  const circles = kept.map(({ x, y }) =>
    svgElement('ellipse', {
      cx: place.x(x).toFixed(1),
      cy: place.y(y).toFixed(1),
      rx: rx.toFixed(1),
      ry: ry.toFixed(1),
    }),
  )
  const clip = svgElement('clipPath', { id })
  for (const circle of circles) clip.appendChild(circle)
  return clip
}
