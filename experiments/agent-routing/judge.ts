// Figures of every router on one task, over several splits of its questions: means over the splits, with intervals from
// resampling questions, the same resamples for all routers.
import {
  averageGapRecovered,
  bootstrapQuestions,
  callShareFor,
  type Interval,
  pairCurve,
  type PairOutcomes,
  qualityAt,
  rankingOf,
} from '@mixlab/agent-routing'
import type { RandomStream } from 'mixlab'

/** A router's predictions for the held-out questions of one split. */
export interface Held extends PairOutcomes {
  /** Of each held-out question: its index among all. */
  readonly indices: readonly number[]
}

export interface Figures {
  readonly router: string
  readonly apgr: Interval
  /** APGR less the reference router's. */
  readonly difference: Interval
  /** Share of strong answers that recovers 50 % and 80 % of the gap. */
  readonly cpt50: Interval
  readonly cpt80: Interval
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * @param byRouter one entry a split
 * @param options.reference a router that the others' APGR is compared with
 */
export function figuresOf(
  byRouter: ReadonlyMap<string, readonly Held[]>,
  options: {
    readonly questions: number
    /** Given, groups of questions are resampled, not questions. */
    readonly groups?: readonly string[]
    readonly resamples: number
    readonly reference: string
    readonly rng: RandomStream
  },
): Figures[] {
  const names = [...byRouter.keys()]
  const rankings = new Map(names.map((name) => [name, byRouter.get(name)!.map(({ gains }) => rankingOf(gains))]))
  const statistics = (weights: Float64Array): number[] => {
    const figures = names.map((name) =>
      byRouter.get(name)!.map((held, split) => {
        const own = Float64Array.from(held.indices, (index) => weights[index]!)
        const curve = pairCurve(held, own, rankings.get(name)![split])
        return [averageGapRecovered(curve), callShareFor(curve, 0.5), callShareFor(curve, 0.8)] as const
      }),
    )
    const over = (router: number, figure: 0 | 1 | 2) => mean(figures[router]!.map((split) => split[figure]))
    const reference = over(names.indexOf(options.reference), 0)
    return names.flatMap((_, i) => [over(i, 0), over(i, 0) - reference, over(i, 1), over(i, 2)])
  }
  const intervals = bootstrapQuestions(statistics, options)
  return names.map((router, i) => {
    const [apgr, difference, cpt50, cpt80] = intervals.slice(4 * i, 4 * i + 4) as [
      Interval,
      Interval,
      Interval,
      Interval,
    ]
    return { router, apgr, difference, cpt50, cpt80 }
  })
}

const shares = Array.from({ length: 51 }, (_, i) => i / 50)

/** Accuracy at 51 shares of strong answers, mean over the splits. */
export function meanCurve(held: readonly Held[]): [share: number, accuracy: number][] {
  const curves = held.map((split) => pairCurve(split))
  return shares.map((share) => [share, mean(curves.map((curve) => qualityAt(curve, share)))])
}
