import { MixlabError, RandomStream } from '@mixlab/core'
import type { Parameters, Space } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { combinations } from '../src/grid.ts'
import { gridSampler } from '../src/index.ts'
import { view } from './fixtures.ts'

const conditional: Space = [
  { name: 'router', distribution: { kind: 'categorical', choices: ['top-k', 'noisy', 'hash'] } },
  {
    name: 'k',
    distribution: { kind: 'int', low: 1, high: 3 },
    when: { parameter: 'router', values: ['top-k', 'noisy'] },
  },
  {
    name: 'noise',
    distribution: { kind: 'float', low: 0.5, high: 1, step: 0.5 },
    when: { parameter: 'router', values: ['noisy'] },
  },
  {
    name: 'extra',
    distribution: { kind: 'categorical', choices: [true, false] },
    when: { parameter: 'k', values: [2] },
  },
  { name: 'width', distribution: { kind: 'int', low: 16, high: 48, step: 16 } },
]

/** All combinations by nested loops. */
function* expected(): Generator<Parameters> {
  const widths = [16, 32, 48]
  for (const router of ['top-k', 'noisy', 'hash'])
    for (const k of router === 'hash' ? [undefined] : [1, 2, 3])
      for (const noise of router === 'noisy' ? [0.5, 1] : [undefined])
        for (const extra of k === 2 ? [true, false] : [undefined])
          for (const width of widths)
            yield {
              router,
              ...(k !== undefined && { k }),
              ...(noise !== undefined && { noise }),
              ...(extra !== undefined && { extra }),
              width,
            }
}

describe('a grid', () => {
  it('has every combination of a conditional space once, in order', () => {
    const grid = combinations(conditional)
    const all = [...expected()]
    expect(grid.total).toBe(all.length)
    expect(all.map((_, i) => grid.at(i))).toEqual(all)
  })

  it('has one for each combination and then none', () => {
    const sampler = gridSampler.create({}, { space: conditional, directions: ['minimize'], seed: 0 } as never)
    const ask = (number: number) =>
      sampler.ask({ study: view(conditional, []), number, rng: new RandomStream(0) })?.parameters
    const { length } = [...expected()]
    expect(ask(length - 1)).toEqual([...expected()].at(-1))
    expect(ask(length)).toBeUndefined()
  })

  it('counts what could not be listed', () => {
    const large: Space = Array.from({ length: 12 }, (_, i) => ({
      name: `x${i}`,
      distribution: { kind: 'int', low: 0, high: 9 },
    }))
    const grid = combinations(large)
    expect(grid.total).toBe(10 ** 12)
    expect(Object.values(grid.at(123_456_789_012)).join('')).toBe('123456789012')
  })

  it('refuses a float without a step in one line that says what to do', () => {
    const rate: Space = [{ name: 'training.rate', distribution: { kind: 'float', low: 1e-4, high: 1e-2, log: true } }]
    const failure = (): unknown => {
      try {
        return combinations(rate)
      } catch (error) {
        return error
      }
    }
    const error = failure()
    expect(MixlabError.is(error) && error.message).toMatch(/^grid: training\.rate is a range without a step.*points=5/)
    expect(combinations(rate, 3).total).toBe(3)
    expect([0, 1, 2].map((i) => combinations(rate, 3).at(i)['training.rate'])).toEqual([1e-4, 1e-3, 1e-2])
  })

  it('a range of few integers on a log scale has no more points than integers', () => {
    const width: Space = [{ name: 'width', distribution: { kind: 'int', low: 1, high: 64, log: true } }]
    const values = (points?: number) => {
      const grid = combinations(width, points)
      return Array.from({ length: grid.total }, (_, i) => grid.at(i)['width'])
    }
    expect(values(7)).toEqual([1, 2, 4, 8, 16, 32, 64])
    expect(values()).toHaveLength(64)
    expect(values(100)).toHaveLength(64)
  })
})
