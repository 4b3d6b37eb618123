// Quantiles as numpy.nanpercentile has them, to the last bit: where a value is compared with a threshold, one ulp would be a
// different decision.

/**
 * Linear interpolation between order statistics (the seventh method of Hyndman & Fan 1996), NaN left out.
 * @param percentile 0 … 100
 * @returns NaN where there is no number, and where the interpolation passes through ∞ − ∞, as numpy's does
 */
export function percentileOf(values: readonly number[], percentile: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * (percentile / 100)
  const below = Math.min(Math.floor(position), sorted.length - 1)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  const fraction = position - below
  const difference = high - low
  // From the nearer end, as numpy does.
  return fraction >= 0.5 ? high - difference * (1 - fraction) : low + difference * fraction
}
