// Sentence BLEU (Papineni et al. 2002) as sacrebleu computes it by default, up to tokens: 1- to 4-grams of as many orders as
// the text has, exponential smoothing of orders without a match, the brevity penalty. Here it tells how much of an answer
// is copied from another one.

/** Lower-case words and numbers; other marks are tokens by themselves. */
export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? []

/** n-gram → how often. */
export function ngrams(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let start = 0; start + n <= tokens.length; start++) {
    const gram = tokens.slice(start, start + n).join(' ')
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}

/** Of one text to one reference, both as tokens; 0 … 1. */
export function bleu(tokens: readonly string[], reference: readonly string[], order = 4): number {
  let logs = 0
  let orders = 0
  let smoothing = 1
  for (let n = 1; n <= order && n <= tokens.length; n++) {
    const known = ngrams(reference, n)
    let matches = 0
    for (const [gram, count] of ngrams(tokens, n)) matches += Math.min(count, known.get(gram) ?? 0)
    const total = tokens.length - n + 1
    if (matches === 0) smoothing *= 2
    logs += Math.log(matches > 0 ? matches / total : 1 / (smoothing * total))
    orders++
    // sacrebleu: without a single common word the score is 0.
    if (n === 1 && matches === 0) return 0
  }
  if (orders === 0) return 0
  const brevity = tokens.length < reference.length ? Math.exp(1 - reference.length / tokens.length) : 1
  return brevity * Math.exp(logs / orders)
}

/** The share of a text's n-grams that stand in another one, 0 … 1: how much is taken over, however long the other is. */
export function copied(tokens: readonly string[], from: readonly string[], n = 4): number {
  const order = Math.min(n, tokens.length)
  if (order === 0) return 0
  const known = ngrams(from, order)
  let taken = 0
  for (const [gram, count] of ngrams(tokens, order)) taken += Math.min(count, known.get(gram) ?? 0)
  return taken / (tokens.length - order + 1)
}
