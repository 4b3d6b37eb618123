import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestTrial, type Direction, paretoFront, type Trial } from '../src/index.ts'

const trial = (number: number, values: readonly number[], state: Trial['state'] = 'complete'): Trial => ({
  number,
  state,
  parameters: {},
  distributions: {},
  values,
  intermediate: new Map(),
  userAttributes: {},
  systemAttributes: {},
})

test('the best is the least or the greatest complete value, the earliest of equals', () => {
  const trials = [trial(0, [0], 'pruned'), trial(1, [3]), trial(2, [1]), trial(3, [1]), trial(4, [3])]
  expect(bestTrial(trials, 'minimize')?.number).toBe(2)
  expect(bestTrial(trials, 'maximize')?.number).toBe(1)
  expect(bestTrial(trials.slice(0, 1), 'minimize')).toBeUndefined()
})

test('the front is what its definition says, for one to three objectives with ties', () => {
  const problem = fc.integer({ min: 1, max: 3 }).chain((objectives) =>
    fc.record({
      directions: fc.array(fc.constantFrom<Direction>('minimize', 'maximize'), {
        minLength: objectives,
        maxLength: objectives,
      }),
      points: fc.array(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(Infinity)), {
          minLength: objectives,
          maxLength: objectives,
        }),
        { maxLength: 20 },
      ),
    }),
  )
  fc.assert(
    fc.property(problem, ({ directions, points }) => {
      const isBetter = (a: number, b: number, objective: number) =>
        directions[objective] === 'minimize' ? a < b : a > b
      const expected = points.flatMap((point, index) => {
        const beaten = points.some(
          (other) =>
            other.some((value, objective) => isBetter(value, point[objective]!, objective)) &&
            !other.some((value, objective) => isBetter(point[objective]!, value, objective)),
        )
        return beaten ? [] : [index]
      })
      const front = paretoFront(
        points.map((values, number) => trial(number, values)),
        directions,
      )
      expect(front.map(({ number }) => number)).toEqual(expected)
    }),
  )
})
