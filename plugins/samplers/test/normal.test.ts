import { describe, expect, it } from 'vitest'
import { logCdf, logMass, quantileOfLog, truncatedQuantile } from '../src/tpe/normal.ts'
import { fixture } from './fixtures.ts'

const recorded = fixture<{
  logCdf: [number, number][]
  quantiles: [number, number][]
  masses: [number, number, number][]
  truncated: [number, number, number, number][]
}>('normal')

/** Relative, as values far in the tails are large and those near 1 are tiny. */
const close = (value: number, expected: number, tolerance: number) =>
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(tolerance * Math.max(Math.abs(expected), 1e-9))

describe('the normal distribution in logarithms is as SciPy has it', () => {
  it.each(recorded.logCdf)('log Φ(%d)', (a, expected) => close(logCdf(a), expected, 3e-14))

  it.each(recorded.quantiles)('the quantile of e^%d', (y, expected) => {
    close(quantileOfLog(y), expected, 1e-11)
  })

  it.each(recorded.masses)('the logarithm of what is between %d and %d', (a, b, expected) => {
    expect(Math.abs(logMass(a, b) - expected)).toBeLessThan(1e-13 * Math.abs(expected))
  })

  it.each(recorded.truncated)('the quantile at %d between %d and %d', (q, a, b, expected) => {
    close(truncatedQuantile(q, a, b), expected, 1e-10)
  })

  it('a range holds what its halves hold', () => {
    for (const [a, m, b] of [
      [-3, -2, -1],
      [-1, 0.5, 4],
      [2, 3, 9],
      [-30, -20, 5],
    ] as const)
      close(Math.exp(logMass(a, m)) + Math.exp(logMass(m, b)), Math.exp(logMass(a, b)), 1e-13)
  })
})
