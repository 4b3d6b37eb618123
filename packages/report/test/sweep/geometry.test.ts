import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RandomStream } from '@mixlab/core'
import type { Direction } from '@mixlab/studies'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fenced, numberAxis, objectiveAxis, parameterAxes } from '../../src/sweep/axis.ts'
import { hypervolume, lowerIsBetter, paretoFront } from '../../src/sweep/pareto.ts'
import { fitSurface } from '../../src/sweep/surface.ts'

interface Front {
  readonly directions: readonly Direction[]
  readonly points: readonly number[][]
  readonly front: readonly number[]
  readonly reference: readonly number[]
  readonly hypervolume: number
}
const { fronts } = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/optuna.json'), 'utf8')) as {
  fronts: readonly Front[]
}

describe('fronts and volumes', () => {
  it.each(fronts)('are those of Optuna for $directions.length objectives', (recorded) => {
    const { directions, points, front, reference } = recorded
    const losses = points.map((point) => lowerIsBetter(point, directions))
    expect(paretoFront(losses)).toEqual(front)
    expect(hypervolume(losses, lowerIsBetter(reference, directions))).toBeCloseTo(recorded.hypervolume, 9)
  })

  it('have closed forms: a box, two boxes that overlap, a simplex of boxes', () => {
    expect(hypervolume([[1, 2, 3]], [3, 3, 4])).toBe(2)
    expect(hypervolume([[0], [0.5]], [2])).toBe(2)
    // Inclusion and exclusion: 1·3 + 3·1 − 1·1.
    expect(
      hypervolume(
        [
          [0, 2],
          [2, 0],
        ],
        [3, 3],
      ),
    ).toBe(5)
    expect(
      hypervolume(
        [
          [0, 2, 0],
          [2, 0, 0],
          [0, 0, 2],
        ],
        [3, 3, 3],
      ),
    ).toBe(3 * 9 - 3 * 3 + 1)
    expect(hypervolume([[4, 4]], [3, 3])).toBe(0)
  })

  it('hold equal points, and none that is worse in one thing and better in nothing', () => {
    expect(
      paretoFront([
        [1, 1],
        [1, 2],
        [2, 1],
        [1, 1],
      ]),
    ).toEqual([0, 3])
  })

  it('do not change with points that are dominated, and grow with ones that are not', () => {
    const point = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), (points) => {
        const reference = [10, 10, 10]
        const front = paretoFront(points).map((i) => points[i]!)
        expect(hypervolume(front, reference)).toBe(hypervolume(points, reference))
        // By counting the unit cells of the grid.
        let cells = 0
        for (let cell = 0; cell < 1000; cell++) {
          const at = [cell % 10, Math.floor(cell / 10) % 10, Math.floor(cell / 100)]
          if (points.some((p) => p.every((value, i) => value <= at[i]!))) cells++
        }
        expect(hypervolume(points, reference)).toBe(cells)
      }),
    )
  })
})

