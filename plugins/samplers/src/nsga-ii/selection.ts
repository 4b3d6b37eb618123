// Which trials survive a generation (Deb et al. 2002, NSGA-II, sections III A and B): the best fronts, and of the one that does
// not fit the trials whose neighbours are far.
import type { Direction, Trial } from '@mixlab/studies'
import { nonDominatedRanks } from '../objectives/rank.ts'
import { lossesOf } from '../observed.ts'

const ascending = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)

/**
 * A front's trials from the sparsest to the most crowded. The distance is the sum, over objectives, of the gap between a
 * value's neighbours as a share of the finite range; the outermost are infinitely far.
 */
export function byCrowding(front: readonly Trial[]): Trial[] {
  const distances = new Map(front.map(({ number }) => [number, 0]))
  // Each objective's order breaks ties by the one before, as does the last one among equal distances.
  let order = [...front]
  for (let i = 0; i < (front[0]?.values?.length ?? 0); i++) {
    order = order.toSorted((a, b) => ascending(a.values![i]!, b.values![i]!))
    const values = order.map(({ values: all }) => all![i]!)
    if (values[0] === values.at(-1)) continue
    const least = values.find((value) => value !== -Infinity) ?? Infinity
    const most = values.findLast((value) => value !== Infinity) ?? -Infinity
    const width = most > least ? most - least : 1
    order.forEach(({ number }, j) => {
      const [below, above] = [values[j - 1] ?? -Infinity, values[j + 1] ?? Infinity]
      distances.set(number, distances.get(number)! + (below === above ? 0 : above - below) / width)
    })
  }
  return order.toSorted((a, b) => ascending(distances.get(a.number)!, distances.get(b.number)!)).toReversed()
}

/** The `count` trials that survive; all of fewer. */
export function survivors(trials: readonly Trial[], directions: readonly Direction[], count: number): Trial[] {
  const ranks = nonDominatedRanks(trials.map(({ values }) => lossesOf(values!, directions)))
  const chosen: Trial[] = []
  for (let rank = 0; chosen.length < count; rank++) {
    const front = trials.filter((_, i) => ranks[i] === rank)
    if (front.length === 0) break
    chosen.push(...(chosen.length + front.length < count ? front : byCrowding(front).slice(0, count - chosen.length)))
  }
  return chosen
}
