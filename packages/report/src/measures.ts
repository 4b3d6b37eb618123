// The figures that stand for a run in the comparison: one number per run, then mean and interval per arm.
import type { Arm, Run } from './arms.ts'
import { finite, smooth } from './curves.ts'
import { decimalsFor, fixed, interval, percent, short } from './format.ts'
import { last, median, type LayerRouting, type RunSeries, type Series } from './series.ts'
import { type Estimate, estimate, rank, type Ranking } from './statistics.ts'

export interface Measure {
  readonly id: string
  readonly title: string
  readonly explanation: string
  /** Undefined where neither end is better. */
  readonly better?: 'lower' | 'higher'
  of(run: RunSeries): number | undefined
  show(value: Estimate): string
}

const decimals =
  (least: number) =>
  (value: Estimate): string =>
    interval(value, decimalsFor(value.halfWidth, least))

/** The validation loss over steps, in nats per token. */
export const validationLoss = (run: RunSeries): Series => run.evaluations.get('validation')?.metrics.get('loss') ?? []

const validation =
  (metric: string) =>
  (run: RunSeries): number | undefined =>
    last(run.evaluations.get('validation')?.metrics.get(metric))

/** The training loss at the end, smoothed over the last twentieth of the steps. */
export const finalTrainingLoss = (run: RunSeries): number | undefined =>
  smooth(run.loss, run.loss.length / 20).at(-1)?.value

/** Mean over layers of the mean over the last tenth of the run: a single batch's load is noise. */
function atTheEnd(run: RunSeries, pick: (layer: LayerRouting) => Series): number | undefined {
  const perLayer = run.layers.flatMap((layer) => {
    const points = finite(pick(layer))
    const end = points.at(-1)
    if (end === undefined) return []
    const tail = points.filter((point) => point.step >= 0.9 * end.step)
    return [tail.reduce((sum, point) => sum + point.value, 0) / tail.length]
  })
  return perLayer.length === 0 ? undefined : perLayer.reduce((sum, value) => sum + value, 0) / perLayer.length
}

const dropped = (run: RunSeries): number | undefined => atTheEnd(run, (layer) => layer.dropped)

export const measures: readonly Measure[] = [
  {
    id: 'validation-loss',
    title: 'Validation loss',
    explanation: 'Cross-entropy on held-out text at the last evaluation, nats per token',
    better: 'lower',
    of: validation('loss'),
    show: decimals(3),
  },
  {
    id: 'training-loss',
    title: 'Training loss',
    explanation: 'What was minimised, router losses included, smoothed over the last twentieth of the steps',
    better: 'lower',
    of: finalTrainingLoss,
    show: decimals(3),
  },
  {
    id: 'perplexity',
    title: 'Perplexity',
    explanation: 'exp(validation loss), per token of this tokenizer',
    better: 'lower',
    of: validation('perplexity'),
    show: decimals(2),
  },
  {
    id: 'bits-per-byte',
    title: 'Bits per byte',
    explanation: 'Comparable across tokenizers',
    better: 'lower',
    of: validation('bitsPerByte'),
    show: decimals(3),
  },
  {
    id: 'entropy',
    title: 'Load entropy',
    explanation: 'Entropy of the load over its maximum, mean over layers, last tenth of the run; 1 is perfect balance',
    of: (run) => atTheEnd(run, (layer) => layer.entropy),
    show: decimals(3),
  },
  {
    id: 'max-violation',
    title: 'MaxVio',
    explanation: 'Busiest member over the mean, minus 1; mean over layers, last tenth of the run; 0 is perfect balance',
    of: (run) => atTheEnd(run, (layer) => layer.maxViolation),
    show: decimals(2),
  },
  {
    id: 'dropped',
    title: 'Dropped',
    explanation: 'Share of routed pairs that a capacity limit dropped, last tenth of the run',
    of: dropped,
    show: (value) => percent(value.mean),
  },
  {
    id: 'parameters',
    title: 'Parameters',
    explanation: 'All parameters',
    of: (run) => run.parameters,
    show: (value) => short(value.mean),
  },
  {
    id: 'active-parameters',
    title: 'Active',
    explanation: 'Parameters that one token passes through',
    of: (run) => run.activeParameters,
    show: (value) => short(value.mean),
  },
  {
    id: 'tokens-per-second',
    title: 'Tokens/s',
    explanation: 'Median training throughput on this machine',
    better: 'higher',
    of: (run) => median(run.tokensPerSecond.map((point) => point.value)),
    show: (value) =>
      Number.isFinite(value.halfWidth)
        ? `${short(value.mean)} ±\u202f${percent(value.halfWidth / value.mean, 0)}`
        : short(value.mean),
  },
]

export interface MeasuredColumn {
  readonly measure: Measure
  /** One per arm. */
  readonly estimates: readonly (Estimate | undefined)[]
  readonly ranking?: Ranking
}

const runsOf = (arm: Arm): readonly Run[] => arm.runs

/** The columns that have anything to tell for these arms. */
export function measureArms(arms: readonly Arm[]): MeasuredColumn[] {
  const columns = measures.map((measure): MeasuredColumn => {
    const estimates = arms.map((arm) => estimate(runsOf(arm).map((run) => measure.of(run.series))))
    const ranking = measure.better && rank(estimates, measure.better)
    return { measure, estimates, ...(ranking && { ranking }) }
  })
  const hasValidation = columns[0]!.estimates.some((value) => value !== undefined)
  return columns.filter(({ measure: { id }, estimates }) => {
    const known = estimates.filter((value) => value !== undefined)
    if (known.length === 0) return false
    if (id === 'training-loss') return !hasValidation
    if (id === 'dropped') return known.some((value) => value.mean > 0)
    return true
  })
}

/** The column that decides: validation loss, or training loss where nothing was validated. */
export const deciding = (columns: readonly MeasuredColumn[]): MeasuredColumn | undefined =>
  columns.find(({ measure }) => measure.id === 'validation-loss' || measure.id === 'training-loss')

/** `a − b` with its interval as text, for a column of losses. */
export const signed = (value: number, digits: number): string => (value > 0 ? '+' : '') + fixed(value, digits)
