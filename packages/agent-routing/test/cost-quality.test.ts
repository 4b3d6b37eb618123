// Quality against cost for any number of agents: the hull, its area, and the points that a trade-off gives.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hullArea, memberPoints, tradeoffPoints, upperHull } from '../src/index.ts'

const point = (cost: number, quality: number) => ({ cost, quality })

test('the hull leaves out what a mixture of two others beats, and what costs more for less', () => {
  const points = [point(0, 0.2), point(1, 0.3), point(2, 0.8), point(3, 0.7), point(4, 0.9), point(2, 0.5)]
  expect(upperHull(points)).toEqual([point(0, 0.2), point(2, 0.8), point(4, 0.9)])
})

test('the area is that of the trapezoids, and money beyond the best point makes nothing worse', () => {
  const points = [point(0, 0.2), point(2, 0.8), point(4, 0.9)]
  expect(hullArea(points, [0, 4])).toBeCloseTo((0.5 * 2 + 0.85 * 2) / 4, 12)
  expect(hullArea(points, [0, 8])).toBeCloseTo((0.5 * 2 + 0.85 * 2 + 0.9 * 4) / 8, 12)
  expect(hullArea(points, [1, 2])).toBeCloseTo(0.65, 12)
})

test('the hull is never below any point, concave, and adding points never lowers its area', () => {
  const anyPoint = fc.record({ cost: fc.integer({ min: 0, max: 20 }), quality: fc.integer({ min: 0, max: 20 }) })
  fc.assert(
    fc.property(fc.array(anyPoint, { minLength: 1, maxLength: 20 }), anyPoint, (points, extra) => {
      const all = [point(0, 0), ...points]
      const hull = upperHull(all)
      for (const { cost, quality } of all) {
        const right = hull.findIndex((corner) => corner.cost >= cost)
        const [a, b] = right <= 0 ? [hull.at(right)!, hull.at(right)!] : [hull[right - 1]!, hull[right]!]
        const at =
          a.cost === b.cost ? b.quality : a.quality + ((cost - a.cost) / (b.cost - a.cost)) * (b.quality - a.quality)
        expect(at).toBeGreaterThanOrEqual(quality - 1e-9)
      }
      const slopes = hull.slice(1).map((b, i) => (b.quality - hull[i]!.quality) / (b.cost - hull[i]!.cost))
      expect(slopes).toEqual(slopes.toSorted((a, b) => b - a))
      expect(hullArea([...all, extra], [0, 20])).toBeGreaterThanOrEqual(hullArea(all, [0, 20]) - 1e-9)
    }),
  )
})

test('a trade-off of 0 takes the best score, a large one the cheapest; what is known beforehand beats every member', () => {
  const quality = [
    [1, 0, 1],
    [0, 1, 1],
    [0, 0, 1],
    [0, 0, 0],
  ]
  const costs = [0.1, 1, 10]
  const [free, dear] = tradeoffPoints({ scores: quality, quality, costs }, [0, 1e6])
  // Ties go to the first: questions 1 and 4 to the cheapest, 2 to the second, 3 to the third.
  expect(free).toEqual({ cost: (0.1 + 1 + 10 + 0.1) / 4, quality: 0.75 })
  expect(dear).toEqual({ cost: 0.1, quality: 0.25 })
  const members = memberPoints({ quality, costs })
  expect(members).toEqual([point(0.1, 0.25), point(1, 0.25), point(10, 0.75)])
  const range = [0.1, 10] as const
  expect(hullArea([free!, ...members], range)).toBeGreaterThan(hullArea(members, range) + 0.1)
  // Weights count questions more than once.
  const [weighted] = tradeoffPoints({ scores: quality, quality, costs }, [0], [3, 0, 0, 1])
  expect(weighted).toEqual({ cost: expect.closeTo(0.1, 12) as number, quality: 0.75 })
})
