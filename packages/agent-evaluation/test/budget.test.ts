// Baselines of equal budget, planned by the presets themselves; fronts of quality against cost.
import { planTopology, type Price } from '@mixlab/agents'
import { type PluginReference, pluginConfiguration, RandomStream, splitReference } from '@mixlab/core'
import { topologies } from '@mixlab/topologies'
import { describe, expect, test } from 'vitest'
import { matchedBaselines, onFront, type ParetoArm, paretoArmOf, paretoFront, usualFamilies } from '../src/index.ts'
import { madeRun } from './recorded-layers.ts'

const agents = ['a', 'b', 'c', 'd', 'e', 'f']
const price: Price = { input: 1, output: 4, currency: 'USD' }
const planWith = (prices: (agent: string) => Price | undefined) => (reference: PluginReference) => {
  const { name, config } = splitReference(reference)
  const plugin = topologies.find((each) => each.name === name)!
  const made = plugin.create(pluginConfiguration(plugin, config), { agents, rng: new RandomStream(0) } as never)
  return planTopology(made, { agents: {}, questionTokens: 200, prices })
}
const planOf = planWith(() => price)
const families = usualFamilies('a')

describe('baselines of equal budget', () => {
  test('in calls: thirteen of MoA are thirteen votes, twelve samples with one who picks or merges', () => {
    const found = matchedBaselines(planOf('moa'), { families, budget: 'calls', planOf })
    expect(found.map(({ family, size, spends, ratio }) => [family, size, spends, ratio])).toEqual([
      ['single', 1, 1, 1 / 13],
      ['best-of-n', 12, 13, 1],
      ['self-consistency', 13, 13, 1],
      ['self-moa', 12, 13, 1],
    ])
    expect(found[2]!.reference).toEqual({ name: 'self-consistency', agent: 'a', samples: 13 })
    expect(found.map(({ text }) => text)).toEqual([
      "single: 8 % of the mixture's calls",
      "best-of-n of 12: 100 % of the mixture's calls",
      "self-consistency of 13: 100 % of the mixture's calls",
      "self-moa of 12: 100 % of the mixture's calls",
    ])
  })

  test.each(['tokens', 'price'] as const)('in %s: no other size is nearer', (budget) => {
    const mixture = planOf('moa')
    const spent = (reference: PluginReference) => {
      const plan = planOf(reference)
      return budget === 'price' ? plan.price!.amount : plan.inputTokens + plan.outputTokens
    }
    for (const { family, size, ratio, spends, matches } of matchedBaselines(mixture, { families, budget, planOf })) {
      if (family === 'single') continue
      const { reference } = families.find(({ name }) => name === family)!
      expect(spends).toBe(spent(reference(size)))
      expect(ratio).toBeCloseTo(spends / matches, 12)
      for (const other of [size - 1, size + 1])
        expect(Math.abs(spent(reference(other)) - matches)).toBeGreaterThanOrEqual(Math.abs(spends - matches))
      expect(Math.abs(ratio - 1)).toBeLessThan(0.2)
    }
  })

  test('a mixture that costs less than the smallest baseline, or more than the largest, is matched as far as can be', () => {
    const [, smallest] = matchedBaselines(planOf('single'), { families, budget: 'calls', planOf })
    expect(smallest).toMatchObject({ size: 2, ratio: 3 })
    const [, largest] = matchedBaselines(planOf('moa'), { families, budget: 'calls', planOf, largest: 4 })
    expect(largest).toMatchObject({ size: 4, ratio: 5 / 13 })
  })

  test('an unknown price is one clear line', () => {
    const unknown = planWith((agent) => (agent === 'b' ? undefined : price))
    expect(() => matchedBaselines(unknown('moa'), { families, budget: 'price', planOf: unknown })).toThrow(
      'the mixture cannot be matched by price: the price of b',
    )
  })
})

