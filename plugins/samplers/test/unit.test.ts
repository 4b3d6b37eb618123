import type { Distribution, ParameterValue } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { fromUnit, isNumeric, toUnit } from '../src/space/unit.ts'

/** The share of the unit interval that each value owns. */
function sharesOf(distribution: Distribution): Map<ParameterValue, number> {
  const count = 120_000
  const shares = new Map<ParameterValue, number>()
  for (let i = 0; i < count; i++) {
    const value = fromUnit(distribution, (i + 0.5) / count)
    shares.set(value, (shares.get(value) ?? 0) + 1 / count)
  }
  return shares
}

const discrete: readonly Distribution[] = [
  { kind: 'categorical', choices: ['a', 'b', null, true] },
  { kind: 'int', low: -2, high: 3 },
  { kind: 'int', low: 10, high: 50, step: 20 },
  { kind: 'int', low: 10, high: 69, step: 20 },
  { kind: 'float', low: 0, high: 1, step: 0.25 },
  { kind: 'float', low: 0, high: 1, step: 0.3 },
]

describe('the unit interval', () => {
  it.each(discrete)('gives every value the same share: %o', (distribution) => {
    const shares = [...sharesOf(distribution).values()]
    for (const share of shares) expect(share).toBeCloseTo(1 / shares.length, 4)
  })

  it('has all values in order, the ends included', () => {
    expect([...sharesOf(discrete[3]!).keys()]).toEqual([10, 30, 50])
    expect([...sharesOf(discrete[4]!).keys()]).toEqual([0, 0.25, 0.5, 0.75, 1])
  })

  it('gives integers on a log scale their neighbourhood in the logarithm', () => {
    const shares = sharesOf({ kind: 'int', low: 1, high: 8, log: true })
    for (let k = 1; k <= 8; k++)
      expect(shares.get(k)).toBeCloseTo(Math.log((k + 0.5) / (k - 0.5)) / Math.log(8.5 / 0.5), 4)
  })

  it('halves a log scale at the geometric mean', () => {
    expect(fromUnit({ kind: 'float', low: 1e-4, high: 1, log: true }, 0.5)).toBeCloseTo(1e-2, 12)
    expect(fromUnit({ kind: 'float', low: -1, high: 3 }, 0.5)).toBe(1)
  })

  it.each([
    ...discrete.filter(isNumeric),
    { kind: 'float', low: 1e-4, high: 1, log: true } as const,
    { kind: 'int', low: 1, high: 100, log: true } as const,
  ])('and back: %o', (distribution) => {
    for (let i = 0; i <= 20; i++) {
      const value = fromUnit(distribution, i / 20) as number
      expect(fromUnit(distribution, toUnit(distribution, value))).toBeCloseTo(value, 12)
    }
  })
})
