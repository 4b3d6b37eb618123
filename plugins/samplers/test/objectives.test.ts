import { describe, expect, it } from 'vitest'
import { byCrowding, survivors } from '../src/nsga-ii/selection.ts'
import { hypervolume } from '../src/objectives/hypervolume.ts'
import { nonDominatedRanks } from '../src/objectives/rank.ts'
import { fixture, trial } from './fixtures.ts'

interface Case {
  readonly values: number[][]
  readonly fronts: number[][]
  readonly orders: number[][]
  readonly count: number
  readonly chosen: number[]
  readonly reference: number[]
  readonly hypervolume: number | null
}

const { cases, crowded } = fixture<{ cases: Case[]; crowded: { values: number[][]; order: number[] }[] }>('objectives')

describe("fronts, crowding and hypervolume are Optuna's", () => {
  it.each(cases)(
    'case %#: $values.length points',
    ({ values, fronts, orders, count, chosen, reference, hypervolume: volume }) => {
      const trials = values.map((each, number) => trial(number, { values: each }))
      const numbers = (those: readonly { number: number }[]) => those.map(({ number }) => number)
      const ranks = nonDominatedRanks(values)
      const ours = fronts.map((_, rank) => numbers(trials.filter(({ number }) => ranks[number] === rank)))
      expect(ours).toEqual(fronts)
      expect(Math.max(...ranks)).toBe(fronts.length - 1)
      expect(fronts.map((front) => numbers(byCrowding(front.map((number) => trials[number]!))))).toEqual(orders)
      const directions = values[0]!.map(() => 'minimize' as const)
      expect(numbers(survivors(trials, directions, count))).toEqual(chosen)
      if (volume !== null) expect(hypervolume(values, reference)).toBeCloseTo(volume, 12)
    },
  )

  it.each(crowded)('infinite values: $values', ({ values, order }) => {
    const ours = byCrowding(values.map((each, number) => trial(number, { values: each })))
    expect(ours.map(({ number }) => number)).toEqual(order)
  })

  it('the hypervolume of a sphere’s octant', () => {
    // Points on the unit sphere: up to (1, 1, 1) what they do not dominate tends to the octant of the ball, π / 6.
    const points: number[][] = []
    for (let i = 0; i <= 40; i++)
      for (let j = 0; j <= 40; j++) {
        const [a, b] = [(i / 40) * (Math.PI / 2), (j / 40) * (Math.PI / 2)]
        points.push([Math.cos(a) * Math.cos(b), Math.cos(a) * Math.sin(b), Math.sin(a)].map((x) => Math.max(x, 0)))
      }
    const volume = hypervolume(points, [1, 1, 1])
    expect(volume).toBeLessThan(1 - Math.PI / 6)
    expect(volume).toBeGreaterThan(1 - Math.PI / 6 - 0.05)
  })
})
