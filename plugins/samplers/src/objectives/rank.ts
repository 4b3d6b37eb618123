// Non-dominated sorting (Deb et al. 2002, NSGA-II, section III A). Losses: smaller is better.

/** a is no worse in any objective and better in one. */
export function dominates(a: readonly number[], b: readonly number[]): boolean {
  let better = false
  for (let i = 0; i < a.length; i++) {
    if (a[i]! > b[i]!) return false
    if (a[i]! < b[i]!) better = true
  }
  return better
}

const lexicographic = (a: readonly number[], b: readonly number[]): number => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1
  return 0
}

/** 0 for the points that none dominates, 1 for those that only these dominate, and so on. */
export function nonDominatedRanks(losses: readonly (readonly number[])[]): Uint32Array {
  const ranks = new Uint32Array(losses.length)
  // In lexicographic order none is dominated by a later one: it belongs to the first front in which none dominates it.
  const order = losses.map((_, i) => i).toSorted((a, b) => lexicographic(losses[a]!, losses[b]!))
  const fronts: number[][] = []
  for (const i of order) {
    const free = fronts.findIndex((front) => !front.some((j) => dominates(losses[j]!, losses[i]!)))
    ranks[i] = free < 0 ? fronts.length : free
    ;(fronts[ranks[i]] ??= []).push(i)
  }
  return ranks
}
