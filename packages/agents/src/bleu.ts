// Sentence BLEU (Papineni et al. 2002) with add-one smoothing of the higher orders (Lin and Och 2004), as "More Agents Is
// All You Need" (arXiv 2402.05120) compares samples of code and text with.

const grams = (words: readonly string[], order: number): Map<string, number> => {
  const counts = new Map<string, number>()
  for (let at = 0; at + order <= words.length; at++) {
    const gram = words.slice(at, at + order).join(' ')
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}

/** BLEU-4 of a candidate against one reference, 0 to 1; words are separated by white space. */
export function bleu(candidate: string, reference: string): number {
  const [words, wanted] = [candidate, reference].map((text) => text.split(/\s+/).filter((word) => word !== '')) as [
    string[],
    string[],
  ]
  if (words.length === 0 || wanted.length === 0) return 0
  let logs = 0
  for (let order = 1; order <= 4; order++) {
    const there = grams(wanted, order)
    let matches = 0
    for (const [gram, count] of grams(words, order)) matches += Math.min(count, there.get(gram) ?? 0)
    const total = Math.max(1, words.length - order + 1)
    const smooth = order === 1 ? 0 : 1
    if (matches + smooth === 0) return 0
    logs += Math.log((matches + smooth) / (total + smooth)) / 4
  }
  return Math.exp(logs + Math.min(0, 1 - wanted.length / words.length))
}

/** Of each text, the sum of its BLEU against all others. */
export const cumulativeBleu = (texts: readonly string[]): readonly number[] =>
  texts.map((text, index) => texts.reduce((sum, other, place) => (place === index ? sum : sum + bleu(text, other)), 0))
