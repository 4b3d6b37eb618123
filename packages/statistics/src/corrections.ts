// Many comparisons at once: among twenty of equal arms one is "significant" by chance. Adjusted p-values, to be held
// against the level as they are.

/** Visits p-values from the smallest and keeps the adjusted ones in their order. */
function adjusted(pValues: readonly number[], factor: (rank: number) => number, direction: 'up' | 'down'): number[] {
  const order = pValues.map((_, index) => index).toSorted((a, b) => pValues[a]! - pValues[b]!)
  const result = pValues.map((p) => p)
  const visited = direction === 'up' ? order.entries() : [...order.entries()].toReversed()
  let bound = direction === 'up' ? 0 : 1
  for (const [rank, index] of visited) {
    const value = Math.min(1, factor(rank) * pValues[index]!)
    bound = direction === 'up' ? Math.max(bound, value) : Math.min(bound, value)
    result[index] = bound
  }
  return result
}

/** Holm's step-down (1979): the chance of any false discovery stays below the level, under any dependence. */
export const holm = (pValues: readonly number[]): number[] => adjusted(pValues, (rank) => pValues.length - rank, 'up')

/** Benjamini & Hochberg's step-up (1995): the expected share of false ones among the discoveries stays below the level. */
export const benjaminiHochberg = (pValues: readonly number[]): number[] =>
  adjusted(pValues, (rank) => pValues.length / (rank + 1), 'down')
