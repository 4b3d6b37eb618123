// Counts of hashed word and character n-grams of a text: no vocabulary, no model, no download, the same everywhere.
import { textHash } from './text-hash.ts'

export interface NGramOptions {
  /** Columns; n-grams that fall into one are counted together. */
  readonly buckets: number
  /** Words in a row, up to this many; 0 for none. */
  readonly words: number
  /** Characters in a row within a word and its surrounding blanks, from … to; null for none. */
  readonly characters: readonly [from: number, to: number] | null
}

/** Bucket → how often. */
export function countNGrams(text: string, { buckets, words, characters }: NGramOptions): Map<number, number> {
  const counts = new Map<number, number>()
  const count = (kind: string, gram: string) => {
    const bucket = textHash(kind + gram) % buckets
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  const tokens = text.toLowerCase().match(/\p{L}+|\p{N}|[^\s\p{L}\p{N}]/gu) ?? []
  for (let n = 1; n <= words; n++)
    for (let i = 0; i + n <= tokens.length; i++) count(`w${n}:`, tokens.slice(i, i + n).join(' '))
  if (characters) {
    for (const token of tokens) {
      const padded = ` ${token} `
      for (let n = characters[0]; n <= characters[1]; n++)
        for (let i = 0; i + n <= padded.length; i++) count(`c${n}:`, padded.slice(i, i + n))
    }
  }
  return counts
}
