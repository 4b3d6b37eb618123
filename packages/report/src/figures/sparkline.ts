// A curve the size of a word, for a table's row: the same window and scale in all rows, so that they compare.
import { thin } from '../curves.ts'
import { html, type Markup } from '../html.ts'
import type { Series } from '../series.ts'

const WIDTH = 92
const HEIGHT = 22

/** @param domain lowest and highest value of all rows; outside it the curve is cut */
export function sparkline(
  series: Series,
  lastStep: number,
  domain: readonly [number, number],
  colour: string,
): Markup | undefined {
  const points = thin(series, 40)
  if (points.length === 0 || lastStep <= 0) return undefined
  const x = ({ step }: { step: number }): number => 2 + ((WIDTH - 4) * step) / lastStep
  const y = ({ value }: { value: number }): number =>
    2 + (HEIGHT - 4) * (1 - Math.min(1, Math.max(0, (value - domain[0]) / (domain[1] - domain[0] || 1))))
  const place = (point: Series[number]): string => `${x(point).toFixed(1)},${y(point).toFixed(1)}`
  const end = points.at(-1)!
  return html`<svg
    class="spark"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    width="${WIDTH}"
    height="${HEIGHT}"
    aria-hidden="true"
  >
    <polyline points="${points.map(place).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.3" />
    <circle cx="${x(end).toFixed(1)}" cy="${y(end).toFixed(1)}" r="2" fill="${colour}" />
  </svg>`
}
