// How much of a text stands word for word in another: the share of its 4-grams of words that the other one has. A short
// text is taken as one gram.
const GRAM = 4

export function grams(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  if (words.length <= GRAM) return new Set(words.length === 0 ? [] : [words.join(' ')])
  return new Set(words.slice(GRAM - 1).map((_, i) => words.slice(i, i + GRAM).join(' ')))
}

/** Of `part` in `whole`, 0 to 1; 0 for an empty text. */
export function shareIn(part: ReadonlySet<string>, whole: ReadonlySet<string>): number {
  if (part.size === 0) return 0
  let found = 0
  for (const gram of part) if (whole.has(gram)) found++
  return found / part.size
}
