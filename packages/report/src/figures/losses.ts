// The two figures that answer "which is better": how the loss fell, and where it ended with its noise.
import * as Plot from '@observablehq/plot'
import type { Arm } from '../arms.ts'
import { extent, quantile } from '../curves.ts'
import { armCurves, type Figure } from '../figure.ts'
import { ellipsis, longest, number } from '../format.ts'
import { deciding, looksAhead, type MeasuredColumn, validationLoss } from '../measures.ts'
import { drawFigure } from '../plot.ts'
import { armColour } from '../theme.ts'
import { type Curve, lineChart } from './line-chart.ts'

const RUNS_WITH_RAW = 6
const SMOOTHING = 0.015

/** Training loss, smoothed over its faint raw values, and the validation points, of all arms. */
export function lossCurves(arms: readonly Arm[]): Figure | undefined {
  const runs = arms.flatMap((arm) => arm.runs.map((run) => ({ arm, run })))
  const dense = runs.some(({ run }) => run.series.loss.length * SMOOTHING >= 1.5)
  const raw =
    runs.length > RUNS_WITH_RAW || !dense
      ? []
      : runs.map(({ arm, run }): Curve => ({
          arm: arm.index,
          label: arm.label,
          points: run.series.loss,
          weight: 'raw',
        }))
  const crossEntropy = arms.every((arm) =>
    arm.runs.every(({ series }) => series.losses.has('crossEntropy') || series.loss.length === 0),
  )
  const training = armCurves(arms, (run) => (crossEntropy ? (run.losses.get('crossEntropy') ?? []) : run.loss), {
    smoothing: SMOOTHING,
  })
  const rawShown = crossEntropy
    ? raw.map((curve, i) => ({ ...curve, points: runs[i]!.run.series.losses.get('crossEntropy') ?? [] }))
    : raw
  const validation = armCurves(arms, validationLoss)
    .filter((curve) => curve.weight === 'main')
    .map((curve): Curve => ({ ...curve, weight: 'points' }))
  const trainingWeight = validation.length > 0 ? 'run' : 'main'
  const curves = [
    ...rawShown,
    ...training.map((curve): Curve => ({ ...curve, weight: curve.weight === 'main' ? trainingWeight : 'raw' })),
    ...validation,
  ]
  const domain = lossDomain([...training, ...validation])
  const body = lineChart({
    curves,
    width: arms.length > 1 ? 700 : 760,
    height: 400,
    yTitle: 'Cross-entropy (nats per token)',
    description: `Loss over training steps for ${arms.map((arm) => arm.label).join(', ')}`,
    endLabels: arms.length > 1,
    budget: 14_000,
    ...(domain && { yDomain: domain }),
  })
  if (!body) return undefined
  const parts = [
    rawShown.length > 0 && 'faint lines: raw batches',
    `thin lines: training loss${dense ? ', smoothed' : ''}`,
    validation.length > 0 && `dots: validation${arms.some((arm) => arm.runs.length > 1) ? ', mean over seeds' : ''}`,
  ].filter(Boolean)
  return {
    id: 'losses',
    title: 'Loss',
    caption: `Lower is better; a validation curve that turns up while the training loss falls is memorising. ${sentence(parts.join('; '))}; values outside the frame are cut.`,
    body,
    width: arms.length > 1 ? 'wide' : 'full',
  }
}

const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

/** From the lowest value to where most curves are after the first tenth; a run that diverged does not stretch it. */
function lossDomain(curves: readonly Curve[]): [number, number] | undefined {
  const values = curves
    .map((curve) => curve.points.map((p) => p.value).filter(Number.isFinite))
    .filter((v) => v.length > 0)
  if (values.length === 0) return undefined
  const starts = values.map((list) => list[Math.min(list.length - 1, Math.ceil(list.length / 10))]!)
  const low = Math.min(...values.flat())
  const ends = values.map((list) => list.at(-1)!)
  const top = Math.max(Math.min(Math.max(...starts), 2 * quantile(starts, 0.5)), 1.2 * quantile(ends, 0.5))
  return extent([low, Math.max(top, low + 1e-6)])
}

