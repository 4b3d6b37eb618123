// Random integers by the million, for resampling: xoshiro128** 1.1 (Blackman & Vigna 2021), seeded from a random stream. The
// streams' own generator is made for draws that can be found again by their index, and takes twenty times as long.
import type { RandomStream } from '@mixlab/core'

/** The next uint32 of a state of four words, not all zero; the state moves on. */
export function xoshiro128(state: Uint32Array): number {
  const [s0, s1, s2, s3] = [state[0]!, state[1]!, state[2]!, state[3]!]
  const scrambled = Math.imul(s1, 5)
  const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
  const t2 = s2 ^ s0
  const t3 = s3 ^ s1
  state[0] = s0 ^ t3
  state[1] = s1 ^ t2
  state[2] = t2 ^ (s1 << 9)
  state[3] = (t3 << 11) | (t3 >>> 21)
  return result
}

/**
 * A source of integers in [0, bound), the same for the same stream at the same position. Uneven by bound / 2³² at most, which
 * no resampling can tell.
 */
export function integersFrom(rng: RandomStream): (bound: number) => number {
  // The lowest bit set: no state of zeros.
  const state = Uint32Array.of(rng.word() | 1, rng.word(), rng.word(), rng.word())
  return (bound) => Math.floor(xoshiro128(state) * (bound / 2 ** 32))
}
