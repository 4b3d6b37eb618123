// Quality against what it takes: each arm with its interval, the front of those that none beats in both, and the band in
// which that front lies when the questions are drawn anew.
import { type ParetoArm, paretoFront, type ParetoPoint } from '@mixlab/agent-evaluation'
import { RandomStream } from '@mixlab/core'
import * as Plot from '@observablehq/plot'
import type { Arm } from '../arms.ts'
import type { Figure } from '../figure.ts'
import { spread } from '../figures/spread.ts'
import { ellipsis, longest, number, percent, short, whole } from '../format.ts'
import { drawFigure, svgElement, type SvgNode } from '../plot.ts'
import { armColour } from '../theme.ts'
import { isBinary, PER_QUESTIONS, scoreName, time } from './comparison.ts'
import { list } from './headline.ts'
import { amountOf, tokensOf } from './money.ts'
import type { AnsweredQuestion } from './tally.ts'
import type { AgentArm, AgentView } from './view.ts'

/** What an arm's place on the x axis is: the mean of this over questions. */
export interface Expense {
  readonly id: string
  readonly title: string
  readonly axis: string
  of(question: AnsweredQuestion): number
  show(value: number): string
}

/** Money where all of it is known and in one currency, else tokens; and the critical path. */
export function expenses({ arms }: AgentView): Expense[] {
  const amounts = arms.map(({ spent }) => amountOf(spent.logical))
  const currencies = new Set(amounts.map((amount) => amount?.currency))
  const priced = amounts.every((amount) => amount !== undefined && amount.amount > 0) && currencies.size === 1
  const [currency = 'USD'] = currencies
  return [
    priced
      ? {
          id: 'cost',
          title: 'cost',
          axis: `Cost of ${whole(PER_QUESTIONS)} questions (${currency}, nothing cached)`,
          of: ({ spent }) => PER_QUESTIONS * (spent.logical.known.get(currency) ?? 0),
          show: number,
        }
      : {
          id: 'cost',
          title: 'tokens',
          axis: 'Tokens of a question, in and out',
          of: ({ spent }) => tokensOf(spent),
          show: short,
        },
    {
      id: 'latency',
      title: 'latency',
      axis: 'Critical path of a question, mean',
      of: ({ criticalPathMs }) => criticalPathMs,
      show: time,
    },
  ]
}

const SAMPLES = 1000

/** Scores and expenses of each question, repetitions of it (seeds) averaged. */
function paretoArm({ arm, answers }: AgentArm, expense: Expense): ParetoArm {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const graded = answers.filter(({ score }) => score !== undefined)
  return {
    name: arm.label,
    points: new Map(
      [...Map.groupBy(graded, ({ id }) => id)].map(([id, all]) => {
        const { group } = all[0]!
        const [quality, cost] = [mean(all.map(({ score }) => score!)), mean(all.map((one) => expense.of(one)))]
        return [id, { quality, cost, ...(group !== undefined && { group }) }]
      }),
    ),
  }
}

export function fronts(view: AgentView): Figure[] {
  const arms = view.arms.filter(({ score }) => score !== undefined)
  const [first] = arms
  if (!first || arms.length < 2) return []
  const answered = arms.map(({ scores }) => new Set(scores.map(({ id }) => id)))
  // Fronts are over the questions that all arms have.
  if (!first.scores.some(({ id }) => answered.every((ids) => ids.has(id)))) return []
  return expenses({ ...view, arms }).map((expense) => frontFigure(view, arms, expense))
}

/** As many round numbers as stand apart. */
export function logarithmicTicks(low: number, high: number): number[] {
  const powers = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(low)) + i),
  )
  const least = Math.log(high / low) / 9
  const offers = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map((factors) =>
    powers
      .flatMap((power) => factors.map((factor) => Number((power * factor).toPrecision(3))))
      .filter((value) => value >= low && value <= high),
  )
  const apart = (ticks: readonly number[]): boolean =>
    ticks.slice(1).every((tick, i) => Math.log(tick / ticks[i]!) >= least)
  return offers.find((ticks) => ticks.length > 1 && apart(ticks)) ?? offers.at(-1)!
}

interface Placed {
  readonly arm: Arm
  readonly point: ParetoPoint
}

