// "Unknown router "swich": did you mean switch?" Suggestions by edit distance, so that a typing error costs a second.

/** Levenshtein distance with transpositions of neighbours counted once (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** The known names closest to `name`, best first: at most `most`, none further than a third of the length plus one. */
export function nearMisses(name: string, known: Iterable<string>, most = 3): string[] {
  const limit = Math.floor(name.length / 3) + 1
  const wanted = name.toLowerCase()
  return [...known]
    .map((candidate) => ({ candidate, distance: distanceTo(wanted, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .toSorted((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate))
    .slice(0, most)
    .map(({ candidate }) => candidate)
}

/** A part of a longer name (`topk` of `noisy-top-k`) is near, too. */
function distanceTo(wanted: string, candidate: string): number {
  const bare = (text: string) => text.replaceAll(/[^a-z0-9]/g, '')
  if (bare(wanted) === bare(candidate)) return 0
  if (bare(wanted).length >= 3 && bare(candidate).includes(bare(wanted))) return 1
  return editDistance(wanted, candidate)
}

/** ` Did you mean a or b?` or, with no near miss, ` Known: a, b, c.`; starts with a space. */
export function suggest(name: string, known: Iterable<string>): string {
  const names = [...known]
  const near = nearMisses(name, names)
  if (near.length > 0) return ` Did you mean ${near.join(' or ')}?`
  return names.length > 0 ? ` Known: ${names.toSorted().join(', ')}.` : ''
}
