// What the contract asks of every sampler, on random conditional spaces and studies.
import { type ContextOf, describeFields, type Plugin, pluginConfiguration, RandomStream } from '@mixlab/core'
import {
  contains,
  type Direction,
  type Distribution,
  isActive,
  type Parameters,
  type Sampler,
  type Space,
  type Trial,
  type TrialState,
} from '@mixlab/studies'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { samplers } from '../src/index.ts'
import { trial, view } from './fixtures.ts'

const make = (
  plugin: Plugin<'sampler'>,
  space: Space,
  directions: readonly Direction[],
  config: object = {},
): Sampler =>
  plugin.create(pluginConfiguration(plugin, config as Record<string, unknown>), {
    space,
    directions,
    seed: 3,
    rng: new RandomStream(3),
  } satisfies ContextOf<'sampler'> as never)

const distribution: fc.Arbitrary<Distribution> = fc.oneof(
  fc
    .record({ low: fc.double({ min: -10, max: 0, noNaN: true }), span: fc.double({ min: 1e-6, max: 10, noNaN: true }) })
    .map(({ low, span }) => ({ kind: 'float' as const, low, high: low + span })),
  fc
    .double({ min: 1e-6, max: 1, noNaN: true })
    .map((low) => ({ kind: 'float' as const, low, high: low * 1000, log: true })),
  fc.constant({ kind: 'float' as const, low: 0, high: 1, step: 0.3 }),
  fc
    .record({
      low: fc.integer({ min: -5, max: 5 }),
      span: fc.integer({ min: 0, max: 20 }),
      step: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ low, span, step }) => ({ kind: 'int' as const, low, high: low + span, step })),
  fc.integer({ min: 1, max: 9 }).map((low) => ({ kind: 'int' as const, low, high: low * 50, log: true })),
  fc
    .uniqueArray(fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean(), fc.constant(null)), {
      minLength: 1,
      maxLength: 4,
    })
    .map((choices) => ({ kind: 'categorical' as const, choices })),
)

const space: fc.Arbitrary<Space> = fc
  .tuple(fc.array(distribution, { minLength: 1, maxLength: 5 }), fc.array(distribution, { maxLength: 3 }))
  .map(([free, bound]) => [
    { name: 'router', distribution: { kind: 'categorical' as const, choices: ['a', 'b', 'c'] } },
    ...free.map((each, i) => ({ name: `free.${i}`, distribution: each })),
    ...bound.map((each, i) => ({
      name: `bound.${i}`,
      distribution: each,
      when: { parameter: 'router', values: i % 2 === 0 ? ['a'] : ['b', 'c'] },
    })),
  ])

const fits = (parameters: Parameters, of: Space): boolean => {
  const active = of.filter((parameter) => isActive(parameter, parameters))
  return (
    active.length === Object.keys(parameters).length &&
    active.every((parameter) => contains(parameter.distribution, parameters[parameter.name]!))
  )
}

/** Goes on with the study until it has `count` trials; some fail, are pruned, go on running or have values that are none. */
function run(sampler: Sampler, of: Space, directions: readonly Direction[], count: number): Trial[] {
  const trials: Trial[] = []
  const states: readonly TrialState[] = ['complete', 'complete', 'pruned', 'complete', 'failed', 'running', 'complete']
  for (let number = 0; number < count; number++) {
    const sample = sampler.ask({ study: view(of, trials, directions), number, rng: new RandomStream(9, '', number) })
    if (sample === undefined) break
    expect(fits(sample.parameters, of)).toBe(true)
    const state = directions.length > 1 && number % 7 === 2 ? 'complete' : states[number % 7]!
    const values = directions.map((_, i) =>
      number === 15 ? NaN : number === 16 ? Infinity : Math.sin(number * (i + 1)),
    )
    trials.push(
      trial(number, {
        state,
        parameters: sample.parameters,
        ...(state === 'complete' && { values }),
        ...(state === 'pruned' && { intermediate: new Map([[1, number === 9 ? NaN : Math.cos(number)]]) }),
        ...(sample.attributes && { systemAttributes: sample.attributes }),
      }),
    )
  }
  return trials
}

