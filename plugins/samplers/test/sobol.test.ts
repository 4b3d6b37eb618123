import { RandomStream } from '@mixlab/core'
import { describe, expect, it } from 'vitest'
import { dimensions, directionNumbers } from '../src/sobol/direction-numbers.ts'
import { plainSequence, scrambledSequence, sobolPoint } from '../src/sobol/sequence.ts'
import { fixture } from './fixtures.ts'

const { points } = fixture<{ points: [number, number[]][] }>('sobol')

it.each(points)("point %d of all dimensions is SciPy's", (index, expected) => {
  expect(expected).toHaveLength(dimensions)
  expect([...sobolPoint(plainSequence(dimensions), index)]).toEqual(expected)
})

it('each dimension’s first numbers are odd below their power of two', () => {
  for (const v of directionNumbers(dimensions))
    v.forEach((number, k) => {
      const m = number / 2 ** (31 - k)
      expect(Number.isInteger(m) && m % 2 === 1 && m < 2 ** (k + 1)).toBe(true)
    })
})

describe.each([1, 2, 3])('scrambled by seed %d', (seed) => {
  const sequence = scrambledSequence(16, new RandomStream(seed, 'sobol'))
  const first = (count: number) => Array.from({ length: count }, (_, n) => sobolPoint(sequence, n))

  it('each half, quarter, … of each axis has as many points as the others', () => {
    for (let d = 0; d < 16; d++) {
      const cells = new Set(first(256).map((point) => Math.floor(point[d]! * 256)))
      expect(cells.size).toBe(256)
    }
  })

  it('the first two dimensions fill all elementary rectangles', () => {
    for (let k = 0; k <= 8; k++) {
      const cells = new Set(
        first(256).map((point) => Math.floor(point[0]! * 2 ** k) * 1024 + Math.floor(point[1]! * 2 ** (8 - k))),
      )
      expect(cells.size).toBe(256)
    }
  })

  it('integrates a smooth function better than random points would', () => {
    // Σ x over 16 dimensions: mean 8, standard deviation of a random mean of 256 points √(16 / 12 / 256) = 0.072.
    const mean = first(256).reduce((sum, point) => sum + point.reduce((total, x) => total + x, 0), 0) / 256
    expect(Math.abs(mean - 8)).toBeLessThan(0.02)
  })
})

it('scrambling spreads the point of each index over the whole range', () => {
  const values = Array.from(
    { length: 400 },
    (_, seed) => sobolPoint(scrambledSequence(2, new RandomStream(seed, 'sobol')), 5)[1]!,
  )
  const worst = values
    .toSorted((a, b) => a - b)
    .reduce((most, x, i) => Math.max(most, Math.abs(x - (i + 0.5) / 400)), 0)
  expect(worst).toBeLessThan(1.95 / Math.sqrt(400))
})
