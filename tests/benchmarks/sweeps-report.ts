// From the values of all trials to distributions, tests and the table of docs/benchmarks/sweeps.md.
import { hypervolume } from '@mixlab/samplers'
import { holm, mannWhitneyGreater, quantile } from './rank-tests.ts'
import type { AskTime } from './sweeps-ask-times.ts'
import type { Problem, SamplerName } from './sweeps-problems.ts'
import type { Outcome } from './sweeps-study.ts'

/** The lower the better: the value without noise of the trial that looked best, or the hypervolume's negative. */
export function scoreOf({ reference }: Problem, { exact, seen }: Outcome): number {
  if (reference !== undefined) return -hypervolume(exact, reference)
  const best = seen.reduce((least, [value], i) => (value! < seen[least]![0]! ? i : least), 0)
  return exact[best]![0]!
}

/** One score a seed. */
export interface Scores {
  readonly problem: string
  readonly sampler: SamplerName
  readonly ours: readonly number[]
  readonly optuna?: readonly number[]
}

export interface Comparison extends Scores {
  /** Lower quartile, median, upper quartile. */
  readonly quartiles: { readonly ours: readonly number[]; readonly optuna?: readonly number[] }
  /** That ours are no worse, were both alike: of this comparison alone, and corrected for all of them. */
  readonly p?: number
  readonly corrected?: number
}

const quartilesOf = (values: readonly number[]) => [0.25, 0.5, 0.75].map((p) => quantile(values, p))

export function compare(scores: readonly Scores[]): Comparison[] {
  const judged = scores.filter(({ optuna }) => optuna !== undefined)
  const ps = judged.map(({ ours, optuna }) => mannWhitneyGreater(ours, optuna!))
  const corrected = holm(ps)
  return scores.map((each) => {
    const place = judged.indexOf(each)
    const { ours, optuna } = each
    return optuna === undefined
      ? { ...each, quartiles: { ours: quartilesOf(ours) } }
      : {
          ...each,
          quartiles: { ours: quartilesOf(ours), optuna: quartilesOf(optuna) },
          p: ps[place]!,
          corrected: corrected[place]!,
        }
  })
}

const digits = (value: number): string => String(Number(value.toPrecision(4)))
const spread = (quartiles: readonly number[] | undefined): string => {
  if (quartiles === undefined) return '–'
  const [lower, median, upper] = quartiles.map(digits)
  return `**${median}** (${lower} … ${upper})`
}

export function tableOf(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(
    ({ problem, sampler, quartiles, p, corrected }) =>
      `| ${problem} | ${sampler} | ${spread(quartiles.ours)} | ${spread(quartiles.optuna)} | ${p?.toFixed(3) ?? '–'} | ${corrected?.toFixed(3) ?? '–'} |`,
  )
  return [
    '| problem | sampler | ours | Optuna | p | corrected |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

export function askTableOf(times: readonly AskTime[]): string {
  const rows = times.map(({ kind, ours, optuna, ratio }) => {
    const pair = (of: 'wall' | 'cpu') => `${ours[of].toFixed(2)} | ${optuna[of].toFixed(2)} | ${ratio[of].toFixed(3)}`
    return `| ${kind} | ${pair('wall')} | ${pair('cpu')} |`
  })
  return [
    '| parameters | ours, ms | Optuna, ms | ratio | ours, ms of processor | Optuna | ratio |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}
