// Exploit and explore against what the paper's rule says of every population: who is replaced, by whom, and how its
// parameters are distributed then.
import { RandomStream } from '@mixlab/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  contains,
  exploitAndExplore,
  isActive,
  type Member,
  type Parameters,
  populationConfig,
  type Space,
} from '../src/index.ts'

const config = { ...populationConfig.parse({}), direction: 'minimize' as const }
const rng = new RandomStream(7, 'population')

const space: Space = [
  { name: 'rate', distribution: { kind: 'float', low: 1e-6, high: 1, log: true } },
  { name: 'momentum', distribution: { kind: 'float', low: 0, high: 1 } },
  { name: 'decay', distribution: { kind: 'float', low: 0, high: 0.5, step: 0.05 } },
  { name: 'k', distribution: { kind: 'int', low: 1, high: 64 } },
  { name: 'router', distribution: { kind: 'categorical', choices: ['top-k', 'switch', 'noisy-top-k'] } },
  {
    name: 'noise',
    distribution: { kind: 'float', low: 0.01, high: 1 },
    when: { parameter: 'router', values: ['noisy-top-k'] },
  },
]
const parameters: Parameters = { rate: 1e-3, momentum: 0.5, decay: 0.25, k: 2, router: 'top-k' }

/** Members 0, 1, … with these scores. */
const population = (scores: readonly number[]): Member[] =>
  scores.map((score, number) => ({ number, score, parameters, checkpoint: `run-${number}` }))

/** The first member, replaced by the second, in so many generations. */
const children = (count: number, changes: Partial<typeof config> = {}, of: Parameters = parameters): Parameters[] =>
  Array.from({ length: count }, (_, generation) => {
    const members = population([2, 1]).map((member) => ({ ...member, parameters: of }))
    return exploitAndExplore(members, space, rng.at(generation), { ...config, ...changes })[0]!.parameters
  })

describe('exploit', () => {
  test('the worst ⌈q·n⌉, at most half, go on from as many best; everyone else as it is', () => {
    const scores = fc.uniqueArray(fc.double({ noNaN: true }), {
      minLength: 2,
      maxLength: 40,
      comparator: (a, b) => a === b,
    })
    const quantile = fc.double({ min: 0.01, max: 0.5, noNaN: true })
    fc.assert(
      fc.property(
        scores,
        quantile,
        fc.constantFrom('minimize' as const, 'maximize' as const),
        (values, q, direction) => {
          const members = population(values)
          const after = exploitAndExplore(members, space, rng, { ...config, quantile: q, direction })
          const order = values.toSorted((a, b) => (direction === 'minimize' ? a - b : b - a))
          const count = Math.min(Math.ceil(q * values.length), Math.floor(values.length / 2))
          const best = new Set(order.slice(0, count))
          const worst = new Set(order.slice(order.length - count))
          for (const [at, { parent, checkpoint, parameters: next }] of after.entries()) {
            expect(checkpoint).toBe(`run-${parent}`)
            if (worst.has(values[at]!)) expect(best.has(values[parent]!)).toBe(true)
            else expect([parent, next]).toEqual([at, parameters])
          }
        },
      ),
    )
  })

  test('NaN is worst in either direction; equal scores are ranked by number', () => {
    for (const direction of ['minimize', 'maximize'] as const) {
      const parents = exploitAndExplore(population([Number.NaN, 5, 5, 5, 5]), space, rng, { ...config, direction })
      expect(parents.map(({ parent }) => parent)).toEqual([1, 1, 2, 3, 4])
    }
  })

  test('each of the best is copied equally often', () => {
    const counts = [0, 0, 0, 0]
    const members = population(Array.from({ length: 20 }, (_, score) => score))
    for (let generation = 0; generation < 500; generation++)
      for (const { parent } of exploitAndExplore(members, space, rng.at(generation), config).slice(-4))
        counts[parent]!++
    // 2,000 draws of one in four: five standard deviations are 97.
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(97)
  })

  test('the order in which members are given does not matter, the generation does', () => {
    const members = population([3, 1, 4, 1.5, 9, 2.6, 5, 3.5, 8, 9.7])
    const parents = new Set<string>()
    for (let generation = 0; generation < 20; generation++) {
      const straight = exploitAndExplore(members, space, rng.at(generation), config)
      const turned = exploitAndExplore(members.toReversed(), space, rng.at(generation), config)
      expect(turned.toReversed()).toEqual(straight)
      parents.add(straight.map(({ parent }) => parent).join())
    }
    expect(parents.size).toBe(4)
  })

  test('two that copy the same member part ways', () => {
    const [, , ...copies] = exploitAndExplore(population([1, 1, 9, 9]), space, rng, { ...config, quantile: 0.5 })
    expect(copies[0]!.parameters).not.toEqual(copies[1]!.parameters)
  })
})