function frontFigure(view: AgentView, arms: readonly AgentArm[], expense: Expense): Figure {
  const binary = isBinary(view)
  const pareto = paretoFront(
    arms.map((one) => paretoArm(one, expense)),
    { rng: new RandomStream(1).stream(`report/front-${expense.id}`), resamples: SAMPLES },
  )
  const points: Placed[] = pareto.points.map((point, i) => ({ arm: arms[i]!.arm, point }))
  const least = Math.min(...points.map(({ point }) => point.cost))
  const most = Math.max(...points.map(({ point }) => point.cost))
  const domain = [least / 1.35, Math.max(most, least * 1.01) * 1.35] as const
  // A step function goes on to the right of its last step.
  const band = [...pareto.band, { ...pareto.band.at(-1)!, cost: domain[1] }]
  const values = [
    ...points.flatMap(({ point: { quality, qualityInterval } }) => [
      quality,
      qualityInterval.low,
      qualityInterval.high,
    ]),
    ...band.flatMap(({ low, high }) => [low, high]),
  ]
  const air = 0.04 * (Math.max(...values) - Math.min(...values) || 0.1)
  const yDomain = [Math.max(0, Math.min(...values) - air), Math.min(1.02, Math.max(...values) + air)] as const
  const width = 560
  const marginRight = 24 + 6.2 * Math.min(18, longest(points.map(({ arm }) => arm.label)))
  const colour = ({ arm }: Placed): string => armColour(arm.index)
  const onFront = points.filter(({ point }) => point.onFront)
  const body = drawFigure({
    kind: 'other',
    description: `${scoreName(view)} against ${expense.title}: ${onFront.length} of ${points.length} arms are on the front: ${onFront.map(({ arm }) => arm.label).join(', ')}`,
    width,
    height: 360,
    marginLeft: 50,
    marginRight,
    marginTop: 24,
    marginBottom: 44,
    x: {
      type: 'log',
      domain: [...domain],
      ticks: logarithmicTicks(...domain),
      tickFormat: (value: number) => expense.show(value),
      tickSize: 0,
      label: expense.axis,
      labelAnchor: 'center',
      labelArrow: 'none',
      labelOffset: 38,
    },
    y: {
      domain: [...yDomain],
      ticks: 5,
      tickSize: 0,
      tickFormat: (value: number) => (binary ? percent(value, 0) : number(value)),
      label: scoreName(view),
      labelArrow: 'none',
    },
    marks: [
      Plot.gridY({ stroke: 'var(--rule)', strokeOpacity: 1, ticks: 5 }),
      Plot.areaY(band, {
        x: 'cost',
        y1: 'low',
        y2: 'high',
        fill: 'var(--accent)',
        fillOpacity: 0.13,
        curve: 'step-after',
      }),
      Plot.line(band, { x: 'cost', y: 'quality', stroke: 'var(--accent)', strokeWidth: 1.4, curve: 'step-after' }),
      Plot.ruleX(points, {
        x: ({ point }: Placed) => point.cost,
        y1: ({ point }: Placed) => point.qualityInterval.low,
        y2: ({ point }: Placed) => point.qualityInterval.high,
        stroke: colour,
        strokeWidth: 1.2,
        strokeOpacity: 0.7,
      }),
      Plot.dot(points, {
        x: ({ point }: Placed) => point.cost,
        y: ({ point }: Placed) => point.quality,
        r: 4.5,
        fill: colour,
        stroke: 'var(--page)',
        strokeWidth: 1,
      }),
      (_: unknown, scales: Scales) => pointLabels(points, scales, width - marginRight),
    ],
  })
  const shares = points
    .filter(({ point }) => point.onFront || point.frontShare >= 0.05)
    .toSorted((a, b) => b.point.frontShare - a.point.frontShare)
    .map(({ arm, point }) => `${ellipsis(arm.label, 30)} ${percent(point.frontShare, 0)}`)
  return {
    id: `front-${expense.id}`,
    title: `${scoreName(view)} against ${expense.title}`,
    caption: `Better is up and left. The line is the front of arms that none beats in both, the bars and the band hold 95 % of ${SAMPLES} paired bootstrap draws of the ${whole(pareto.questions)} questions that all arms have. On the front in so many of the draws: ${list(shares, 6)}.`,
    body,
    width: 'half',
  }
}

interface Scales {
  readonly x?: (value: number) => number
  readonly y?: (value: number) => number
}

/** Names beside the points, moved apart; a line leads to the point where it was moved far. */
function pointLabels(points: readonly Placed[], scales: Scales, right: number): SvgNode {
  const group = svgElement('g', { class: 'names' })
  const placed = points.map(({ arm, point }) => ({ arm, px: scales.x!(point.cost), py: scales.y!(point.quality) }))
  // Only names whose points lie near each other are in each other's way.
  const columns: (typeof placed)[] = []
  for (const point of placed.toSorted((a, b) => a.px - b.px)) {
    const column = columns.find((members) => point.px - members[0]!.px < 110)
    if (column) column.push(point)
    else columns.push([point])
  }
  for (const column of columns) {
    for (const { arm, px, py, placed: at } of spread(
      column.map((point) => ({ ...point, at: point.py })),
      13,
      [12, 400],
    )) {
      const text = svgElement('text', {
        x: Math.min(px + 9, right + 9).toFixed(1),
        y: (at - 9).toFixed(1),
        dy: '0.33em',
        'text-anchor': 'start',
        fill: 'var(--soft)',
        class: 'on-lines',
      })
      text.textContent = ellipsis(arm.label, 18)
      if (Math.abs(at - py) > 8)
        group.appendChild(
          svgElement('path', { d: `M${px},${py}L${px + 8},${at - 9}`, stroke: 'var(--faint)', 'stroke-width': 0.6 }),
        )
      group.appendChild(text)
    }
  }
  return group
}
