import { RandomStream } from '@mixlab/core'
import type { Parameters as Point, Space, TrialState } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { nsgaIISampler } from '../src/index.ts'
import { childOf } from '../src/nsga-ii/child.ts'
import { nextGeneration } from '../src/nsga-ii/generations.ts'
import { fixture, trial, view } from './fixtures.ts'

interface Recorded {
  readonly number: number
  readonly state: TrialState
  readonly parameters: Point
  readonly values: number[] | null
  readonly systemAttributes: Record<string, unknown>
}

const recorded = fixture<{ trials: Recorded[]; parents: Record<string, number[]>; populationSize: number }>('nsga-ii')
const trials = recorded.trials.map(({ number, values, ...fields }) =>
  trial(number, { ...fields, ...(values !== null && { values }) }),
)

const space: Space = [
  { name: 'x', distribution: { kind: 'float', low: 0, high: 1 } },
  { name: 'y', distribution: { kind: 'int', low: 0, high: 20 } },
  { name: 'kind', distribution: { kind: 'categorical', choices: ['a', 'b'] } },
]

describe('a study that Optuna began', () => {
  it.each(Object.entries(recorded.parents))(
    'has the parents of generation %s that Optuna chose',
    (generation, expected) => {
      // The study as it was when the first trial of that generation was asked.
      const first = trials.findIndex(
        ({ systemAttributes }) => systemAttributes['NSGAIISampler:generation'] === Number(generation),
      )
      const next = nextGeneration(
        view(space, trials.slice(0, first), ['minimize', 'maximize']),
        recorded.populationSize,
      )
      expect(next.generation).toBe(Number(generation))
      expect(next.parents.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(
        expected.toSorted((a, b) => a - b),
      )
    },
  )

  it('goes on in the generation that is not yet full', () => {
    for (const { number, systemAttributes } of trials) {
      const { generation } = nextGeneration(view(space, trials.slice(0, number), ['minimize', 'maximize']), 12)
      expect(generation).toBe(systemAttributes['NSGAIISampler:generation'])
    }
  })
})

describe('a child', () => {
  const parent = (number: number, parameters: Point, values: number[]) => trial(number, { parameters, values })
  const parents = [parent(0, { x: 0.1, y: 1, kind: 'a' }, [1, 1]), parent(1, { x: 0.2, y: 2, kind: 'b' }, [2, 0])]
  const children = (heredity: Parameters<typeof childOf>[3], couple = parents) =>
    Array.from({ length: 2000 }, (_, i) =>
      childOf(space, couple, ['minimize', 'minimize'], heredity, new RandomStream(1, '', i)),
    )
  const share = (those: readonly Point[], is: (child: Point) => boolean) => those.filter(is).length / those.length

  it('has each gene of either parent', () => {
    const mixed = children({ crossover: 1, swapping: 0.5, mutation: 0 })
    for (const { x, y } of mixed) expect([x === 0.1 || x === 0.2, y === 1 || y === 2]).toEqual([true, true])
    expect(share(mixed, ({ x, y }) => (x === 0.1) === (y === 1))).toBeCloseTo(0.5, 1)
  })

  it('without crossover is a copy', () => {
    for (const { x, y } of children({ crossover: 0, swapping: 0.5, mutation: 0 })) expect(x === 0.1).toBe(y === 1)
  })

  it('has the better of two for its first parent, as far as two draws tell', () => {
    const unequal = [parent(0, { x: 0.1, y: 1, kind: 'a' }, [1, 1]), parent(1, { x: 0.2, y: 2, kind: 'b' }, [2, 2])]
    const shareOfBetter = (swapping: number) =>
      share(children({ crossover: 1, swapping, mutation: 0 }, unequal), ({ x }) => x === 0.1)
    // The worse one is first only where it is drawn twice.
    expect(shareOfBetter(1)).toBeCloseTo(0.75, 1)
    expect(shareOfBetter(0)).toBeCloseTo(0.25, 1)
  })

  it('has one gene in three drawn anew by default', () => {
    const mutated = share(children({ crossover: 1, swapping: 0.5 }), ({ x }) => x !== 0.1 && x !== 0.2)
    // Five standard deviations of 2,000 draws.
    expect(Math.abs(mutated - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / 2000))
  })

  it('takes a conditional gene from the parent that has it', () => {
    const conditional: Space = [
      { name: 'kind', distribution: { kind: 'categorical', choices: ['a', 'b'] } },
      {
        name: 'z',
        distribution: { kind: 'float', low: 0, high: 1 },
        when: { parameter: 'kind', values: ['a'] },
      },
    ]
    const couple = [parent(0, { kind: 'a', z: 0.7 }, [1, 1]), parent(1, { kind: 'b' }, [2, 0])]
    for (let i = 0; i < 50; i++) {
      const child = childOf(
        conditional,
        couple,
        ['minimize', 'minimize'],
        { crossover: 1, swapping: 0.5, mutation: 0 },
        new RandomStream(2, '', i),
      )
      expect(child).toEqual(child['kind'] === 'a' ? { kind: 'a', z: 0.7 } : { kind: 'b' })
    }
  })
})

it('moves towards the front: ten generations beat random points', () => {
  const plane: Space = Array.from({ length: 6 }, (_, i) => ({
    name: `x${i}`,
    distribution: { kind: 'float', low: 0, high: 1 },
  }))
  const sampler = nsgaIISampler.create({ populationSize: 20, crossover: 0.9, swapping: 0.5 }, {
    space: plane,
    directions: ['minimize', 'minimize'],
    seed: 0,
    rng: new RandomStream(0),
  } as never)
  const all: ReturnType<typeof trial>[] = []
  for (let number = 0; number < 220; number++) {
    const sample = sampler.ask({
      study: view(plane, all, ['minimize', 'minimize']),
      number,
      rng: new RandomStream(3, '', number),
    })!
    const x = Object.values(sample.parameters) as number[]
    const far = x.slice(1).reduce((sum, each) => sum + each, 0)
    all.push(
      trial(number, {
        parameters: sample.parameters,
        values: [x[0]! + far, 1 - x[0]! + far],
        systemAttributes: sample.attributes!,
      }),
    )
  }
  const mean = (those: typeof all) =>
    those.reduce((sum, { values }) => sum + values![0]! + values![1]!, 0) / those.length
  expect(mean(all.slice(200))).toBeLessThan(0.5 * mean(all.slice(0, 20)))
})
