// The paired permutation test: were the two arms the same, each question's difference would be as likely with the other
// sign. For right or wrong it is McNemar's exact test; it also holds for marks and shares, whatever their distribution.
import type { RandomStream } from '@mixlab/core'
import { clustersOf } from './bootstrap.ts'
import { integersFrom } from './draws.ts'

export interface SignFlipOptions {
  readonly rng: RandomStream
  /** Random sign patterns, where there are too many to try all. Default 10,000. */
  readonly flips?: number
  /** Cluster of each difference: its signs are flipped together. */
  readonly groups?: readonly (string | number)[]
}

export interface SignFlipTest {
  /** Two-sided. With random patterns (1 + those as extreme) / (1 + patterns), so that it is never 0. */
  readonly p: number
  /** All patterns were tried. */
  readonly exact: boolean
}

/** Tests whether the mean of paired differences is 0. Exact for up to 16 differences (or clusters) that are not 0. */
export function signFlipTest(
  differences: readonly number[],
  { rng, flips = 10_000, groups }: SignFlipOptions,
): SignFlipTest {
  const sums = clustersOf(differences.length, groups)
    .map((cluster) => cluster.reduce((sum, index) => sum + differences[index]!, 0))
    .filter((sum) => sum !== 0)
  const observed = Math.abs(sums.reduce((total, sum) => total + sum, 0))
  // Sums of the same numbers in another order differ in their last bits.
  const threshold = observed - 1e-12 * sums.reduce((total, sum) => total + Math.abs(sum), 0)
  let extreme = 0
  if (sums.length <= 16) {
    const patterns = 2 ** sums.length
    for (let pattern = 0; pattern < patterns; pattern++) {
      let total = 0
      for (let i = 0; i < sums.length; i++) total += (pattern >> i) & 1 ? sums[i]! : -sums[i]!
      if (Math.abs(total) >= threshold) extreme++
    }
    return { p: extreme / patterns, exact: true }
  }
  const word = integersFrom(rng)
  for (let flip = 0; flip < flips; flip++) {
    let total = 0
    let bits = 0
    for (let i = 0; i < sums.length; i++) {
      if ((i & 31) === 0) bits = word(2 ** 32)
      total += (bits >>> (i & 31)) & 1 ? sums[i]! : -sums[i]!
    }
    if (Math.abs(total) >= threshold) extreme++
  }
  return { p: (1 + extreme) / (1 + flips), exact: false }
}
