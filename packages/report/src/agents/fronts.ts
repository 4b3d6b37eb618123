// Quality against what it takes: each arm with its interval, the front of those that none beats in both, and the band in
// which that front lies when the questions are drawn anew (a paired bootstrap: all arms get the same draw).
import { RandomStream } from '@mixlab/core'
import * as Plot from '@observablehq/plot'
import type { Figure } from '../figure.ts'
import { spread } from '../figures/spread.ts'
import { ellipsis, longest, number, percent, short, whole } from '../format.ts'
import { drawFigure, svgElement, type SvgNode } from '../plot.ts'
import { quantile } from '../curves.ts'
import { armColour } from '../theme.ts'
import { isBinary, PER_QUESTIONS, scoreName, time } from './comparison.ts'
import { amountOf, tokensOf } from './money.ts'
import type { AnsweredQuestion } from './tally.ts'
import type { AgentArm, AgentView } from './view.ts'

const SAMPLES = 1000
const GRID = 96

/** What an arm's place on the x axis is made of: a mean or a median over questions. */
export interface Expense {
  readonly id: string
  readonly title: string
  readonly axis: string
  of(question: AnsweredQuestion): number
  readonly summary: 'mean' | 'median'
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
          summary: 'mean',
          show: number,
        }
      : {
          id: 'cost',
          title: 'tokens',
          axis: 'Tokens of a question, in and out',
          of: ({ spent }) => tokensOf(spent),
          summary: 'mean',
          show: short,
        },
    {
      id: 'latency',
      title: 'latency',
      axis: 'Critical path of a question, median',
      of: ({ criticalPathMs }) => criticalPathMs,
      summary: 'median',
      show: time,
    },
  ]
}

interface Placed {
  readonly one: AgentArm
  readonly x: number
  readonly y: number
}

/** Places of the arms that no other arm is better than in both; ties stay. */
export function frontOf(points: readonly { readonly x: number; readonly y: number }[]): number[] {
  return points.flatMap((point, i) =>
    points.some((other) => other.x <= point.x && other.y >= point.y && (other.x < point.x || other.y > point.y))
      ? []
      : [i],
  )
}

/** The mean with each value counted `counts` times; for the median, the value at half of the counts. */
function weighted(
  values: readonly number[],
  order: readonly number[],
  counts: Uint16Array,
  unit: readonly number[],
  summary: Expense['summary'],
): number {
  let total = 0
  let sum = 0
  for (const [i, value] of values.entries()) {
    total += counts[unit[i]!]!
    sum += counts[unit[i]!]! * value
  }
  if (total === 0) return NaN
  if (summary === 'mean') return sum / total
  let passed = 0
  for (const i of order) {
    passed += counts[unit[i]!]!
    if (passed >= total / 2) return values[i]!
  }
  return NaN
}

/** How often each unit is drawn in each of the bootstrap samples; the same every time. */
function bootstrapCounts(units: number): Uint16Array[] {
  const random = new RandomStream(1).stream('report/fronts')
  return Array.from({ length: SAMPLES }, () => {
    const drawn = new Uint16Array(units)
    for (let i = 0; i < units; i++) drawn[random.integer(units)]!++
    return drawn
  })
}

export interface Band {
  readonly x: number
  readonly low: number
  readonly high: number
}

/**
 * 95 % of the bootstrap's fronts at each place of `grid`: the best score that an arm reaches at that expense or less.
 * Questions are drawn, by groups where all have one.
 */
export function frontBand(arms: readonly AgentArm[], expense: Expense, grid: readonly number[]): Band[] {
  const grouped = arms.every(({ answers }) => answers.every(({ group }) => group !== undefined))
  const unitOf = (question: AnsweredQuestion): string => (grouped ? question.group! : question.id)
  const units = new Map([...new Set(arms.flatMap(({ answers }) => answers.map(unitOf)))].map((unit, i) => [unit, i]))
  const prepared = arms.map(({ answers }) => {
    const scored = answers.filter(({ score }) => score !== undefined)
    const spent = scored.map((question) => expense.of(question))
    return {
      unit: scored.map((question) => units.get(unitOf(question))!),
      scores: scored.map(({ score }) => score!),
      spent,
      order: spent.map((_, i) => i).toSorted((a, b) => spent[a]! - spent[b]!),
    }
  })
  const reached = grid.map((): number[] => [])
  for (const counts of bootstrapCounts(units.size)) {
    const points = prepared.map(({ unit, scores, spent, order }) => ({
      x: weighted(spent, order, counts, unit, expense.summary),
      y: weighted(scores, [], counts, unit, 'mean'),
    }))
    for (const [i, x] of grid.entries()) {
      const best = Math.max(...points.map((point) => (point.x <= x ? point.y : -Infinity)))
      reached[i]!.push(best)
    }
  }
  return grid.flatMap((x, i) => {
    // Where some draws have no arm at all, the front does not begin yet.
    if (reached[i]!.filter((value) => value === -Infinity).length > 0.025 * SAMPLES) return []
    const finite = reached[i]!.filter((value) => value !== -Infinity)
    return [{ x, low: quantile(finite, 0.025), high: quantile(finite, 0.975) }]
  })
}

