// Quality against cost or latency: which arms nobody beats on both, and how sure that is. Questions are resampled with
// everything that is known of them, so that arms are compared on the same questions in every resample; where questions come
// in groups, groups are.
import { MixlabError, type RandomStream } from '@mixlab/core'
import { integersFrom, type Interval, percentileInterval } from '@mixlab/statistics'

export interface ParetoArm {
  readonly name: string
  /** By question id: the score, what it cost (money, tokens, milliseconds), and its group of questions, if any. */
  readonly points: ReadonlyMap<string, { readonly quality: number; readonly cost: number; readonly group?: string }>
}

export interface ParetoPoint {
  readonly name: string
  readonly quality: number
  readonly cost: number
  readonly qualityInterval: Interval
  readonly costInterval: Interval
  /** No other arm is at least as good for at most the same cost, and better in one of the two. */
  readonly onFront: boolean
  /** Share of the resamples in which that holds. */
  readonly frontShare: number
}

/** The best quality that can be had for at most this cost. */
export interface BandPoint extends Interval {
  readonly cost: number
  readonly quality: number
}

export interface Pareto {
  readonly questions: number
  /** In the order of the arms. */
  readonly points: readonly ParetoPoint[]
  /** The front as a step function, at the cost of each arm from the cheapest, with its band. */
  readonly band: readonly BandPoint[]
}

export interface ParetoOptions {
  readonly rng: RandomStream
  /** Default 1000. */
  readonly resamples?: number
  readonly confidence?: number
}

/** Whether each point is on the front of its set. */
export function onFront(points: readonly { readonly quality: number; readonly cost: number }[]): boolean[] {
  return points.map(
    (point) =>
      !points.some(
        (other) =>
          other.quality >= point.quality &&
          other.cost <= point.cost &&
          (other.quality > point.quality || other.cost < point.cost),
      ),
  )
}

/**
 * Over the questions that every arm answered.
 * @throws MixlabError where there is none
 */
export function paretoFront(arms: readonly ParetoArm[], options: ParetoOptions): Pareto {
  const { rng, resamples = 1000, confidence = 0.95 } = options
  const questions = [...(arms[0]?.points.keys() ?? [])].filter((id) => arms.every(({ points }) => points.has(id)))
  if (questions.length === 0)
    throw new MixlabError(`the arms ${arms.map(({ name }) => name).join(', ')} have no question in common`)
  const n = questions.length
  const values = arms.map(({ points }) => {
    const all = questions.map((id) => points.get(id)!)
    return {
      quality: Float64Array.from(all, (each) => each.quality),
      cost: Float64Array.from(all, (each) => each.cost),
    }
  })
  const units = unitsOf(questions, arms[0]!)
  const means = (drawn: readonly (readonly number[])[]) =>
    values.map(({ quality, cost }) => {
      let [q, c, count] = [0, 0, 0]
      for (const unit of drawn) {
        count += unit.length
        for (const index of unit) {
          q += quality[index]!
          c += cost[index]!
        }
      }
      return { quality: q / count, cost: c / count }
    })
  const observed = means(units)
  const costs = observed.map(({ cost }) => cost).toSorted((a, b) => a - b)
  const draws = (count: number) => Array.from({ length: count }, () => new Float64Array(resamples))
  const [qualities, spending, best] = [draws(arms.length), draws(arms.length), draws(arms.length)]
  const fronts = arms.map(() => 0)
  const integer = integersFrom(rng)
  for (let draw = 0; draw < resamples; draw++) {
    const drawn = means(units.map(() => units[integer(units.length)]!))
    for (const [arm, isOnFront] of onFront(drawn).entries()) {
      if (isOnFront) fronts[arm]!++
      qualities[arm]![draw] = drawn[arm]!.quality
      spending[arm]![draw] = drawn[arm]!.cost
      // Which arms a budget buys is told from their observed costs: resampled ones would let an arm flicker in and out.
      best[arm]![draw] = bestWithin(costs[arm]!, drawn, observed)
    }
  }
  const front = onFront(observed)
  return {
    questions: n,
    points: arms.map(({ name }, arm) => ({
      name,
      ...observed[arm]!,
      qualityInterval: percentileInterval(qualities[arm]!, confidence),
      costInterval: percentileInterval(spending[arm]!, confidence),
      onFront: front[arm]!,
      frontShare: fronts[arm]! / resamples,
    })),
    band: costs.map((cost, index) => ({
      cost,
      quality: bestWithin(cost, observed, observed),
      ...percentileInterval(best[index]!, confidence),
    })),
  }
}

/** Places of the questions that are drawn together; a question without a group is alone. */
function unitsOf(questions: readonly string[], { points }: ParetoArm): number[][] {
  const unit = (index: number): string => {
    const id = questions[index]!
    const { group } = points.get(id)!
    return group === undefined ? `question:${id}` : `group:${group}`
  }
  return [...Map.groupBy(questions.keys(), unit).values()]
}

const bestWithin = (
  budget: number,
  qualities: readonly { readonly quality: number }[],
  costs: readonly { readonly cost: number }[],
): number => Math.max(...qualities.filter((_, arm) => costs[arm]!.cost <= budget).map(({ quality }) => quality))
