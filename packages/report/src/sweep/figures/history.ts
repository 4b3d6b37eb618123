// How the best value came down over the trials.
import { svgElement, type SvgNode } from '../../plot.ts'
import type { Figure } from '../../figure.ts'
import { html } from '../../html.ts'
import { numberAxis, objectiveAxis } from '../axis.ts'
import { BEST, COMPLETE, FAINT } from '../colours.ts'
import { chart, dots, keys, pathThrough, type Place } from '../chart.ts'
import type { Point, View } from '../view.ts'

export function history(view: View, objective: number): Figure | undefined {
  const { name, direction } = view.objectives[objective]!
  const complete = view.ranked.toSorted((a, b) => a.number - b.number)
  if (complete.length === 0) return undefined
  const value = (point: Point): number => point.estimates[objective]!.mean
  const intervals = complete.filter((point) => Number.isFinite(point.estimates[objective]!.halfWidth))
  const ends = intervals.flatMap((point) => {
    const { mean, halfWidth } = point.estimates[objective]!
    return [mean - halfWidth, mean + halfWidth]
  })
  const y = objectiveAxis([...complete.map(value), ...ends], direction)
  const shown = view.pruned.filter((point) => inside(y.position(value(point))))
  const last = Math.max(1, ...view.points.map(({ number }) => number))
  const x = numberAxis({ low: 0, high: last, whole: true, cell: Math.max(1, last / 50) })
  const at = (place: Place, point: Point) => ({
    x: place.x(x.position(point.number)!),
    y: place.y(y.position(value(point))!),
    number: point.number,
  })
  const records = bestSoFar(complete, value, direction)
  const failed = view.points.filter(({ trial, diverged }) => trial.state === 'failed' || diverged > 0)
  const body = chart({
    width: 700,
    height: 360,
    description: `${name} of each trial and the best so far: ${complete.length} complete trials`,
    x: { ticks: x.ticks(7), title: 'Trial' },
    y: { ticks: y.ticks(6), title: name, grid: true },
    draw: (place) => [
      dots(
        shown.map((point) => at(place, point)),
        1.8,
        FAINT,
        0.7,
      ),
      ...intervals.map((point) => errorBar(place, at(place, point).x, point, objective, y.position)),
      staircase(
        place,
        records.map((point) => at(place, point)),
        place.x(x.position(last)!),
      ),
      dots(
        complete.map((point) => at(place, point)),
        3,
        COMPLETE,
      ),
      dots(
        records.map((point) => at(place, point)),
        3,
        BEST,
      ),
      crosses(
        place,
        failed.map((point) => ({ x: place.x(x.position(point.number)!), number: point.number })),
      ),
      keys(
        [
          { text: 'complete', colour: COMPLETE, kind: 'dot' },
          ...(shown.length > 0 ? [{ text: 'stopped early', colour: FAINT, kind: 'small' as const }] : []),
          { text: 'best so far', colour: BEST, kind: 'line' },
        ],
        place,
      ),
    ],
  })
  const parts = [
    intervals.length > 0 && 'A bar is the 95 % interval over seeds.',
    view.pruned.length > 0 &&
      `Trials that were stopped early stand at their last value, which is not comparable with a finished one${shown.length < view.pruned.length ? `; ${view.pruned.length - shown.length} of them lie beyond the frame` : ''}.`,
    failed.length > 0 && 'Crosses at the edge are trials that failed or had a value that is not a number.',
    'Values far out lie at the edge; the best of many noisy values is optimistic.',
  ].filter(Boolean)
  return {
    id: view.objectives.length > 1 ? `history-${objective + 1}` : 'history',
    title: `${name}, trial by trial`,
    caption: `${direction === 'minimize' ? 'Lower' : 'Higher'} is better. ${parts.join(' ')}`,
    body: html`<div class="scroll mid-plot">${body}</div>`,
    width: 'wide',
  }
}

const inside = (position: number | undefined): boolean => position !== undefined && position > 0 && position < 1

/** The trials that were better than all before them. */
export function bestSoFar(
  points: readonly Point[],
  value: (point: Point) => number,
  direction: 'minimize' | 'maximize',
): Point[] {
  const sign = direction === 'minimize' ? 1 : -1
  let best = Infinity
  return points.filter((point) => {
    const better = sign * value(point) < best
    if (better) best = sign * value(point)
    return better
  })
}

function staircase(place: Place, corners: readonly { x: number; y: number }[], end: number): SvgNode {
  const path = corners.flatMap(({ x, y }, i): [number, number][] => [
    [x, y],
    [corners[i + 1]?.x ?? Math.max(x, end, place.left), y],
  ])
  return svgElement('path', { d: pathThrough(path), fill: 'none', stroke: BEST, 'stroke-width': 1.8 })
}

function errorBar(
  place: Place,
  x: number,
  point: Point,
  objective: number,
  position: (value: number) => number | undefined,
): SvgNode {
  const { mean, halfWidth } = point.estimates[objective]!
  const [low, high] = [position(mean - halfWidth) ?? 0, position(mean + halfWidth) ?? 1]
  const d = pathThrough([
    [x, place.y(low)],
    [x, place.y(high)],
  ])
  return svgElement('path', { d, stroke: COMPLETE, 'stroke-opacity': 0.45, 'stroke-width': 1.6 })
}

/** Along the frame's top: what has no value. */
function crosses(place: Place, failed: readonly { x: number; number: number }[]): SvgNode | undefined {
  if (failed.length === 0) return undefined
  return svgElement('path', {
    d: failed.map(({ x }) => `M${x.toFixed(1)},${place.top - 3}l5,5m-5,0l5,-5`).join(''),
    transform: 'translate(-2.5,0)',
    stroke: 'var(--bad)',
    'stroke-width': 1.4,
    fill: 'none',
  })
}
