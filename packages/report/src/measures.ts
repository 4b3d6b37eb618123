// The figures that stand for a run in the comparison: one number per run, then mean and interval per arm.
import { type Estimate, estimate, rank, type Ranking } from '@mixlab/statistics'
import type { Arm, Run } from './arms.ts'
import { finite, smooth } from './curves.ts'
import { decimalsFor, fixed, interval, percent, short } from './format.ts'
import { last, median, type LayerRouting, type RunSeries, type Series } from './series.ts'

export interface Measure {
  readonly id: string
  readonly title: string
  readonly explanation: string
  /** Undefined where neither end is better. */
  readonly better?: 'lower' | 'higher'
  /** Looking ahead makes it better than it should be. */
  readonly loss?: true
  of(run: RunSeries): number | undefined
  /** The fewest decimals; an interval may ask for more. */
  readonly decimals?: number
  /** Where decimals are not enough. */
  readonly show?: (value: Estimate) => string
}

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
    loss: true,
    of: validation('loss'),
    decimals: 3,
  },
  {
    id: 'training-loss',
    title: 'Training loss',
    explanation: 'What was minimised, router losses included, smoothed over the last twentieth of the steps',
    better: 'lower',
    loss: true,
    of: finalTrainingLoss,
    decimals: 3,
  },
  {
    id: 'perplexity',
    title: 'Perplexity',
    explanation: 'exp(validation loss), per token of this tokenizer',
    better: 'lower',
    loss: true,
    of: validation('perplexity'),
    decimals: 2,
  },
  {
    id: 'bits-per-byte',
    title: 'Bits per byte',
    explanation: 'Comparable across tokenizers',
    better: 'lower',
    loss: true,
    of: validation('bitsPerByte'),
    decimals: 3,
  },
  {
    id: 'entropy',
    title: 'Load entropy',
    explanation: 'Entropy of the load over its maximum, mean over layers, last tenth of the run; 1 is perfect balance',
    of: (run) => atTheEnd(run, (layer) => layer.entropy),
    decimals: 3,
  },
  {
    id: 'max-violation',
    title: 'MaxVio',
    explanation: 'Busiest member over the mean, minus 1; mean over layers, last tenth of the run; 0 is perfect balance',
    of: (run) => atTheEnd(run, (layer) => layer.maxViolation),
    decimals: 2,
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
        ? `${short(value.mean)} ±\u202f${percent(value.halfWidth / value.mean, value.halfWidth < 0.01 * value.mean ? 1 : 0)}`
        : short(value.mean),
  },
]

/** The causality check failed for one of the arm's runs: its predictions used later tokens. */
export const looksAhead = (arm: Arm): boolean =>
  arm.runs.some((run) => last(run.series.evaluations.get('causality')?.metrics.get('passed')) === 0)

export interface MeasuredColumn {
  readonly measure: Measure
  /** One per arm. */
  readonly estimates: readonly (Estimate | undefined)[]
  /** One arm's value as text; all in a column have the same number of decimals. */
  show(value: Estimate): string
  /** Without the arms that look ahead, where the measure is a loss. */
  readonly ranking?: Ranking
}

const runsOf = (arm: Arm): readonly Run[] => arm.runs

/** The columns that have anything to tell for these arms. */
export function measureArms(arms: readonly Arm[]): MeasuredColumn[] {
  const columns = measures.map((measure): MeasuredColumn => {
    const estimates = arms.map((arm) => estimate(runsOf(arm).map((run) => measure.of(run.series))))
    const ranked = estimates.map((value, i) => (measure.loss === true && looksAhead(arms[i]!) ? undefined : value))
    const ranking = measure.better && rank(ranked, measure.better)
    const least = measure.decimals ?? 0
    const digits = Math.min(...estimates.flatMap((value) => (value ? [decimalsFor(value.halfWidth, least)] : [])))
    const show = measure.show ?? ((value: Estimate) => interval(value, digits))
    return { measure, estimates, show, ...(ranking && { ranking }) }
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
