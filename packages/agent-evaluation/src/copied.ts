// How much of a text is taken over from another one, word by word.

/** Lower-case words and numbers; other marks are tokens by themselves. */
const tokensOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? []

/** Runs of `n` tokens, and how often each is there. */
function runsOf(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let start = 0; start + n <= tokens.length; start++) {
    const run = tokens.slice(start, start + n).join(' ')
    counts.set(run, (counts.get(run) ?? 0) + 1)
  }
  return counts
}

/**
 * The share of a text's runs of four tokens (of all of it, where it is shorter) that stand in another one, 0 … 1, however
 * much more the other holds. A run counts as often as it stands there.
 */
export function copied(text: string, from: string): number {
  const tokens = tokensOf(text)
  const length = Math.min(4, tokens.length)
  if (length === 0) return 0
  const known = runsOf(tokensOf(from), length)
  let taken = 0
  for (const [run, count] of runsOf(tokens, length)) taken += Math.min(count, known.get(run) ?? 0)
  return taken / (tokens.length - length + 1)
}
