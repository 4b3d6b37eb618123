// The best few of many points in several objectives: whole fronts while they fit, of the one that does not, those that
// together dominate the largest volume, chosen one by one (Guerreiro, Fonseca & Paquete 2016), as in multi-objective TPE
// (Ozaki et al. 2022).
import { hypervolume } from './hypervolume.ts'
import { nonDominatedRanks } from './rank.ts'

type Point = readonly number[]

/** A little worse than the worst in each objective. */
const referenceOf = (points: readonly Point[]): number[] =>
  points[0]!.map((_, i) => {
    const worst = Math.max(...points.map((point) => point[i]!))
    return Math.max(1.1 * worst, 0.9 * worst) || 1e-12
  })

/** The places of `count` of the points, by greatest additional volume; of equal points the first. */
function greedySubset(points: readonly Point[], count: number): number[] {
  const reference = referenceOf(points)
  if (!reference.every(Number.isFinite)) return points.map((_, i) => i).slice(0, count)
  const chosen: number[] = []
  let held = 0
  // What a point adds only shrinks as others are chosen: what it added before is a bound, and few must be computed again.
  const bounds = points.map((point) => hypervolume([point], reference))
  const fresh = points.map(() => 0)
  while (chosen.length < count) {
    let best = -1
    for (;;) {
      best = -1
      for (let i = 0; i < points.length; i++)
        if (!chosen.includes(i) && (best < 0 || bounds[i]! > bounds[best]!)) best = i
      if (fresh[best] === chosen.length) break
      bounds[best] = hypervolume([...chosen.map((i) => points[i]!), points[best]!], reference) - held
      fresh[best] = chosen.length
    }
    held += bounds[best]!
    chosen.push(best)
  }
  return chosen
}

/** The places of the best `count` points. */
export function bestByHypervolume(losses: readonly Point[], count: number): number[] {
  const ranks = nonDominatedRanks(losses)
  const places = losses.map((_, i) => i)
  const chosen: number[] = []
  for (let rank = 0; chosen.length < count; rank++) {
    const front = places.filter((i) => ranks[i] === rank)
    const room = count - chosen.length
    if (front.length <= room) chosen.push(...front)
    else
      chosen.push(
        ...greedySubset(
          front.map((i) => losses[i]!),
          room,
        ).map((i) => front[i]!),
      )
  }
  return chosen
}
