import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { philox4x32, RandomStream } from '../src/index.ts'

describe('philox4x32', () => {
  // Random123's kat_vectors file, rows "philox4x32 10".
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('matches the published vector for counter %j', (counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual(expected)
  })
})

describe('RandomStream', () => {
  test('a stream does not depend on how much another was used', () => {
    const used = new RandomStream(7)
    const fresh = new RandomStream(7)
    for (let i = 0; i < 100; i++) used.stream('a').uniform()
    expect(used.stream('b').at(3).word()).toBe(fresh.stream('b').at(3).word())
  })

  test('seeds, names and steps give different draws', () => {
    const draws = [
      new RandomStream(1),
      new RandomStream(2),
      new RandomStream(1).stream('x'),
      new RandomStream(1).at(1),
    ].map((s) => s.word())
    expect(new Set(draws).size).toBe(4)
  })

  test('uniforms pass a chi-squared test with 100 cells', () => {
    const stream = new RandomStream(11)
    const cells = new Float64Array(100)
    for (let i = 0; i < 100_000; i++) cells[Math.floor(stream.uniform() * 100)]!++
    const chi = cells.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)
    expect(chi).toBeLessThan(148.2) // 99.9 % point of χ² with 99 degrees of freedom
  })

  test('normals have the moments of a standard normal', () => {
    const values = new RandomStream(5).normals(100_001)
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
    const fourth = values.reduce((a, b) => a + (b - mean) ** 4, 0) / values.length / variance ** 2
    expect(Math.abs(mean)).toBeLessThan(0.013)
    expect(Math.abs(variance - 1)).toBeLessThan(0.018)
    expect(Math.abs(fourth - 3)).toBeLessThan(0.08)
  })

  test('shuffled is a permutation and integer stays below its bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 40 }),
        fc.array(fc.integer()),
        fc.integer({ min: 1, max: 1000 }),
        (seed, items, bound) => {
          const stream = new RandomStream(seed)
          expect(stream.shuffled(items).toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b))
          expect(stream.integer(bound)).toBeLessThan(bound)
        },
      ),
    )
  })
})
