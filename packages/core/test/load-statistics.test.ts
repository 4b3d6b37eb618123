// Load statistics by hand, and what must hold of them for any counts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countsOf, loadStatistics } from '../src/index.ts'

describe('by hand', () => {
  const entropyOf31 = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25)) / Math.log(2)
  test.each([
    ['balance', [5, 5, 5, 5], { load: [0.25, 0.25, 0.25, 0.25], entropy: 1, maxViolation: 0, variation: 0, dead: 0 }],
    // The mean is 2: max/mean − 1 = 1/2; the deviations are ±1, the standard deviation 1.
    ['three to one', [3, 1], { load: [0.75, 0.25], entropy: entropyOf31, maxViolation: 0.5, variation: 0.5, dead: 0 }],
    // log 2 / log 4; two members with twice the mean.
    ['half of four', [6, 0, 6, 0], { load: [0.5, 0, 0.5, 0], entropy: 0.5, maxViolation: 1, variation: 1, dead: 2 }],
    // All in one of four: deviations 3 and −1 (thrice) of a mean of 1: √(12/4).
    ['collapse', [0, 4, 0, 0], { load: [0, 1, 0, 0], entropy: 0, maxViolation: 3, variation: Math.sqrt(3), dead: 3 }],
    ['nothing routed', [0, 0, 0], { load: [0, 0, 0], entropy: 0, maxViolation: 0, variation: 0, dead: 3 }],
    ['one member', [7], { load: [1], entropy: 1, maxViolation: 0, variation: 0, dead: 0 }],
    ['one idle member', [0], { load: [0], entropy: 1, maxViolation: 0, variation: 0, dead: 1 }],
  ])('%s', (_, counts, wanted) => {
    const { load, dead, ...numbers } = loadStatistics(counts)
    expect([load, dead]).toEqual([wanted.load, wanted.dead])
    for (const name of ['entropy', 'maxViolation', 'variation'] as const)
      expect(numbers[name], name).toBeCloseTo(wanted[name], 12)
  })
})

const someCounts = fc
  .array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 40 })
  .filter((counts) => counts.some((count) => count > 0))

test('hold their bounds, and do not change with the scale or the order of the counts', () => {
  fc.assert(
    fc.property(someCounts, fc.integer({ min: 2, max: 9 }), (counts, factor) => {
      const statistics = loadStatistics(counts)
      const { load, entropy, maxViolation, variation, dead } = statistics
      expect(load.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
      expect(entropy).toBeGreaterThanOrEqual(-1e-12)
      expect(entropy).toBeLessThanOrEqual(1 + 1e-12)
      expect(maxViolation).toBeLessThanOrEqual(counts.length - 1 + 1e-9)
      // The mean of squares around the mean, in the counts' own units.
      const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
      const variance = counts.reduce((sum, count) => sum + count ** 2, 0) / counts.length - mean ** 2
      expect(variation).toBeCloseTo(Math.sqrt(Math.max(0, variance)) / mean, 6)
      expect(maxViolation).toBeCloseTo(Math.max(...counts) / mean - 1, 9)
      for (const same of [counts.map((count) => factor * count), counts.toReversed()]) {
        const other = loadStatistics(same)
        expect(other.entropy).toBeCloseTo(entropy, 9)
        expect(other.variation).toBeCloseTo(variation, 9)
        expect(other.dead).toBe(dead)
      }
    }),
  )
})

test('counts are the differences of offsets', () => {
  expect(countsOf([0, 2, 2, 7])).toEqual([2, 0, 5])
  expect(countsOf(Int32Array.of(0, 4))).toEqual([4])
  expect(countsOf([0])).toEqual([])
})
