import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extent, meanSeries, quantile, smooth, thin } from '../src/curves.ts'
import { spread } from '../src/figures/spread.ts'
import { loadCells } from '../src/figures/load-maps.ts'

const series = (values: readonly number[]) => values.map((value, i) => ({ step: i + 1, value }))

describe('smooth', () => {
  it('keeps a constant, skips NaN, and weighs by powers of exp(−1/span)', () => {
    const constant = smooth(series([3, 3, NaN, 3]), 5)
    expect(constant.map((point) => point.step)).toEqual([1, 2, 4])
    for (const point of constant) expect(point.value).toBeCloseTo(3, 12)
    const beta = Math.exp(-1 / 2)
    expect(smooth(series([1, 5]), 2)[1]!.value).toBeCloseTo((beta * 1 + 5) / (beta + 1), 12)
  })
})

describe('thin', () => {
  it('keeps the ends, the extremes and the order, within the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 500 }),
        fc.integer({ min: 6, max: 90 }),
        (values, limit) => {
          const kept = thin(series(values), limit)
          expect(kept.length).toBeLessThanOrEqual(Math.max(limit, 4))
          expect(kept[0]!.step).toBe(1)
          expect(kept.at(-1)!.step).toBe(values.length)
          expect(Math.max(...kept.map((p) => p.value))).toBe(Math.max(...values))
          expect(Math.min(...kept.map((p) => p.value))).toBe(Math.min(...values))
          expect(kept.every((point, i) => i === 0 || point.step > kept[i - 1]!.step)).toBe(true)
        },
      ),
    )
  })
})

it('means are over the steps that all reached', () => {
  expect(meanSeries([series([1, 2, 3]), series([3, 4])])).toEqual([
    { step: 1, value: 2 },
    { step: 2, value: 3 },
  ])
  expect(meanSeries([series([1, NaN]), series([3, 4])])).toEqual([{ step: 1, value: 2 }])
})

it('quantiles interpolate', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
  expect(quantile([], 0.5)).toBeNaN()
})

it('extents hold the values and are never empty', () => {
  for (const values of [[], [NaN], [0], [5], [-3, 8], [Infinity, 1]]) {
    const [low, high] = extent(values)
    expect(low).toBeLessThan(high)
    for (const value of values.filter(Number.isFinite)) expect(value >= low && value <= high).toBe(true)
  }
})

describe('spread', () => {
  it('leaves labels that do not touch and centres those that do', () => {
    expect(spread([{ at: 10 }, { at: 50 }], 12, [0, 100]).map((l) => l.placed)).toEqual([10, 50])
    expect(spread([{ at: 50 }, { at: 50 }], 12, [0, 100]).map((l) => l.placed)).toEqual([44, 56])
  })

  it('keeps the gap and the range whenever there is room', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: 0, max: 200 }), { maxLength: 16 }), (wanted) => {
        const placed = spread(
          wanted.map((at) => ({ at })),
          12,
          [0, 200],
        ).map((l) => l.placed)
        for (const [i, place] of placed.entries()) {
          if (i > 0) expect(place - placed[i - 1]!).toBeGreaterThanOrEqual(12 - 1e-6)
          expect(place).toBeGreaterThanOrEqual(-1e-6)
          expect(place).toBeLessThanOrEqual(200 + 1e-6)
        }
      }),
    )
  })
})

it('a load map averages over its stretches of steps', () => {
  const layer = {
    layer: 0,
    router: 'r',
    members: ['a', 'b'],
    steps: [1, 2, 3, 4],
    entropy: [],
    maxViolation: [],
    dropped: [],
    load: [
      [1, 0],
      [0, 1],
      [0.5, 0.5],
      [NaN, 1],
    ],
  }
  expect(loadCells(layer, 2)).toEqual({
    steps: [2, 4],
    cells: [
      [0.5, 0.5],
      [0.5, 0.75],
    ],
  })
  expect(loadCells({ ...layer, load: [[1], [1], [1], [1]] }, 1).cells).toEqual([[1], [null]])
})
