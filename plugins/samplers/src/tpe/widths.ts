// How wide the kernel of each observation is: the larger of the distances to its neighbours, within limits ("magic clip" of
// Bergstra et al. 2011, section 4, as Optuna has it). No width is below the least one, so that neighbours matter only where they
// are further away than that: buckets no longer than the least width take the place of sorting, and all but the first and the
// last observation of a bucket have the least width.

/**
 * Standard deviations of the kernels at `centres`, in their order.
 * The outermost have the distance to their only neighbour, whatever that to the range's end; one alone has that. Of equal ones
 * the first has the neighbour below and the last the one above.
 */
export function kernelWidths(centres: Float64Array, low: number, high: number): Float64Array {
  const n = centres.length
  const [least, most] = [(high - low) / Math.min(100, n + 2), high - low]
  if (n === 1) return Float64Array.of(Math.max(centres[0]! - low, high - centres[0]!))

  const count = Math.min(100, n + 2) + 2
  const [first, last] = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1)]
  for (let i = 0; i < n; i++) {
    const centre = centres[i]!
    const bucket = Math.min(Math.max(Math.floor(((centre - low) / (high - low)) * count), 0), count - 1)
    if (first[bucket]! < 0 || centre < centres[first[bucket]!]!) first[bucket] = i
    if (last[bucket]! < 0 || centre >= centres[last[bucket]!]!) last[bucket] = i
  }

  const widths = new Float64Array(n).fill(least)
  let previous = -1
  for (let bucket = 0; bucket < count; bucket++) {
    const next = first[bucket]!
    if (next < 0) continue
    if (previous >= 0) {
      const gap = Math.min(centres[next]! - centres[previous]!, most)
      widths[previous] = Math.max(widths[previous]!, gap)
      widths[next] = Math.max(widths[next]!, gap)
    }
    previous = last[bucket]!
  }
  return widths
}
