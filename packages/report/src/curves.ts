// What is done to a curve before it is drawn: smoothing that a single outlier or NaN does not poison, thinning that keeps
// spikes, and the range worth showing.
import type { Point, Series } from './series.ts'

export const finite = (series: Series): Point[] => series.filter((point) => Number.isFinite(point.value))

/**
 * Exponential moving average with a bias-corrected start, y_t = Σ βᵏ x_{t−k} / Σ βᵏ; non-finite values are skipped.
 * @param span the number of points over which the weights fall to about 1/e
 */
export function smooth(series: Series, span: number): Point[] {
  const beta = Math.exp(-1 / Math.max(span, 1e-9))
  let sum = 0
  let weight = 0
  return finite(series).map(({ step, value }) => {
    sum = beta * sum + value
    weight = beta * weight + 1
    return { step, value: sum / weight }
  })
}

/** At most about `limit` points: each of limit/2 equal stretches keeps its lowest and its highest, and both ends stay. */
export function thin(series: Series, limit: number): Point[] {
  const points = finite(series)
  if (points.length <= Math.max(limit, 4)) return points
  const inner = points.slice(1, -1)
  const buckets = Math.max(1, Math.floor((limit - 2) / 2))
  const kept: Point[] = [points[0]!]
  for (let b = 0; b < buckets; b++) {
    const bucket = inner.slice(Math.floor((b * inner.length) / buckets), Math.floor(((b + 1) * inner.length) / buckets))
    let low = bucket[0]
    let high = bucket[0]
    if (low === undefined || high === undefined) continue
    for (const point of bucket) {
      if (point.value < low.value) low = point
      if (point.value > high.value) high = point
    }
    if (low === high) kept.push(low)
    else kept.push(...(low.step < high.step ? [low, high] : [high, low]))
  }
  return [...kept, points.at(-1)!]
}

/** The mean of several runs' series at the steps that all of them reached. */
export function meanSeries(all: readonly Series[]): Point[] {
  const [first] = all
  if (first === undefined || all.length === 1) return finite(first ?? [])
  const sums = new Map<number, { sum: number; n: number }>()
  for (const series of all) {
    for (const { step, value } of series) {
      const entry = sums.get(step) ?? { sum: 0, n: 0 }
      sums.set(step, { sum: entry.sum + value, n: entry.n + 1 })
    }
  }
  return [...sums]
    .flatMap(([step, { sum, n }]) => (n === all.length && Number.isFinite(sum) ? [{ step, value: sum / n }] : []))
    .toSorted((a, b) => a.step - b.step)
}

/** The value below which a share `p` of the sorted values lies, by linear interpolation. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b)
  const position = p * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position - Math.floor(position))
}

/** A range that holds the values with a little air; a single value gets a range around it. */
export function extent(values: readonly number[], options: { readonly zero?: boolean } = {}): [number, number] {
  let low = options.zero ? 0 : Infinity
  let high = options.zero ? 0 : -Infinity
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) return [0, 1]
  if (low === high) return low === 0 ? [0, 1] : [low - Math.abs(low) * 0.05, high + Math.abs(high) * 0.05]
  const air = (high - low) * 0.04
  return [options.zero && low === 0 ? 0 : low - air, high + air]
}
