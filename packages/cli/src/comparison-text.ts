// A comparison as a table for the terminal. The best is marked only where it is outside the noise.
import { styleText } from 'node:util'
import type { Column, Comparison } from './comparison.ts'
import { number, table } from './text.ts'

const MOST = 8

type Estimate = Column['estimates'][number]

/** Mean and interval, both to the interval's second digit. */
function cell(estimate: Estimate): string {
  if (estimate === undefined) return '–'
  const { mean, halfWidth } = estimate
  if (!Number.isFinite(halfWidth) || halfWidth === 0) return number(mean)
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(halfWidth))))
  return `${mean.toFixed(digits)} ± ${halfWidth.toFixed(digits)}`
}

/** @param asked metrics to show; without them the telling ones */
export function comparisonText({ arms, columns }: Comparison, asked: readonly string[] = []): string {
  const wanted = columns.filter(({ metric, telling }) => (asked.length > 0 ? asked.includes(metric) : telling))
  const shown = asked.length > 0 ? wanted : wanted.slice(0, MOST)
  const rows = arms.map(({ label, runs }, row) => [
    label,
    String(runs.length),
    ...shown.map(({ estimates, best }) =>
      best === row ? styleText('green', cell(estimates[row])) : cell(estimates[row]),
    ),
  ])
  const others = columns.filter((column) => !shown.includes(column)).map(({ metric }) => metric)
  const more =
    asked.length > 0 || others.length === 0
      ? ''
      : `\nalso: ${others.slice(0, 12).join(', ')}${others.length > 12 ? ', …' : ''} (runs compare --metric NAME)`
  const seeds = arms.some(({ runs }) => runs.length > 1) ? '\n± half the 95 % confidence interval over seeds' : ''
  return table(['arm', 'seeds', ...shown.map(({ metric }) => metric)], rows) + seeds + more
}
