// Confidence by resampling questions. All statistics are computed on the same resamples, so that differences between routers
// are paired, and a question that several splits hold out counts as often in each. Where whole groups are held out, groups
// are resampled.
import { MixlabError, type RandomStream } from '@mixlab/core'
import { percentileInterval } from '@mixlab/statistics'

export interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
}

export interface BootstrapOptions {
  readonly questions: number
  readonly resamples: number
  /** Default 0.95. */
  readonly confidence?: number
  /** The group of each question; given, groups are drawn with all their questions. */
  readonly groups?: readonly string[]
  readonly rng: RandomStream
}

/** The unit of each question that is drawn as one, and how many units there are. */
function unitsOf({ questions, groups }: BootstrapOptions): { unitOf: ArrayLike<number>; units: number } {
  if (!groups) return { unitOf: Int32Array.from({ length: questions }, (_, n) => n), units: questions }
  const names = [...new Set(groups)]
  return { unitOf: groups.map((group) => names.indexOf(group)), units: names.length }
}

/**
 * Percentile intervals of statistics of weighted questions.
 * @param statistics given how often each question counts; as many numbers each time. NaN (a resample without a gap between
 * the agents) is left out of the percentiles.
 * @throws MixlabError when there are no questions or too few resamples for the confidence
 */
export function bootstrapQuestions(
  statistics: (weights: Float64Array) => readonly number[],
  options: BootstrapOptions,
): Interval[] {
  const { questions, resamples, confidence = 0.95, rng } = options
  if (questions === 0) throw new MixlabError('bootstrap: there are no questions to resample; give some')
  if ((resamples * (1 - confidence)) / 2 < 1)
    throw new MixlabError(
      `bootstrap: ${resamples} resamples are too few for a confidence of ${confidence}; take at least ${Math.ceil(2 / (1 - confidence))}`,
    )
  const { unitOf, units } = unitsOf(options)
  const values = statistics(new Float64Array(questions).fill(1))
  const drawn = Array.from({ length: resamples }, (_, resample) => {
    const stream = rng.at(resample)
    const times = new Float64Array(units)
    for (let draw = 0; draw < units; draw++) times[stream.integer(units)]!++
    return statistics(Float64Array.from({ length: questions }, (__, n) => times[unitOf[n]!]!))
  })
  return values.map((value, i) => {
    const known = Float64Array.from(drawn.map((row) => row[i]!).filter((number) => !Number.isNaN(number)))
    return { value, ...percentileInterval(known, confidence) }
  })
}
