// McNemar's test: two arms answered the same questions, right or wrong. Only the questions on which they differ say
// anything; if the arms were equal, each such question would go either way like a coin.
import { binomialProbability, binomialTails } from './binomial.ts'

export interface McNemar {
  /** Questions that only the first, only the second had right. */
  readonly onlyFirst: number
  readonly onlySecond: number
  /** Two-sided. The exact test keeps its level always and is cautious. */
  readonly exact: number
  /** The mid-p version is nearer the level and only rarely above it (Fagerland et al. 2013). */
  readonly midP: number
}

/** Two-sided p-values; 1 where the arms never differ. */
export function mcnemar(onlyFirst: number, onlySecond: number): McNemar {
  const n = onlyFirst + onlySecond
  if (n === 0) return { onlyFirst, onlySecond, exact: 1, midP: 1 }
  const fewer = Math.min(onlyFirst, onlySecond)
  const both = 2 * binomialTails(fewer, n, 0.5).below
  return { onlyFirst, onlySecond, exact: Math.min(1, both), midP: both - binomialProbability(fewer, n, 0.5) }
}
