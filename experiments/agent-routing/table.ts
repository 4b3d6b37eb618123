// The table of a task, in Markdown: what the README shows.
import type { Interval } from '@mixlab/agent-routing'
import type { Figures } from './judge.ts'

const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '–')
const percent = (value: number): string => (Number.isFinite(value) ? `${Math.round(value * 100)} %` : '–')

const withInterval = ({ value, low, high }: Interval): string => `${number(value)} [${number(low)}, ${number(high)}]`

const signed = ({ value, low, high }: Interval): string => {
  const sign = (x: number) => (x >= 0 ? '+' : '−') + Math.abs(x).toFixed(2)
  return Number.isFinite(value) ? `${sign(value)} [${sign(low)}, ${sign(high)}]` : '–'
}

export interface Row extends Figures {
  /** Share of strong answers on held-out questions, at a threshold fitted for one half; absent for baselines. */
  readonly shareAtHalf?: number
}

export const tableLines = (rows: readonly Row[], reference: string): string[] => [
  `| router | APGR | less ${reference}'s | CPT(50 %) | CPT(80 %) | share asked, wanted 50 % |`,
  '| --- | --- | --- | --- | --- | --- |',
  ...rows.map(({ router, apgr, difference, cpt50, cpt80, shareAtHalf }) => {
    const compared = router === reference ? '' : signed(difference)
    return `| ${router} | ${withInterval(apgr)} | ${compared} | ${percent(cpt50.value)} | ${percent(cpt80.value)} | ${shareAtHalf === undefined ? '' : percent(shareAtHalf)} |`
  }),
]
