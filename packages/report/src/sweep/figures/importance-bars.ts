// Which parameters the objective depends on: shares of its variance, as bars.
import type { Figure } from '../../figure.ts'
import { ellipsis, fixed, longest, percent } from '../../format.ts'
import { drawFigure, svgElement } from '../../plot.ts'
import { group, label } from '../chart.ts'
import { COMPLETE } from '../colours.ts'
import type { Importances } from '../importances.ts'

const WIDTH = 366
const ROW = 26

export function importanceBars(found: Importances | undefined, objective: string, id: string): Figure | undefined {
  if (!found) return undefined
  const rows = found.parameters
  const names = rows.map(({ axis }) => ellipsis(axis.short, 19))
  const left = 14 + 6.7 * longest(names)
  const top = 6
  const across = WIDTH - left - 58
  const most = Math.max(0.05, ...rows.map(({ share }) => share))
  const body = drawFigure({
    kind: 'other',
    description: `Share of the variance of ${objective}: ${rows.map(({ axis, share }) => `${axis.name} ${percent(share, 0)}`).join(', ')}`,
    width: WIDTH,
    height: top + rows.length * ROW + 4,
    x: { type: 'linear', domain: [0, 1], axis: null },
    y: { type: 'linear', domain: [0, 1], axis: null },
    marks: [
      () =>
        group(
          rows.flatMap(({ share, deviation, trials }, i) => {
            const y = top + i * ROW
            const wide = (value: number): number => Math.max(0, Math.min(across, (across * value) / most))
            const partial = trials < found.trials
            return [
              label(names[i]!, left - 8, y + ROW / 2, { dy: '0.33em', 'text-anchor': 'end' }),
              svgElement('rect', {
                x: left,
                y: y + 5,
                width: Math.max(0.8, wide(share)),
                height: ROW - 10,
                rx: 1.5,
                fill: COMPLETE,
                ...(partial && { 'fill-opacity': 0.45 }),
              }),
              // One standard deviation over the trees.
              svgElement('path', {
                d: `M${left + wide(share - deviation)},${y + ROW / 2}H${left + wide(share + deviation)}`,
                stroke: 'var(--ink)',
                'stroke-opacity': 0.55,
              }),
              label(
                percent(share, share < 0.0995 ? 1 : 0) + (partial ? ' *' : ''),
                left + wide(share + deviation) + 6,
                y + ROW / 2,
                { dy: '0.33em', 'text-anchor': 'start' },
              ),
            ]
          }),
        ),
    ],
  })
  return {
    id,
    title: `What ${objective} depends on`,
    caption: importanceCaption(found),
    body,
    width: 'narrow',
  }
}

/** Whether the forest knows anything of trials that it has not seen. */
export const predicts = ({ explained }: Importances): boolean => explained > 0.1

export function importanceCaption(found: Importances): string {
  const conditional = found.parameters.filter(({ trials }) => trials < found.trials)
  const whole = found.parameters.filter(({ trials }) => trials === found.trials)
  const rest = 1 - whole.reduce((sum, { share }) => sum + share, 0)
  const { explained } = found
  const trust = Number.isNaN(explained)
    ? ''
    : !predicts(found)
      ? ` The forest predicts trials that it has not seen no better than their mean does (R² ${fixed(explained, 2)}): too few trials, or too noisy, to say what matters.`
      : ` The forest predicts trials that it has not seen with R² ${fixed(explained, 2)}.`
  return [
    `Share of the variance over the whole space that each parameter explains by itself (fANOVA on a random forest, ${found.trials} ${found.kind}; the line is one standard deviation over its trees).`,
    whole.length > 1 ? `The rest, ${percent(Math.max(0, rest), 0)}, is in their interactions.` : '',
    conditional.length > 0
      ? `* Exists in some trials only (${conditional.map(({ axis, trials }) => `${axis.short}: ${trials}`).join(', ')}): its share is of the variance among those.`
      : '',
    found.fenced > 0
      ? `${found.fenced} far-out ${found.fenced === 1 ? 'value is' : 'values are'} counted as the last usual one.`
      : '',
  ]
    .filter(Boolean)
    .join(' ')
    .concat(trust)
}
