// RouteLLM's own way to its figures (routellm/evals, evaluate.py and benchmarks.py): the curve at the quantiles of the scores,
// eleven points for ten bins, ties all on one side. Kept for comparison with figures that were made so.
import type { CurvePoint, PairOutcomes } from './pair-curve.ts'

/** numpy's and pandas' default quantile: linear between order statistics. */
function quantile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1)
  const below = Math.floor(place)
  const [from, to] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!]
  return from + (place - below) * (to - from)
}

/** Points at the quantiles 0, 1/bins, … 1 of the gains, by share. */
export function binnedCurve({ gains, weak, strong }: PairOutcomes, bins = 10): CurvePoint[] {
  const sorted = Array.from(gains).toSorted((a, b) => a - b)
  const points = Array.from({ length: bins + 1 }, (_, i) => {
    const threshold = quantile(sorted, i / bins)
    let [asked, quality] = [0, 0]
    for (let n = 0; n < gains.length; n++) {
      const ask = i < bins ? gains[n]! >= threshold : gains[n]! > threshold
      if (ask) asked++
      quality += ask ? strong[n]! : weak[n]!
    }
    return { share: asked / gains.length, quality: quality / gains.length }
  })
  return points.toSorted((a, b) => a.share - b.share)
}
