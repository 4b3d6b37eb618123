// How alike two texts are, without a model and without a key: vectors of their words and of their letters in threes. It
// sees that answers say the same in the same words; that they say the same in other words it does not see.

/** Counts of words and of letters in threes, of length 1. */
export function lexicalVector(text: string): ReadonlyMap<string, number> {
  const plain = text.toLowerCase().normalize('NFKC')
  const words = plain.match(/[\p{L}\p{N}]+(?:[.,]\p{N}+)*/gu) ?? []
  const counts = new Map<string, number>()
  const add = (feature: string, weight: number) => counts.set(feature, (counts.get(feature) ?? 0) + weight)
  for (const word of words) {
    add(` ${word} `, 1)
    const padded = ` ${word} `
    for (let at = 0; at + 3 <= padded.length; at++) add(padded.slice(at, at + 3), 1 / word.length)
  }
  // Square roots: a word that comes ten times does not drown the others.
  const weights = [...counts].map(([feature, count]) => [feature, Math.sqrt(count)] as const)
  const length = Math.hypot(...weights.map(([, weight]) => weight)) || 1
  return new Map(weights.map(([feature, weight]) => [feature, weight / length]))
}

/** Cosine of two such vectors, 0 to 1. */
export function similarity(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  if (a.size > b.size) return similarity(b, a)
  let sum = 0
  for (const [feature, weight] of a) sum += weight * (b.get(feature) ?? 0)
  return Math.min(1, sum)
}

/** The mean over all pairs, 0 to 1; 1 for fewer than two texts. */
export function agreement(texts: readonly string[]): number {
  const vectors = texts.map(lexicalVector)
  let sum = 0
  let pairs = 0
  for (let i = 0; i < vectors.length; i++)
    for (let j = 0; j < i; j++) {
      sum += similarity(vectors[i]!, vectors[j]!)
      pairs++
    }
  return pairs === 0 ? 1 : sum / pairs
}

/**
 * A subset of `count` texts that are as unlike as can be, chosen one by one: first the one that is least like all others,
 * then always the one whose nearest chosen text is farthest. Ties go to the first. (The greedy choice of Residual
 * Mixture-of-Agents, arXiv 2505.24442, over these vectors instead of a model's embeddings.)
 * @returns their indices, in the order of `texts`
 */
export function diverseSubset(texts: readonly string[], count: number): readonly number[] {
  const vectors = texts.map(lexicalVector)
  const likeness = vectors.map((a) => vectors.map((b) => similarity(a, b)))
  const chosen: number[] = []
  while (chosen.length < Math.min(count, texts.length)) {
    const nearness = texts.map((_, index) =>
      chosen.includes(index)
        ? Number.POSITIVE_INFINITY
        : chosen.length === 0
          ? likeness[index]!.reduce((sum, value) => sum + value, 0)
          : Math.max(...chosen.map((other) => likeness[index]![other]!)),
    )
    chosen.push(nearness.indexOf(Math.min(...nearness)))
  }
  return chosen.toSorted((a, b) => a - b)
}