/** Each seed's final loss, with mean and interval per arm, best first. */
export function finalLosses(arms: readonly Arm[], columns: readonly MeasuredColumn[]): Figure | undefined {
  const column = deciding(columns)
  if (!column || column.estimates.filter((value) => value !== undefined).length < 2) return undefined
  const { measure } = column
  const rows = arms
    .flatMap((arm, i) => {
      const value = column.estimates[i]
      return value === undefined
        ? []
        : [{ arm, value, seeds: arm.runs.map((run) => measure.of(run.series)).filter((v) => v !== undefined) }]
    })
    .toSorted((a, b) => a.value.mean - b.value.mean)
    .slice(0, 40)
  const domain = finalDomain(rows.flatMap((row) => row.seeds))
  const inside = (value: number): number => Math.min(domain[1], Math.max(domain[0], value))
  const labels = rows.map(({ arm }) => ellipsis(arm.label, 20) + (looksAhead(arm) ? ' *' : ''))
  const left = 14 + 6.2 * longest(labels)
  const intervals = rows.some((row) => row.value.n > 1)
  const height = Math.max(60, rows.length * (rows.length > 14 ? 20 : 34)) + 56
  const body = drawFigure({
    kind: 'other',
    description: `${measure.title} by arm: ${rows.map((row) => `${row.arm.label} ${number(row.value.mean)}`).join(', ')}`,
    width: 366,
    height,
    marginLeft: left,
    marginRight: 16,
    marginTop: 12,
    marginBottom: 44,
    x: {
      domain,
      clamp: true,
      ticks: 5,
      tickFormat: number,
      tickSize: 0,
      label: `${measure.title} (nats per token)`,
      labelAnchor: 'center',
      labelArrow: 'none',
      labelOffset: 36,
    },
    y: { type: 'linear', domain: [rows.length - 0.5, -0.5], axis: null },
    marks: [
      Plot.gridX({ stroke: 'var(--rule)', strokeOpacity: 1, ticks: 5 }),
      Plot.axisY(
        rows.map((_, i) => i),
        { tickSize: 0, tickPadding: 8, label: null, tickFormat: (y: number) => labels[y] ?? '' },
      ),
      ...rows.flatMap(({ arm, value, seeds }, y) => {
        const colour = armColour(arm.index)
        const className = `arm-${arm.index} main`
        const low = inside(value.mean - value.halfWidth)
        const high = inside(value.mean + value.halfWidth)
        return [
          value.n > 1
            ? Plot.ruleY([{ low, high }], {
                y,
                x1: 'low',
                x2: 'high',
                stroke: colour,
                strokeWidth: 5,
                strokeOpacity: 0.3,
                className,
              })
            : null,
          Plot.dot(seeds, {
            x: (v: number) => v,
            y: () => y,
            r: 2.6,
            stroke: colour,
            strokeWidth: 1.2,
            fill: 'var(--page)',
            className,
          }),
          value.n > 1
            ? Plot.ruleX([inside(value.mean)], {
                y1: y - 0.26,
                y2: y + 0.26,
                stroke: colour,
                strokeWidth: 2.4,
                className,
              })
            : null,
        ]
      }),
    ],
  })
  return {
    id: 'final-losses',
    title: `Final ${measure.title.toLowerCase()}`,
    caption: (intervals
      ? 'A ring is a seed, the tick their mean, the band the 95 % confidence interval of the mean (Student’s t; a band that ends at the frame goes on); arms whose bands overlap widely are not told apart.'
      : 'A ring is a run; with one seed per arm nothing is known about the noise.'
    ).concat(rows.some(({ arm }) => looksAhead(arm)) ? ' * looks ahead: its loss cannot be compared.' : ''),
    body,
    width: 'narrow',
  }
}

/** The values and as much room again around them; what diverged (beyond twice the lowest) sits at the edge. */
function finalDomain(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite)
  const low = Math.min(...finite)
  const usual = low > 0 ? finite.filter((value) => value <= 2 * low) : finite
  const high = Math.max(...usual)
  const air = Math.max((high - low) * 0.35, Math.abs(low) * 1e-4, 1e-9)
  return [low - air, high + air]
}