describe('surfaces', () => {
  const rng = new RandomStream(3, 'surface')
  const scattered = (count: number, f: (x: number, y: number) => number) =>
    Array.from({ length: count }, () => {
      const [x, y] = [rng.uniform(), rng.uniform()]
      return { x, y, z: f(x, y) }
    })

  it('reproduce a plane, between the points and where they have none on one side', () => {
    const plane = (x: number, y: number) => 2 + 3 * x - 4 * y
    const { values, near, columns, rows } = fitSurface(scattered(60, plane), 20, 16)!
    for (const [i, value] of values.entries()) {
      if (near[i] === 0) continue
      const [x, y] = [((i % columns) + 0.5) / columns, (Math.floor(i / columns) + 0.5) / rows]
      // Values are held within those observed, which matters in the corners only.
      if (Math.abs(x - 0.5) < 0.35 && Math.abs(y - 0.5) < 0.35) expect(value).toBeCloseTo(plane(x, y), 3)
    }
    expect(near.filter(Boolean).length).toBeGreaterThan(280)
  })

  it('follow a bowl with little noise and average much of it', () => {
    const bowl = (x: number, y: number) => (x - 0.4) ** 2 + (y - 0.6) ** 2
    const smooth = fitSurface(scattered(200, bowl), 10, 10)!
    for (const [i, value] of smooth.values.entries()) {
      if (smooth.near[i] === 0) continue
      const [x, y] = [((i % 10) + 0.5) / 10, (Math.floor(i / 10) + 0.5) / 10]
      expect(Math.abs(value - bowl(x, y)), `${x} ${y}`).toBeLessThan(0.03)
    }
    const noisy = fitSurface(
      scattered(200, () => rng.normal()),
      10,
      10,
    )!
    expect(noisy.bandwidth).toBeGreaterThan(smooth.bandwidth)
  })

  it('know where no point is near', () => {
    const corner = scattered(40, (x) => x).map((p) => ({ ...p, x: p.x * 0.3, y: p.y * 0.3 }))
    const { near } = fitSurface(corner, 10, 10)!
    expect(near[0]).toBe(1)
    // 0.3 + REACH is 0.48 at most.
    for (const [i, known] of near.entries()) if (i % 10 >= 5 || i >= 50) expect(known).toBe(0)
    expect(fitSurface(corner.slice(0, 7), 4, 4)).toBeUndefined()
  })

  it('bear points on one line', () => {
    const line = Array.from({ length: 9 }, (_, i) => ({ x: i / 8, y: 0.5, z: i }))
    const { values } = fitSurface(line, 9, 1)!
    expect([...values].every(Number.isFinite)).toBe(true)
    expect(values[4]).toBeCloseTo(4, 1)
  })
})

describe('axes', () => {
  it('place values evenly in what is drawn uniformly', () => {
    const [rate, k, router] = parameterAxes([
      { name: 'training.learningRate', distribution: { kind: 'float', low: 1e-4, high: 1e-2, log: true } },
      { name: 'router.k', distribution: { kind: 'int', low: 1, high: 4 } },
      { name: 'router.name', distribution: { kind: 'categorical', choices: ['a', null, true, 2] } },
    ])
    expect(rate!.position(1e-3)).toBeCloseTo(0.5, 12)
    expect(k!.position(1)).toBeCloseTo(1 / 8, 12)
    expect(k!.position(4)).toBeCloseTo(7 / 8, 12)
    expect(router!.position(null)).toBeCloseTo(3 / 8, 12)
    expect(router!.position('b')).toBeUndefined()
    expect(router!.ticks(9).map(({ label }) => label)).toEqual(['a', 'none', 'true', '2'])
    expect(rate!.ticks(4).map(({ label }) => label)).toEqual(['1e−4', '0.001', '0.01'])
    expect(k!.ticks(9).map(({ label }) => label)).toEqual(['1', '2', '3', '4'])
  })

  it('have few round ticks, all of them inside', () => {
    const bound = fc.double({ min: 1e-9, max: 1e9, noNaN: true })
    fc.assert(
      fc.property(bound, bound, fc.boolean(), fc.integer({ min: 2, max: 9 }), (a, b, logarithmic, count) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b) * 1.5]
        const ticks = numberAxis({ low, high, logarithmic }).ticks(count)
        expect(ticks.length).toBeLessThanOrEqual(count + 1)
        expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length)
        for (const { at } of ticks) expect(at).toBeGreaterThanOrEqual(0)
        for (const { at } of ticks) expect(at).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('give names as short as they can be told apart', () => {
    const distribution = { kind: 'float', low: 0, high: 1 } as const
    const names = ['a.rate', 'b.rate', 'model.width', 'width2']
    expect(parameterAxes(names.map((name) => ({ name, distribution }))).map((axis) => axis.short)).toEqual([
      'a.rate',
      'b.rate',
      'width',
      'width2',
    ])
  })

  it('are not stretched by a run that diverged', () => {
    const values = [1, 1.1, 1.2, 1.3, 1.4, 1e30]
    expect(fenced(values, 'minimize')).toEqual([1, 1.4])
    expect(fenced(values, 'maximize')).toEqual([1, 1e30])
    expect(objectiveAxis(values, 'minimize').position(1e30)).toBe(1)
    expect(objectiveAxis([], 'minimize').position(0.5)).toBe(0.5)
    expect(fenced([3, 3, 3], 'minimize')).toEqual([3, 3])
  })
})
