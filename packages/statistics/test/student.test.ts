import { describe, expect, it } from 'vitest'
import { difference, estimate, incompleteBeta, rank, studentCdf, studentQuantile } from '../src/index.ts'

describe('studentQuantile', () => {
  it.each([
    // Published two-sided 95 % and 99 % tables of Student's t.
    [0.975, 1, 12.7062],
    [0.975, 2, 4.3027],
    [0.975, 3, 3.1824],
    [0.975, 4, 2.7764],
    [0.975, 5, 2.5706],
    [0.975, 10, 2.2281],
    [0.975, 30, 2.0423],
    [0.975, 120, 1.9799],
    [0.995, 1, 63.6567],
    [0.995, 7, 3.4995],
    [0.95, 9, 1.8331],
    [0.9, 15, 1.3406],
  ])('p = %d with %d degrees of freedom is %d', (p, df, expected) => {
    expect(studentQuantile(p, df)).toBeCloseTo(expected, 4)
    expect(studentQuantile(1 - p, df)).toBeCloseTo(-expected, 4)
  })

  it('equals the closed forms at one and two degrees of freedom', () => {
    for (const p of [0.55, 0.7, 0.9, 0.99, 0.9995]) {
      expect(studentQuantile(p, 1) / Math.tan(Math.PI * (p - 0.5))).toBeCloseTo(1, 9)
      expect(studentQuantile(p, 2) / ((2 * p - 1) / Math.sqrt(2 * p * (1 - p)))).toBeCloseTo(1, 9)
    }
  })

  it('inverts the distribution function at fractional degrees of freedom', () => {
    for (const df of [1.3, 2.71, 8.5]) expect(studentCdf(studentQuantile(0.83, df), df)).toBeCloseTo(0.83, 10)
  })
})

it('incompleteBeta equals its closed forms', () => {
  for (const x of [0.05, 0.3, 0.77, 0.99]) {
    expect(incompleteBeta(x, 1, 3)).toBeCloseTo(1 - (1 - x) ** 3, 12)
    expect(incompleteBeta(x, 0.5, 0.5)).toBeCloseTo((2 / Math.PI) * Math.asin(Math.sqrt(x)), 12)
    expect(incompleteBeta(x, 2, 2)).toBeCloseTo(3 * x ** 2 - 2 * x ** 3, 12)
  }
})

describe('estimates', () => {
  it('gives the interval of a worked example', () => {
    // 1, 2, 3: mean 2, s = 1, half width 4.3027 / √3.
    const value = estimate([1, 2, undefined, 3, NaN])
    expect(value).toMatchObject({ n: 3, mean: 2, deviation: 1 })
    expect(value?.halfWidth).toBeCloseTo(4.302653 / Math.sqrt(3), 5)
  })

  it('knows no interval from one value and no estimate from none', () => {
    expect(estimate([4])).toEqual({ n: 1, mean: 4, deviation: NaN, halfWidth: NaN })
    expect(estimate([NaN, undefined])).toBeUndefined()
  })

  it("Welch's interval has Student's width when variances and counts are equal", () => {
    const a = estimate([1, 2, 3])
    const b = estimate([4, 5, 6])
    if (a === undefined || b === undefined) throw new Error('unreachable')
    // Equal variances: df = 4, standard error √(1/3 + 1/3).
    const gap = difference(a, b)
    expect(gap.mean).toBe(-3)
    expect(gap.halfWidth).toBeCloseTo(2.776445 * Math.sqrt(2 / 3), 5)
    expect(gap.clear).toBe(true)
  })

  it('calls a winner clear only when it stands apart from everyone', () => {
    const tight = estimate([1, 1.001])
    const far = estimate([2, 2.001])
    const wide = estimate([0.5, 3.5])
    expect(rank([far, tight], 'lower')).toMatchObject({ best: 1, next: 0, clear: true })
    expect(rank([far, tight], 'higher')).toMatchObject({ best: 0, clear: true })
    expect(rank([far, tight, wide], 'lower')).toMatchObject({ best: 1, clear: false })
    expect(rank([estimate([1]), far], 'lower')).toMatchObject({ best: 0, clear: false })
    expect(rank([undefined], 'lower')).toBeUndefined()
  })
})
