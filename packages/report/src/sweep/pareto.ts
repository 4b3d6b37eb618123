// Pareto fronts and the volume they dominate.
import type { Direction } from '@mixlab/studies'

/** Objectives turned so that less is better. */
export const lowerIsBetter = (values: readonly number[], directions: readonly Direction[]): number[] =>
  values.map((value, i) => (directions[i] === 'maximize' ? -value : value))

const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => value <= b[i]!) && a.some((value, i) => value < b[i]!)

/** Indices of the points that no other is at least as good as in everything and better in something; less is better. */
export const paretoFront = (points: readonly (readonly number[])[]): number[] =>
  [...points.keys()].filter((i) => !points.some((other) => dominates(other, points[i]!)))

/**
 * The volume between the points and a reference point that all should be better than (those that are not count for
 * nothing); less is better. Exact, by slicing along the last objective (Knowles' HSO): O(n^(d−1) log n) for d objectives.
 */
export function hypervolume(points: readonly (readonly number[])[], reference: readonly number[]): number {
  const last = reference.length - 1
  const inside = points
    .filter((point) => point.every((value, i) => value < reference[i]!))
    .toSorted((a, b) => a[last]! - b[last]!)
  if (inside.length === 0) return 0
  if (last === 0) return reference[0]! - inside[0]![0]!
  const across = reference.slice(0, last)
  if (last === 1) {
    // In two dimensions the slices shrink one by one.
    let [volume, edge] = [0, reference[0]!]
    for (const [x, y] of inside) {
      volume += Math.max(0, edge - x!) * (reference[1]! - y!)
      edge = Math.min(edge, x!)
    }
    return volume
  }
  let volume = 0
  const shadows: number[][] = []
  for (const [i, point] of inside.entries()) {
    const shadow = point.slice(0, last)
    if (!shadows.some((other) => other.every((value, axis) => value <= shadow[axis]!))) shadows.push(shadow)
    const height = (inside[i + 1]?.[last] ?? reference[last]!) - point[last]!
    if (height > 0) volume += height * hypervolume(shadows, across)
  }
  return volume
}