export function fronts(view: AgentView): Figure[] {
  const arms = view.arms.filter(({ score }) => score !== undefined)
  if (arms.length < 2) return []
  return expenses({ ...view, arms }).map((expense) => frontFigure(view, arms, expense))
}

const logarithmicGrid = (low: number, high: number): number[] =>
  Array.from({ length: GRID }, (_, i) => low * (high / low) ** (i / (GRID - 1)))

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

function frontFigure(view: AgentView, arms: readonly AgentArm[], expense: Expense): Figure {
  const binary = isBinary(view)
  const points: Placed[] = arms.map((one) => {
    const values = one.answers.map((question) => expense.of(question))
    const x = expense.summary === 'mean' ? values.reduce((a, b) => a + b, 0) / values.length : quantile(values, 0.5)
    return { one, x: Math.max(x, 1e-12), y: one.score!.mean }
  })
  const low = Math.min(...points.map(({ x }) => x))
  const high = Math.max(...points.map(({ x }) => x))
  const domain = [low / 1.35, Math.max(high, low * 1.01) * 1.35] as const
  const band = frontBand(arms, expense, logarithmicGrid(low / 1.2, domain[1]))
  const front = frontOf(points).map((i) => points[i]!)
  const stairs = front
    .toSorted((a, b) => a.x - b.x)
    .flatMap((point, i, all) => [point, { x: all[i + 1]?.x ?? domain[1], y: point.y }])
  const ends = arms.flatMap(({ score }) => [score!.low, score!.high].filter(Number.isFinite))
  const values = [...points.map(({ y }) => y), ...ends, ...band.flatMap((one) => [one.low, one.high])]
  const air = 0.04 * (Math.max(...values) - Math.min(...values) || 0.1)
  const yDomain = [Math.max(0, Math.min(...values) - air), Math.min(1.02, Math.max(...values) + air)] as const
  const labels = new Map(points.map(({ one }) => [one.arm.index, ellipsis(one.arm.label, 18)]))
  const width = 560
  const marginRight = 24 + 6.2 * Math.min(18, longest([...labels.values()]))
  const colour = ({ one }: Placed): string => armColour(one.arm.index)
  const body = drawFigure({
    kind: 'other',
    description: `${scoreName(view)} against ${expense.title}: ${front.length} of ${points.length} arms are on the front: ${front.map(({ one }) => one.arm.label).join(', ')}`,
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
        x: 'x',
        y1: 'low',
        y2: 'high',
        fill: 'var(--accent)',
        fillOpacity: 0.13,
        curve: 'step-after',
      }),
      Plot.line(stairs, { x: 'x', y: 'y', stroke: 'var(--accent)', strokeWidth: 1.4 }),
      Plot.ruleX(
        points.filter(({ one }) => Number.isFinite(one.score!.low)),
        {
          x: 'x',
          y1: ({ one }: Placed) => one.score!.low,
          y2: ({ one }: Placed) => one.score!.high,
          stroke: colour,
          strokeWidth: 1.2,
          strokeOpacity: 0.7,
        },
      ),
      Plot.dot(points, { x: 'x', y: 'y', r: 4.5, fill: colour, stroke: 'var(--page)', strokeWidth: 1 }),
      (_: unknown, scales: { x?: (v: number) => number; y?: (v: number) => number }) =>
        pointLabels(points, labels, scales, width - marginRight),
    ],
  })
  return {
    id: `front-${expense.id}`,
    title: `${scoreName(view)} against ${expense.title}`,
    caption: `Better is up and left. Bars are 95 % intervals; the line is the front of arms that none beats in both, the band 95 % of the fronts that ${SAMPLES} paired bootstrap draws of the questions give. An arm whose bar reaches the band may well be on the front.`,
    body,
    width: 'half',
  }
}

/** Names beside the points, moved apart; a line leads to the point where it was moved far. */
function pointLabels(
  points: readonly Placed[],
  labels: ReadonlyMap<number, string>,
  scales: { x?: (value: number) => number; y?: (value: number) => number },
  right: number,
): SvgNode {
  const group = svgElement('g', { class: 'names' })
  const placed = points.map(({ one, x, y }) => ({ one, px: scales.x!(x), py: scales.y!(y) }))
  // Only names whose points lie near each other are in each other's way.
  const columns: (typeof placed)[] = []
  for (const point of placed.toSorted((a, b) => a.px - b.px)) {
    const column = columns.find((members) => point.px - members[0]!.px < 110)
    if (column) column.push(point)
    else columns.push([point])
  }
  for (const column of columns) {
    for (const { one, px, py, placed: at } of spread(
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
      text.textContent = labels.get(one.arm.index)!
      if (Math.abs(at - py) > 8)
        group.appendChild(
          svgElement('path', { d: `M${px},${py}L${px + 8},${at - 9}`, stroke: 'var(--faint)', 'stroke-width': 0.6 }),
        )
      group.appendChild(text)
    }
  }
  return group
}