const configuration = (name: string) =>
  name === 'grid' ? { points: 3 } : name === 'nsga-ii' ? { populationSize: 8 } : {}

describe.each(samplers)('$name', (plugin) => {
  const objectives: readonly (readonly Direction[])[] =
    plugin.name === 'cma-es' ? [['minimize'], ['maximize']] : [['minimize'], ['maximize'], ['minimize', 'maximize']]

  it.each(objectives)('asks points of the space, %s', (...directions) => {
    fc.assert(
      fc.property(space, (of) => {
        run(make(plugin, of, directions, configuration(plugin.name)), of, directions, 45)
      }),
      { numRuns: 8 },
    )
  })

  it('asks the same of a study whatever it was asked before', () => {
    fc.assert(
      fc.property(space, (of) => {
        const used = make(plugin, of, ['minimize'], configuration(plugin.name))
        const trials = run(used, of, ['minimize'], 40)
        for (const number of [0, 11, 25, trials.length]) {
          const ask = { study: view(of, trials.slice(0, number)), number, rng: new RandomStream(1, '', number) }
          const fresh = make(plugin, of, ['minimize'], configuration(plugin.name))
          expect(fresh.ask({ ...ask, rng: ask.rng.at(number) })).toEqual(used.ask({ ...ask, rng: ask.rng.at(number) }))
        }
      }),
      { numRuns: 5 },
    )
  })

  it('says what its fields are', () => {
    for (const { path, description } of describeFields(plugin.config))
      expect([path, description]).toEqual([path, expect.any(String)])
    expect(plugin.source).toMatch(/^https:/)
  })
})

describe.each(samplers.filter(({ name }) => ['grid', 'random', 'sobol'].includes(name)))('$name', (plugin) => {
  it('trial n is a function of the seed and n alone', () => {
    fc.assert(
      fc.property(space, (of) => {
        const sampler = make(plugin, of, ['minimize'], configuration(plugin.name))
        for (const trial of run(sampler, of, ['minimize'], 20)) {
          const { number, parameters } = trial
          const alone = sampler.ask({ study: view(of, []), number, rng: new RandomStream(9, '', number) })
          expect(alone?.parameters).toEqual(parameters)
        }
      }),
      { numRuns: 5 },
    )
  })
})

describe.each(samplers.filter(({ name }) => ['tpe', 'cma-es', 'nsga-ii'].includes(name)))('$name', (plugin) => {
  const plane: Space = Array.from({ length: 4 }, (_, i) => ({
    name: `x${i}`,
    distribution: { kind: 'float', low: -3, high: 5 },
  }))

  /** The losses Σ x² of trials that are told sign · Σ x². */
  const losses = (direction: Direction, sign: number): number[] => {
    const sampler = make(plugin, plane, [direction], { ...(plugin.name === 'nsga-ii' && { populationSize: 10 }) })
    const trials: Trial[] = []
    for (let number = 0; number < 100; number++) {
      const ask = { study: view(plane, trials, [direction]), number, rng: new RandomStream(5, '', number) }
      const { parameters, attributes = {} } = sampler.ask(ask)!
      const loss = Object.values(parameters).reduce<number>((sum, x) => sum + (x as number) ** 2, 0)
      trials.push(trial(number, { parameters, values: [sign * loss], systemAttributes: attributes }))
    }
    return trials.map(({ values }) => sign * values![0]!)
  }

  it('maximises what it would minimise with the other sign, and gets better at it', () => {
    const minimised = losses('minimize', 1)
    expect(losses('maximize', -1)).toEqual(minimised)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(mean(minimised.slice(-20))).toBeLessThan(0.5 * mean(minimised.slice(0, 10)))
  })
})
