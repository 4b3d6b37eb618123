// The same facts for a terminal: what was found, in words, and the best trials in as many columns as fit.
import { difference } from '@mixlab/statistics'
import { styleText } from 'node:util'
import { ellipsis, longest, percent } from '../format.ts'
import { plain } from '../html.ts'
import { showValue } from './axis.ts'
import type { SweepReport } from './data.ts'
import { stepsSaved, trialCounts } from './facts.ts'
import { findings } from './headline.ts'
import { estimateText, plural, signedText, spreadText } from './text.ts'
import { type Point, type View, viewOf } from './view.ts'

export interface SweepTableOptions {
  /** Columns of the terminal. */
  readonly width: number
  readonly color: boolean
  /** How many of the best trials; 10 by default. */
  readonly rows?: number
}

interface Column {
  readonly title: string
  readonly number: boolean
  readonly cells: readonly string[]
}

const CELL = 20
const GAP = '  '
const NOISE = '≈'

/** Some lines of text, the last without a line's end: state, table of the best trials, findings. */
export function sweepTable(sweep: SweepReport, { width, color, rows = 10 }: SweepTableOptions): string {
  const paint = (style: 'bold' | 'dim' | 'yellow', text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text
  const view = viewOf(sweep)
  const saved = stepsSaved(view)
  const head = [
    paint('bold', sweep.experiment),
    `sweep ${sweep.name}, ${sweep.status}`,
    `trials ${trialCounts(view)}`,
    ...(saved ? [`${percent(1 - saved.run / saved.whole, 0)} of the steps saved by stopping`] : []),
  ]
  const shown = view.ranked.slice(0, rows)
  const { columns, left } = fitting(view, shown, width)
  const notes = [
    shown.length < view.ranked.length && `the best ${shown.length} of ${plural(view.ranked.length, 'complete trial')}`,
    columns.some(({ cells }) => cells.some((cell) => cell.endsWith(NOISE))) && `${NOISE} within the noise of the best`,
    left > 0 && `${plural(left, 'column does', 'columns do')} not fit: see the report`,
  ].filter((note) => note !== false)
  return [
    ...wrap(head.join('; '), width),
    ...(shown.length === 0 ? [] : ['', ...lines(columns, shown.length, paint)]),
    ...(notes.length > 0 ? wrap(notes.join('; '), width).map((line) => paint('dim', line)) : []),
    '',
    ...findings(view)
      .map(plain)
      .filter((sentence) => sentence !== '')
      .flatMap((sentence) => wrap(sentence, width)),
    ...(sweep.failures.length > 0 ? ['', ...failures(sweep, width).map((line) => paint('yellow', line))] : []),
  ].join('\n')
}

function columnsOf(view: View, shown: readonly Point[]): Column[] {
  const { objectives, front, axes } = view
  const several = view.ranked.some(({ seeds }) => seeds > 1)
  const best = view.ranked[0]
  const behind = (point: Point): string => {
    if (point === best) return '0'
    const gap = difference(point.estimates[0]!, best!.estimates[0]!)
    const spread = spreadText(gap)
    return `${signedText(gap)}${spread === undefined ? '' : ` ± ${spread}${gap.clear ? '' : ` ${NOISE}`}`}`
  }
  const column = (title: string, number: boolean, cell: (point: Point) => string): Column => ({
    title: ellipsis(title, CELL),
    number,
    cells: shown.map((point) => ellipsis(cell(point), CELL)),
  })
  return [
    column('trial', true, ({ number }) => String(number)),
    ...objectives.map(({ name }, i) => column(name, true, ({ estimates }) => estimateText(estimates[i]!))),
    ...(objectives.length === 1 && several ? [column('behind best', true, behind)] : []),
    ...(objectives.length > 1 ? [column('front', false, ({ number }) => (front.has(number) ? 'front' : ''))] : []),
    ...axes.map((axis) =>
      column(axis.short, axis.choices.length === 0, ({ trial }) => showValue(trial.parameters[axis.name])),
    ),
  ]
}

/** As many columns from the left as the width allows, at least the first two. */
function fitting(view: View, shown: readonly Point[], width: number): { columns: Column[]; left: number } {
  const all = columnsOf(view, shown)
  let used = -GAP.length
  const count = all.findIndex((one) => (used += GAP.length + widthOf(one)) > width)
  const columns = count < 0 ? all : all.slice(0, Math.max(2, count))
  return { columns, left: all.length - columns.length }
}

const widthOf = ({ title, cells }: Column): number => longest([title, ...cells])

function lines(
  columns: readonly Column[],
  rows: number,
  paint: (style: 'bold' | 'dim', text: string) => string,
): string[] {
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const space = ' '.repeat(widthOf(columns[i]!) - longest([cell || ' ']) + (cell === '' ? 1 : 0))
        return columns[i]!.number ? space + cell : cell + space
      })
      .join(GAP)
      .trimEnd()
  return [
    paint('bold', line(columns.map(({ title }) => title))),
    ...Array.from({ length: rows }, (_, row) => line(columns.map(({ cells }) => cells[row]!))),
  ]
}

function failures({ failures: all }: SweepReport, width: number): string[] {
  const reasons = [...Map.groupBy(all, ({ reason }) => reason)].toSorted((a, b) => b[1].length - a[1].length)
  return [
    ...reasons
      .slice(0, 3)
      .flatMap(([reason, trials]) =>
        wrap(`${plural(trials.length, 'trial')} failed: ${ellipsis(reason.replaceAll(/\s+/g, ' '), 300)}`, width),
      ),
    ...(reasons.length > 3 ? [`and ${plural(reasons.length - 3, 'other reason')}`] : []),
  ]
}

/** At spaces; a word longer than the width has a line of its own. */
function wrap(text: string, width: number): string[] {
  const result: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && visible(longer) > width) {
      result.push(line)
      line = word
    } else line = longer
  }
  return line === '' ? result : [...result, line]
}

// oxlint-disable-next-line no-control-regex -- colours take no room
const visible = (text: string): number => longest([text.replaceAll(/\u001b\[\d+m/g, '')])
