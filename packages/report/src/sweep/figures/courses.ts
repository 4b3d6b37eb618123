// The objective while the trials ran, with the steps at which the stopper judged.
import { finite } from '../../curves.ts'
import type { Figure } from '../../figure.ts'
import { short } from '../../format.ts'
import { html } from '../../html.ts'
import { svgElement } from '../../plot.ts'
import type { Series } from '../../series.ts'
import { fenced, numberAxis, objectiveAxis } from '../axis.ts'
import { BEST, COMPLETE, FAINT } from '../colours.ts'
import { chart, keys, label, pathThrough, trialLine } from '../chart.ts'
import type { View } from '../view.ts'

const BUDGET = 24_000

interface Course {
  readonly state: string
  readonly points: Series
}

/** At most about `limit` points: half of them evenly, half denser at the start where curves bend, and the rungs. */
function sampled(points: Series, limit: number, rungs: readonly number[]): Series {
  if (points.length <= limit) return points
  const kept = new Set([points.length - 1])
  for (let i = 0; i < limit / 2; i++) {
    const t = i / (limit / 2)
    kept.add(Math.floor(t * points.length))
    kept.add(Math.floor(points.length ** t) - 1)
  }
  return points.filter(({ step }, i) => kept.has(i) || rungs.includes(step))
}

/** The values from `start` on, and all that are better; what was worse before then is cut. */
function worthShowing(curves: readonly Course[], start: number, direction: 'minimize' | 'maximize'): number[] {
  const values = curves.flatMap(({ points }) => {
    const later = points.filter(({ step }) => step >= start)
    return (later.length > 0 ? later : points.slice(-1)).map(({ value }) => value)
  })
  return values.length > 0 ? [...fenced(values, direction)] : []
}

/** For one objective: a trial of several reports none while it runs. */
export function courses(view: View): Figure | undefined {
  const objective = view.objectives[0]!
  const running = view.points.filter(({ trial }) => trial.intermediate.size > 1)
  if (view.objectives.length !== 1 || running.length === 0) return undefined
  const limit = Math.max(16, Math.min(160, Math.floor(BUDGET / running.length)))
  const last = Math.max(...running.flatMap(({ trial }) => [...trial.intermediate.keys()]))
  const first = Math.min(...running.flatMap(({ trial }) => [...trial.intermediate.keys()]))
  const rungs = (view.sweep.rungs ?? []).filter((step) => step >= first && step <= last)
  const curves = running.map(({ number, trial }) => ({
    number,
    state: trial.state,
    points: sampled(finite([...trial.intermediate].map(([step, value]) => ({ step, value }))), limit, rungs),
  }))
  const y = objectiveAxis(
    worthShowing(curves, rungs[0] ?? first + (last - first) / 20, objective.direction),
    objective.direction,
  )
  // What lies outside the frame at the start is cut but for the last of it: the curve enters at the edge.
  const outside = (value: number): boolean => [0, 1].includes(y.position(value)!)
  const drawn = curves.map((curve) => {
    const enters = curve.points.findIndex(({ value }) => !outside(value))
    return enters > 1 ? { ...curve, points: curve.points.slice(enters - 1) } : curve
  })
  // Rungs grow geometrically: on a logarithmic axis the early ones, where most is decided, have as much room as the late.
  const logarithmic = rungs.length > 1
  const start = Math.min(...drawn.map(({ points }) => points[0]?.step ?? Infinity))
  const x = numberAxis({ low: logarithmic ? Math.max(1, start) : 0, high: last, logarithmic })
  const winner = view.ranked[0]?.number
  const crowd = curves.length > 150
  const look = (number: number, state: string): Record<string, string | number> =>
    number === winner
      ? { stroke: BEST, 'stroke-width': 2.4 }
      : state === 'complete'
        ? { stroke: COMPLETE, 'stroke-width': crowd ? 0.8 : 1.3, 'stroke-opacity': crowd ? 0.2 : 0.85 }
        : { stroke: FAINT, 'stroke-width': 0.8, 'stroke-opacity': crowd ? 0.22 : 0.5 }
  const layer = ({ number, state }: (typeof curves)[number]): number =>
    number === winner ? 2 : state === 'complete' ? 1 : 0
  const stopped = curves.some(({ state }) => state === 'pruned')
  const body = chart({
    width: 1116,
    height: 380,
    description: `${objective.name} over steps of ${curves.length} trials`,
    marginTop: rungs.length > 0 ? 44 : 28,
    x: { ticks: x.ticks(9), title: 'Step' },
    y: { ticks: y.ticks(6), title: objective.name, grid: true },
    draw: (place) => [
      ...rungs.flatMap((step, i) => {
        const at = place.x(x.position(step)!)
        const before = i > 0 ? place.x(x.position(rungs[i - 1]!)!) : -Infinity
        return [
          svgElement('path', {
            d: `M${at.toFixed(1)},${place.top}V${place.bottom}`,
            stroke: FAINT,
            'stroke-dasharray': '2 3',
            fill: 'none',
          }),
          at - before > 40 ? label(short(step), at, place.top - 5, { class: 'rung' }) : undefined,
        ]
      }),
      ...drawn
        .toSorted((a, b) => layer(a) - layer(b))
        .map(({ number, state, points }) =>
          trialLine(
            pathThrough(points.map((point) => [place.x(x.position(point.step)!), place.y(y.position(point.value)!)])),
            number,
            { fill: 'none', ...look(number, state) },
          ),
        ),
      keys(
        [
          { text: 'complete', colour: COMPLETE, kind: 'line' },
          ...(stopped ? [{ text: 'stopped early', colour: FAINT, kind: 'line' as const }] : []),
          ...(winner === undefined
            ? []
            : [{ text: `best mean, trial ${winner}`, colour: BEST, kind: 'line' as const }]),
        ],
        { ...place, top: rungs.length > 0 ? place.top - 16 : place.top },
      ),
    ],
  })
  return {
    id: 'courses',
    title: 'While they ran',
    caption: `Reported values of ${objective.name}.${rungs.length > 0 ? ' Dashed lines are the steps at which the stopper judges, each named above.' : ''}${stopped ? ' Faint curves were stopped early.' : ''} Values outside the frame are held at its edge.`,
    body: html`<div class="scroll wide-plot">${body}</div>`,
    width: 'full',
  }
}