describe('fronts', () => {
  test('hold who is beaten by nobody in both', () => {
    const at = (quality: number, cost: number) => ({ quality, cost })
    expect(onFront([at(0.5, 1), at(0.6, 1), at(0.7, 3), at(0.65, 4), at(0.7, 3)])).toEqual([
      false,
      true,
      true,
      false,
      true,
    ])
  })

  const rng = new RandomStream(9)
  const arm = (name: string, accuracy: number, cost: number, questions = 400): ParetoArm => ({
    name,
    points: new Map(
      Array.from({ length: questions }, (_, index) => [
        `q${index}`,
        { quality: Number(rng.uniform() < accuracy), cost: cost * (0.5 + rng.uniform()) },
      ]),
    ),
  })

  test('with bands: means, intervals of a binomial’s width, and how sure each place is', () => {
    const arms = [arm('cheap', 0.5, 1), arm('good', 0.8, 5), arm('dear', 0.6, 9), arm('like-good', 0.8, 5.2)]
    const { points, band, questions } = paretoFront(arms, { rng })
    expect(questions).toBe(400)
    const [cheap, good, dear, like] = points
    expect(cheap).toMatchObject({ onFront: true, frontShare: 1 })
    expect(dear).toMatchObject({ onFront: false, frontShare: 0 })
    const width = good!.qualityInterval.high - good!.qualityInterval.low
    expect(width / (2 * 1.96 * Math.sqrt((good!.quality * (1 - good!.quality)) / 400))).toBeCloseTo(1, 1)
    expect(like!.frontShare).toBeGreaterThan(0)
    expect(like!.frontShare).toBeLessThan(1)
    // The band is a step function: the best that can be had for so much.
    expect(band.map(({ cost }) => cost)).toEqual(points.map(({ cost }) => cost).toSorted((a, b) => a - b))
    expect(band[0]!.quality).toBe(cheap!.quality)
    expect(band.at(-1)!.quality).toBe(Math.max(...points.map(({ quality }) => quality)))
    for (const { quality, low, high } of band) expect(low <= quality && quality <= high).toBe(true)
    expect(band.map(({ quality }) => quality)).toEqual(band.map(({ quality }) => quality).toSorted((a, b) => a - b))
  })

  test('draw groups of questions together: questions that repeat each other are one', () => {
    const scores = Array.from({ length: 400 }, (_, i) => Number(i % 20 < 14))
    const of = (groups: boolean): ParetoArm => ({
      name: 'one',
      points: new Map(
        scores.map((quality, i) => [`q${i}`, { quality, cost: 1, ...(groups && { group: `g${i % 20}` }) }]),
      ),
    })
    const [alone, together] = [of(false), of(true)].map((one) => {
      const { low, high } = paretoFront([one], { rng: new RandomStream(3) }).band[0]!
      return high - low
    })
    // Twenty groups of twenty equal questions: √20 times as wide.
    expect(together! / alone! / Math.sqrt(20)).toBeGreaterThan(0.85)
    expect(together! / alone! / Math.sqrt(20)).toBeLessThan(1.15)
  })

  test('are over the questions that all arms answered', () => {
    const [one, two] = [arm('one', 0.5, 1, 10), arm('two', 0.5, 1, 20)]
    expect(paretoFront([one, two], { rng, resamples: 50 }).questions).toBe(10)
    expect(() => paretoFront([one, { name: 'none', points: new Map() }], { rng })).toThrow('no question in common')
  })

  test('take what results recorded; a price that is not known is no point on a front', () => {
    const { results, grades } = madeRun([
      [{ id: 'p', layer: 1, answers: [['a', '=R']] }],
      [{ id: 'p', layer: 1, answers: [['a', '=X']] }],
    ])
    const spent = results.map((result, index) => ({
      ...result,
      cost: { ...result.cost, inputTokens: 100, outputTokens: 10 * index, ...(index === 0 && { billed: 0.5 }) },
      timing: { criticalPathMs: 1000 * (index + 1), firstTokenMs: 5 },
    }))
    expect(Object.fromEntries(paretoArmOf('a', spent, grades, 'latency')!.points)).toEqual({
      q0: { quality: 1, cost: 1000 },
      q1: { quality: 0, cost: 2000 },
    })
    expect(paretoArmOf('a', spent, grades, 'tokens')!.points.get('q1')).toEqual({ quality: 0, cost: 110 })
    expect(paretoArmOf('a', spent, grades, 'billed')).toBeUndefined()
    const grouped = grades.map((each) => ({ ...each, group: 'sums' }))
    expect(paretoArmOf('a', spent, grouped, 'tokens')!.points.get('q1')).toMatchObject({ group: 'sums' })
    // Two runs of the arm, the second twice as slow and right where the first was wrong.
    const slower = spent.map((result) => ({ ...result, timing: { criticalPathMs: 2 * result.timing.criticalPathMs } }))
    const both = paretoArmOf(
      'a',
      [...spent, ...slower],
      [...grades, ...grades.toReversed().map((each, index) => ({ ...each, question: `q${index}` }))],
      'latency',
    )
    expect(both!.points.get('q0')).toEqual({ quality: 0.5, cost: 1500 })
  })
})
