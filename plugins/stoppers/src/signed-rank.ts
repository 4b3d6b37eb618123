// Wilcoxon's signed-rank test (Wilcoxon 1945), one-sided, as scipy.stats.wilcoxon(zero_method='zsplit', method='auto')
// does it: exact where that is feasible, else the normal approximation, corrected for ties but not for continuity.
import { normalTail } from '@mixlab/statistics'

interface Ranked {
  readonly difference: number
  /** Of the absolute difference, from 1; equal ones share their mean rank. */
  readonly rank: number
}

function ranked(differences: readonly number[]): {
  readonly ranks: readonly Ranked[]
  readonly ties: readonly number[]
} {
  const sorted = differences.toSorted((a, b) => Math.abs(a) - Math.abs(b))
  const ranks: Ranked[] = []
  const ties: number[] = []
  for (let start = 0; start < sorted.length;) {
    let end = start
    while (end < sorted.length && Math.abs(sorted[end]!) === Math.abs(sorted[start]!)) end++
    for (const difference of sorted.slice(start, end)) ranks.push({ difference, rank: (start + 1 + end) / 2 })
    ties.push(end - start)
    start = end
  }
  return { ranks, ties }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** P(W ≥ observed) where each rank has either sign with equal odds: every probability a multiple of 2^−n, so exact. */
function exactTail(ranks: readonly Ranked[]): number {
  // Twice the rank is whole. A zero adds half its rank to either side whatever its sign, so it drops out.
  const signed = ranks.filter(({ difference }) => difference !== 0)
  const observed = sum(signed.map(({ difference, rank }) => (difference > 0 ? 2 * rank : 0)))
  let distribution = [1]
  for (const { rank } of signed) {
    const next = Array.from({ length: distribution.length + 2 * rank }, () => 0)
    distribution.forEach((probability, total) => {
      next[total]! += probability / 2
      next[total + 2 * rank]! += probability / 2
    })
    distribution = next
  }
  return sum(distribution.slice(observed))
}

function approximateTail(ranks: readonly Ranked[], ties: readonly number[]): number {
  const n = ranks.length
  const positive = sum(ranks.map(({ difference, rank }) => (difference > 0 ? rank : difference === 0 ? rank / 2 : 0)))
  const tied = sum(ties.map((count) => count ** 3 - count))
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1) - tied / 2) / 24)
  return normalTail((positive - n * (n + 1) * 0.25) / deviation)
}

/** p of the hypothesis that the differences are not larger than 0. */
export function signedRankTest(differences: readonly number[]): number {
  const { ranks, ties } = ranked(differences)
  const distinct = ties.every((count) => count === 1) && differences.every((difference) => difference !== 0)
  return ranks.length <= (distinct ? 50 : 13) ? exactTail(ranks) : approximateTail(ranks, ties)
}
