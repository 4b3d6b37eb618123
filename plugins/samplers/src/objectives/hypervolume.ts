// The volume that points dominate up to a reference point, for any number of objectives: the algorithm of the Walking Fish
// Group (While, Bradstreet & Barone 2012). Losses: smaller is better.
import { dominates } from './rank.ts'

type Point = readonly number[]

const box = (point: Point, reference: Point): number =>
  point.reduce((volume, value, i) => volume * (reference[i]! - value), 1)

/** Points that no other dominates, equal ones once. */
function front(points: readonly Point[]): Point[] {
  const kept: Point[] = []
  for (const point of points) {
    if (kept.some((other) => dominates(other, point) || other.every((value, i) => value === point[i]))) continue
    for (let i = kept.length - 1; i >= 0; i--) if (dominates(point, kept[i]!)) kept.splice(i, 1)
    kept.push(point)
  }
  return kept
}

function plane(points: readonly Point[], [right, top]: Point): number {
  let [area, height] = [0, top!]
  for (const [x, y] of points.toSorted((a, b) => a[0]! - b[0]!)) {
    area += (right! - x!) * (height - y!)
    height = y!
  }
  return area
}

/** What of the volume of points[i] none of the later ones has, summed over i. */
function volume(points: readonly Point[], reference: Point): number {
  if (points.length === 0) return 0
  if (reference.length === 2) return plane(points, reference)
  return points.reduce((sum, point, i) => {
    const limited = points.slice(i + 1).map((other) => other.map((value, d) => Math.max(value, point[d]!)))
    return sum + box(point, reference) - volume(front(limited), reference)
  }, 0)
}

/** @param losses points; those that are not within the reference in all objectives count nothing */
export const hypervolume = (losses: readonly Point[], reference: Point): number =>
  volume(
    front(losses.filter((point) => point.every((value, i) => value < reference[i]!))).toSorted((a, b) => a[0]! - b[0]!),
    reference,
  )
