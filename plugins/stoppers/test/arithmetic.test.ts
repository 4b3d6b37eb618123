// What the decisions hang on to the last bit, against closed forms, tables and figures of numpy, scipy and Python.
import { normalTail, percentileOf } from '@mixlab/statistics'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bracketBudgets, bracketOf } from '../src/hyperband.ts'
import { naturalLog } from '../src/natural-log.ts'
import { signedRankTest } from '../src/signed-rank.ts'

describe('percentile', () => {
  test('of whole positions is an order statistic', () => {
    const values = [5, 1, Number.NaN, 4, 2, 3]
    expect([0, 25, 50, 75, 100].map((percentile) => percentileOf(values, percentile))).toEqual([1, 2, 3, 4, 5])
  })

  test("as numpy's to the last bit, from whichever end is nearer", () => {
    // numpy 2.4: [numpy.nanpercentile([0.1, 0.2, 0.7], p) for p in (33.3, 10, 90, 66.6)]
    const values = [0.1, 0.2, 0.7]
    expect([33.3, 10, 90, 66.6].map((percentile) => percentileOf(values, percentile))).toEqual([
      0.1666, 0.12000000000000001, 0.6, 0.3659999999999999,
    ])
  })

  test('of nothing, and between infinities, is NaN', () => {
    expect(percentileOf([], 50)).toBeNaN()
    expect(percentileOf([Number.NaN], 50)).toBeNaN()
    expect(percentileOf([1, Infinity], 50)).toBeNaN()
    expect(percentileOf([1, Infinity], 25)).toBe(Infinity)
  })
})

describe('signed-rank test', () => {
  test('exact: of n positive differences p is 2^−n', () => {
    for (const n of [2, 5, 13, 14, 50]) {
      const differences = Array.from({ length: n }, (_, index) => index + 1)
      expect(signedRankTest(differences)).toBe(2 ** -n)
      expect(signedRankTest(differences.map((each) => -each))).toBe(1)
    }
  })

  test('exact: as the enumeration of all signs', () => {
    const difference = fc.integer({ min: -4, max: 4 })
    fc.assert(
      fc.property(fc.array(difference, { minLength: 1, maxLength: 9 }), (differences) => {
        expect(signedRankTest(differences)).toBe(byEnumeration(differences))
      }),
    )
  })

  test("approximate: scipy's figures", () => {
    const waves = Array.from({ length: 60 }, (_, index) => Math.round(8 * (Math.sin(index * index) + 0.2)) / 8)
    expect(signedRankTest(waves)).toBeCloseTo(0.03453817907695273, 12)
    expect(signedRankTest(waves.slice(0, 20))).toBeCloseTo(0.4850747505426899, 12)
  })
})

/** P(W⁺ ≥ observed) over all 2^n signs; a zero gives half its rank to either side. */
function byEnumeration(differences: readonly number[]): number {
  const sizes = differences.map(Math.abs)
  const ranks = sizes.map((size) => {
    const below = sizes.filter((other) => other < size).length
    const equal = sizes.filter((other) => other === size).length
    return below + (equal + 1) / 2
  })
  const statistic = (signs: readonly number[]): number =>
    ranks.reduce((sum, rank, at) => sum + (sizes[at] === 0 ? rank / 2 : signs[at]! > 0 ? rank : 0), 0)
  const observed = statistic(differences)
  const count = 2 ** differences.length
  const all = Array.from({ length: count }, (_, bits) => differences.map((_each, at) => ((bits >> at) & 1 ? 1 : -1)))
  return all.filter((signs) => statistic(signs) >= observed).length / count
}

test('normal tail: quantiles of the tables', () => {
  expect(normalTail(0)).toBe(0.5)
  expect(normalTail(1.959963984540054)).toBeCloseTo(0.025, 15)
  expect(normalTail(-1.2815515655446004)).toBeCloseTo(0.9, 15)
  expect(normalTail(6) / 9.865876450376946e-10).toBeCloseTo(1, 13)
  expect(normalTail(2.999999) / normalTail(3.000001)).toBeCloseTo(
    1 + 2e-6 * (0.004431848411938008 / 0.0013498980316300933),
    10,
  )
})

describe('hyperband', () => {
  // python3 -c "print([(b, k) for b in range(2, 21) for k in range(1, 40) if b**k < 2**53 and math.floor(math.log(float(b**k), b)) != k])"
  const low: Readonly<Record<number, readonly number[]>> = {
    3: [5, 10, 13, 15, 17, 20, 23, 26, 27, 29, 30, 31],
    9: [5, 10, 13, 15],
    10: [3, 6, 9, 12, 13, 15],
    11: [7, 14],
    12: [7, 13, 14],
    17: [3, 6, 11, 12],
  }
  const isLow = (base: number, power: number): boolean => low[base]?.includes(power) ?? false

  test('has as many brackets as in Python at every power of η', () => {
    for (let base = 2; base <= 20; base++)
      for (let power = 1; power < 40 && base ** power < 2 ** 53; power++)
        expect(bracketBudgets(1, base ** power, base).length, `${base}^${power}`).toBe(
          power + (isLow(base, power) ? 0 : 1),
        )
  })

  test("has the paper's sizes of the first rungs: ⌈(s_max + 1) η^s / (s + 1)⌉ for R = 81, η = 3", () => {
    expect(bracketBudgets(1, 81, 3)).toEqual([81, 34, 15, 8, 5])
  })

  test('puts trials into brackets in proportion to their budgets', () => {
    const budgets = bracketBudgets(1, 81, 3)
    const counts = budgets.map(() => 0)
    for (let number = 0; number < 14_300; number++) counts[bracketOf(budgets, 'study', number)]!++
    for (const [bracket, count] of counts.entries())
      expect(Math.abs(count - budgets[bracket]! * 100)).toBeLessThan(5 * Math.sqrt(budgets[bracket]! * 100))
  })
})

test('the logarithm of a power is correctly rounded where V8 is one ulp off', () => {
  expect(naturalLog(243)).toBe(5.493061443340548)
  expect(naturalLog(1)).toBe(0)
  expect(naturalLog(0.5)).toBe(-Math.LN2)
})
