// Sobol's sequence in Gray-code order, so that point n is the exclusive or of the direction numbers of the bits of n ^ (n >> 1),
// and its scrambling: a random lower triangular matrix over each coordinate's bits, and a random shift of all of them (Matoušek
// 1998). A scrambled sequence is as evenly spread as the plain one, unbiased, and without the plain one's first point at the
// lowest corner of the space.
import type { RandomStream } from '@mixlab/core'
import { directionNumbers } from './direction-numbers.ts'

export interface SobolSequence {
  readonly directions: readonly Uint32Array[]
  readonly shifts: Uint32Array
}

export const plainSequence = (count: number): SobolSequence => ({
  directions: directionNumbers(count),
  shifts: new Uint32Array(count),
})

/** 0 or 1: the parity of the word's set bits. */
function parity(word: number): number {
  word ^= word >>> 16
  word ^= word >>> 8
  word ^= word >>> 4
  return (0x6996 >>> (word & 15)) & 1
}

/** Each bit of the result is that bit of the word plus a random combination of the bits above it. */
function scrambleDirections(directions: Uint32Array, rng: RandomStream): Uint32Array {
  const rows = Uint32Array.from({ length: 32 }, (_, i) => {
    const diagonal = 2 ** (31 - i)
    const above = i === 0 ? 0 : (rng.word() >>> (32 - i)) << (32 - i)
    return (above | diagonal) >>> 0
  })
  return directions.map((v) => rows.reduce((word, row, i) => word | (parity((v & row) >>> 0) << (31 - i)), 0) >>> 0)
}

export function scrambledSequence(count: number, rng: RandomStream): SobolSequence {
  const directions = directionNumbers(count).map((each, d) => scrambleDirections(each, rng.stream(`matrix-${d}`)))
  const shift = rng.stream('shift')
  return { directions, shifts: Uint32Array.from({ length: count }, () => shift.word()) }
}

/** Point `n` of the sequence, each coordinate in [0, 1). */
export function sobolPoint({ directions, shifts }: SobolSequence, n: number): Float64Array {
  const gray = (n ^ (n >>> 1)) >>> 0
  return Float64Array.from(directions, (direction, d) => {
    let word = shifts[d]!
    for (let rest = gray; rest !== 0; rest &= rest - 1) word ^= direction[31 - Math.clz32(rest & -rest)]!
    return (word >>> 0) * 2 ** -32
  })
}