describe('explore', () => {
  test('without resampling a number is 0.8 or 1.2 times what it was, each half of the time, independently', () => {
    const after = children(2000, { resample: 0 })
    const up = (name: string) => after.map((each) => Number(each[name]) / Number(parameters[name]) > 1)
    for (const { rate } of after) expect([0.8e-3, 1.2e-3]).toContain(rate)
    // Of 2,000 fair coins: five standard deviations are 112.
    expect(Math.abs(up('rate').filter(Boolean).length - 1000)).toBeLessThan(112)
    const both = up('rate').filter((each, at) => each === up('momentum')[at]).length
    expect(Math.abs(both - 1000)).toBeLessThan(112)
    expect(new Set(after.map(({ router }) => router))).toEqual(new Set(['top-k']))
  })

  test('a grid never swallows the change, and its ends hold', () => {
    const values = (of: Parameters, name: string) =>
      [...new Set(children(100, { resample: 0 }, of).map((each) => each[name]))].map(Number).toSorted((a, b) => a - b)
    expect(values(parameters, 'k')).toEqual([1, 3])
    expect(values({ ...parameters, k: 1 }, 'k')).toEqual([1, 2])
    expect(values({ ...parameters, k: 60 }, 'k')).toEqual([48, 64])
    expect(values({ ...parameters, decay: 0.1 }, 'decay')).toEqual(
      [0.05, 0.1 + 0.05].map((each) => expect.closeTo(each, 12)),
    )
    expect(values({ ...parameters, momentum: 0.9 }, 'momentum')).toEqual([expect.closeTo(0.72, 12), 1])
  })

  test('resampled values are uniform over the range', () => {
    const after = children(2000, { resample: 1 })
    const logs = after.map(({ rate }) => (Math.log10(Number(rate)) + 6) / 6)
    for (const shares of [logs, after.map(({ momentum }) => Number(momentum))]) {
      const sorted = shares.toSorted((a, b) => a - b)
      const distance = Math.max(...sorted.map((share, at) => Math.abs(share - (at + 0.5) / 2000)))
      // Kolmogorov–Smirnov: exceeded once in 10,000 times.
      expect(distance).toBeLessThan(2.23 / Math.sqrt(2000))
    }
  })

  test('as often as configured', () => {
    const fresh = children(2000).filter(({ rate }) => rate !== 0.8e-3 && rate !== 1.2e-3).length
    // 2,000 draws of one in four: five standard deviations are 97.
    expect(Math.abs(fresh - 500)).toBeLessThan(97)
  })

  test('what comes out is a point of the space, conditions included', () => {
    for (const resample of [0, 0.5, 1])
      for (const each of children(300, { resample })) {
        const active = space.filter((parameter) => isActive(parameter, each))
        expect(Object.keys(each)).toEqual(active.map(({ name }) => name))
        for (const { name, distribution } of active) expect(contains(distribution, each[name]!), name).toBe(true)
      }
    expect(children(300, { resample: 1 }).filter((each) => 'noise' in each).length).toBeGreaterThan(50)
  })
})
