import { expect, it } from 'vitest'
import { holm, mannWhitneyGreater, midranks, quantile } from './rank-tests.ts'

it('equal values share their ranks', () => {
  expect(midranks([3, 1, 3, 2, 3])).toEqual([4, 1, 4, 2, 4])
})

it('is scipy.stats.mannwhitneyu(a, b, alternative="greater", method="exact") without ties', () => {
  expect(mannWhitneyGreater([1.1, 2.2, 3.3, 4.4], [0.5, 1.5, 2.5])).toBeCloseTo(0.2, 14)
  const a = Array.from({ length: 30 }, (_, i) => Math.sin(i * 12.9898) + 0.4)
  const b = Array.from({ length: 30 }, (_, i) => Math.sin(i * 78.233))
  expect(mannWhitneyGreater(a, b)).toBeCloseTo(0.02073024324615374, 12)
})

it('counts the choices where values are equal', () => {
  const [a, b] = [
    [1, 2, 2, 5],
    [2, 2, 3],
  ]
  const all = [...a, ...b]
  const ranks = midranks(all)
  const sum = (indices: readonly number[]) => indices.reduce((total, i) => total + ranks[i]!, 0)
  const observed = sum([0, 1, 2, 3])
  let [asLarge, choices] = [0, 0]
  for (let mask = 0; mask < 2 ** all.length; mask++) {
    const chosen = all.flatMap((_, i) => ((mask >> i) & 1 ? [i] : []))
    if (chosen.length !== a.length) continue
    choices++
    if (sum(chosen) >= observed) asLarge++
  }
  expect(mannWhitneyGreater(a, b)).toBeCloseTo(asLarge / choices, 14)
})

it('corrects as statsmodels.stats.multitest.multipletests(method="holm")', () => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005])
  for (const [i, expected] of [0.03, 0.06, 0.06, 0.02].entries()) expect(adjusted[i]).toBeCloseTo(expected, 12)
})

it('has quantiles as numpy.quantile', () => {
  expect(quantile([4, 1, 3, 2], 0.25)).toBeCloseTo(1.75, 14)
  expect(quantile([4, 1, 3, 2], 0.5)).toBeCloseTo(2.5, 14)
})
