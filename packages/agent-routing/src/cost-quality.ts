// Any number of agents: quality against cost. A router with a trade-off gives one point for each; by choosing between two of
// its points at random, every point on the line between them can be had, so that what counts is the convex hull (RouterBench,
// https://arxiv.org/abs/2403.12031, section 3).

export interface CostPoint {
  /** Mean over questions, in any unit. */
  readonly cost: number
  /** Mean over questions. */
  readonly quality: number
}

/** The points that no mixture of others beats: from the cheapest to the best, cost and quality rising, slopes falling. */
export function upperHull(points: readonly CostPoint[]): CostPoint[] {
  const sorted = points.toSorted((a, b) => a.cost - b.cost || b.quality - a.quality)
  const hull: CostPoint[] = []
  for (const point of sorted) {
    if (hull.length > 0 && point.quality <= hull.at(-1)!.quality) continue
    while (hull.length >= 2) {
      const [a, b] = [hull.at(-2)!, hull.at(-1)!]
      const below = (b.quality - a.quality) * (point.cost - a.cost) <= (point.quality - a.quality) * (b.cost - a.cost)
      if (!below) break
      hull.pop()
    }
    hull.push(point)
  }
  return hull
}

/**
 * Mean quality along the hull between two costs (RouterBench's AIQ). More money never makes it worse: beyond the last point
 * the quality stays.
 * @param from not below the hull's cheapest point
 */
export function hullArea(points: readonly CostPoint[], [from, to]: readonly [number, number]): number {
  const hull = upperHull(points)
  const at = (cost: number): number => {
    const after = hull.findIndex((point) => point.cost >= cost)
    if (after < 0) return hull.at(-1)!.quality
    if (after === 0) return hull[0]!.quality
    const [a, b] = [hull[after - 1]!, hull[after]!]
    return a.quality + ((cost - a.cost) / (b.cost - a.cost)) * (b.quality - a.quality)
  }
  const stops = [from, ...hull.map(({ cost }) => cost).filter((cost) => cost > from && cost < to), to]
  const area = stops.slice(1).reduce((sum, stop, i) => sum + ((stop - stops[i]!) * (at(stop) + at(stops[i]!))) / 2, 0)
  return area / (to - from)
}

export interface CostInputs {
  /** By question, then member. */
  readonly scores: readonly (readonly number[])[]
  readonly quality: readonly (readonly number[])[]
  /** Of one answer of each member. */
  readonly costs: readonly number[]
}

/** One point for each trade-off λ: every question goes to the member with the highest score − λ · cost. */
export function tradeoffPoints(
  { scores, quality, costs }: CostInputs,
  tradeoffs: readonly number[],
  weights?: ArrayLike<number>,
): CostPoint[] {
  return tradeoffs.map((tradeoff) => {
    let [count, cost, right] = [0, 0, 0]
    for (const [n, row] of scores.entries()) {
      let best = 0
      for (let e = 1; e < row.length; e++)
        if (row[e]! - tradeoff * costs[e]! > row[best]! - tradeoff * costs[best]!) best = e
      const weight = weights ? weights[n]! : 1
      count += weight
      cost += weight * costs[best]!
      right += weight * quality[n]![best]!
    }
    return { cost: cost / count, quality: right / count }
  })
}

/** Each member by itself: what a router that knows nothing mixes. */
export function memberPoints({ quality, costs }: Omit<CostInputs, 'scores'>, weights?: ArrayLike<number>): CostPoint[] {
  const count = quality.reduce((sum, _, n) => sum + (weights ? weights[n]! : 1), 0)
  return costs.map((cost, e) => ({
    cost,
    quality: quality.reduce((sum, row, n) => sum + (weights ? weights[n]! : 1) * row[e]!, 0) / count,
  }))
}
