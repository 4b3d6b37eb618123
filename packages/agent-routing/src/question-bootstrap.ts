// Confidence by resampling questions. All statistics are computed on the same resamples, so that differences between routers
// are paired, and a question that several splits hold out counts as often in each.
import { MixlabError, type RandomStream } from '@mixlab/core'

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
  readonly rng: RandomStream
}

function percentile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1)
  const below = Math.floor(place)
  const from = sorted[below]!
  return from + (place - below) * ((sorted[below + 1] ?? from) - from)
}

/**
 * Percentile intervals of statistics of weighted questions.
 * @param statistics given how often each question counts; as many numbers each time. NaN (a resample without a gap between
 * the agents) is left out of the percentiles.
 * @throws MixlabError when there are no questions or too few resamples for the confidence
 */
export function bootstrapQuestions(
  statistics: (weights: Float64Array) => readonly number[],
  { questions, resamples, confidence = 0.95, rng }: BootstrapOptions,
): Interval[] {
  const tail = (1 - confidence) / 2
  if (questions === 0) throw new MixlabError('bootstrap: there are no questions to resample')
  if (resamples * tail < 1)
    throw new MixlabError(
      `bootstrap: ${resamples} resamples are too few for a confidence of ${confidence}; take 200 or more`,
    )
  const values = statistics(new Float64Array(questions).fill(1))
  const drawn = Array.from({ length: resamples }, (_, resample) => {
    const stream = rng.at(resample)
    const weights = new Float64Array(questions)
    for (let n = 0; n < questions; n++) weights[stream.integer(questions)]!++
    return statistics(weights)
  })
  return values.map((value, i) => {
    const sorted = drawn
      .map((row) => row[i]!)
      .filter((number) => !Number.isNaN(number))
      .toSorted((a, b) => a - b)
    return { value, low: percentile(sorted, tail), high: percentile(sorted, 1 - tail) }
  })
}
