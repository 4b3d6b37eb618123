// What can be seen of a question without reading it: its length, its numbers, its punctuation.

export const surfaceFeatures = [
  'characters',
  'words',
  'sentences',
  'numbers',
  'largest number',
  'share of digits',
  'mean word length',
  'symbols',
  'lines',
] as const

/** In the order of `surfaceFeatures`; sizes as log(1 + x). */
export function surfaceOf(text: string): number[] {
  const words = text.match(/\p{L}+/gu) ?? []
  const numbers = (text.match(/\d[\d,]*(\.\d+)?/g) ?? []).map((number) => Number(number.replaceAll(',', '')))
  const count = (pattern: RegExp) => (text.match(pattern) ?? []).length
  const size = Math.log1p
  return [
    size(text.length),
    size(words.length),
    size(count(/[.!?](\s|$)/g)),
    size(numbers.length),
    size(Math.max(0, ...numbers)),
    count(/\d/g) / Math.max(1, text.length),
    words.reduce((sum, word) => sum + word.length, 0) / Math.max(1, words.length),
    size(count(/[^\s\p{L}\p{N}.,?!'"]/gu)),
    size(count(/\n/g)),
  ]
}
