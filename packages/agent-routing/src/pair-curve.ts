// Between a weak and a strong agent: quality against the share of questions that the strong one answers, as a router's
// ranking of the questions gives it, and the figures read off it (RouteLLM, https://arxiv.org/abs/2406.18665, section 3.3).
//
// The curve is exact: it has a point for every share that the ranking can give. Questions with equal gains are taken
// together, and the line between the points is what a random order among them gives on average. So a router that knows
// nothing has a straight line and an APGR of exactly 0.5.

/** One entry a question. */
export interface PairOutcomes {
  /** The larger, the sooner the strong agent is asked. */
  readonly gains: ArrayLike<number>
  readonly weak: ArrayLike<number>
  readonly strong: ArrayLike<number>
}

export interface CurvePoint {
  /** Of the questions, answered by the strong agent. */
  readonly share: number
  /** Mean over all questions. */
  readonly quality: number
}

/** Question indices, the largest gain first. */
export const rankingOf = (gains: ArrayLike<number>): number[] =>
  Array.from({ length: gains.length }, (_, i) => i).toSorted((a, b) => gains[b]! - gains[a]! || a - b)

/**
 * Points from share 0 to share 1.
 * @param weights how often each question counts (a bootstrap's); 1 by default
 * @param ranking `rankingOf(gains)`, where it is at hand
 */
export function pairCurve(
  { gains, weak, strong }: PairOutcomes,
  weights?: ArrayLike<number>,
  ranking: readonly number[] = rankingOf(gains),
): CurvePoint[] {
  let [count, quality] = [0, 0]
  for (let i = 0; i < gains.length; i++) {
    const weight = weights ? weights[i]! : 1
    count += weight
    quality += weight * weak[i]!
  }
  const points: CurvePoint[] = [{ share: 0, quality: quality / count }]
  let asked = 0
  for (const [n, i] of ranking.entries()) {
    const weight = weights ? weights[i]! : 1
    asked += weight
    quality += weight * (strong[i]! - weak[i]!)
    const next = ranking[n + 1]
    const tied = next !== undefined && gains[next] === gains[i]
    if (!tied && weight + asked > 0) points.push({ share: asked / count, quality: quality / count })
  }
  return points
}

/** Area under a curve, by trapezoids. */
export const areaUnder = (points: readonly CurvePoint[]): number =>
  points.slice(1).reduce((sum, { share, quality }, i) => {
    const from = points[i]!
    return sum + ((share - from.share) * (quality + from.quality)) / 2
  }, 0)

/** The quality at a share, on the line between the points around it. */
export function qualityAt(points: readonly CurvePoint[], share: number): number {
  const after = Math.max(
    1,
    points.findIndex((point) => point.share >= share),
  )
  const [from, to] = [points[after - 1]!, points[after] ?? points.at(-1)!]
  if (to.share === from.share) return to.quality
  return from.quality + ((share - from.share) / (to.share - from.share)) * (to.quality - from.quality)
}

/** Share of the gap between weak and strong that is recovered: 0 is as the weak, 1 as the strong agent. NaN without a gap. */
export function performanceGapRecovered(points: readonly CurvePoint[], share: number): number {
  const [weak, strong] = [points[0]!.quality, points.at(-1)!.quality]
  return (qualityAt(points, share) - weak) / (strong - weak)
}

/** APGR: the mean of the performance gap recovered over all shares; 0.5 for a random router. NaN without a gap. */
export function averageGapRecovered(points: readonly CurvePoint[]): number {
  const [weak, strong] = [points[0]!.quality, points.at(-1)!.quality]
  return (areaUnder(points) - weak) / (strong - weak)
}

/** CPT(level): the smallest share of strong answers with which that share of the gap is recovered. NaN without a gap. */
export function callShareFor(points: readonly CurvePoint[], level: number): number {
  const [weak, strong] = [points[0]!.quality, points.at(-1)!.quality]
  if (!(strong > weak)) return Number.NaN
  const wanted = weak + level * (strong - weak)
  const at = points.findIndex(({ quality }) => quality >= wanted)
  if (at <= 0) return 0
  const [from, to] = [points[at - 1]!, points[at]!]
  return from.share + ((wanted - from.quality) / (to.quality - from.quality)) * (to.share - from.share)
}

/** The gains of a router that knows what will come: no ranking has a larger APGR. */
export const oracleGains = ({ weak, strong }: Omit<PairOutcomes, 'gains'>): number[] =>
  Array.from({ length: weak.length }, (_, i) => strong[i]! - weak[i]!)
