// Whether one sample tends to be larger than another, without assuming anything of their distributions; and what many such tests
// say together.

/** The ranks of all values, from 1; equal values share the mean of theirs. */
export function midranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!)
  const ranks = values.map(() => 0)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + 1 + to) / 2
    from = to
  }
  return ranks
}

/**
 * Mann and Whitney's test that values of `a` are no larger than those of `b`: the probability that, were both drawn alike, the
 * ranks of `a` summed to as much as they do. Exact, ties included: of all ways to choose which of the values are `a`'s.
 */
export function mannWhitneyGreater(a: readonly number[], b: readonly number[]): number {
  // Doubled midranks are whole numbers.
  const ranks = midranks([...a, ...b]).map((rank) => 2 * rank)
  const observed = ranks.slice(0, a.length).reduce((sum, rank) => sum + rank, 0)
  const most = ranks.reduce((sum, rank) => sum + rank, 0)
  // ways[k][s]: how many choices of k of the values so far have the sum s.
  const ways = Array.from({ length: a.length + 1 }, () => new Float64Array(most + 1))
  ways[0]![0] = 1
  for (const rank of ranks)
    for (let k = a.length; k >= 1; k--) {
      const [to, from] = [ways[k]!, ways[k - 1]!]
      for (let sum = most; sum >= rank; sum--) to[sum]! += from[sum - rank]!
    }
  const total = ways[a.length]!.reduce((sum, count) => sum + count, 0)
  return ways[a.length]!.subarray(observed).reduce((sum, count) => sum + count, 0) / total
}

/** Holm's correction: probabilities of which the smallest is below a level with at most that probability if all hypotheses hold. */
export function holm(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, i) => i).toSorted((a, b) => probabilities[a]! - probabilities[b]!)
  const adjusted = probabilities.map(() => 0)
  let largest = 0
  order.forEach((i, place) => {
    largest = Math.max(largest, Math.min(1, probabilities[i]! * (order.length - place)))
    adjusted[i] = largest
  })
  return adjusted
}

/** The quantile at `p` of the values, between neighbours in proportion. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = p * (sorted.length - 1)
  const below = Math.floor(at)
  const next = sorted[Math.min(below + 1, sorted.length - 1)]!
  return sorted[below]! + (at - below) * (next - sorted[below]!)
}
