import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RandomStream } from '@mixlab/core'
import type { Parameter, Trial } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { parameterAxes } from '../../src/sweep/axis.ts'
import { fanova, MARGINAL_PLACES } from '../../src/sweep/fanova.ts'
import type { Feature } from '../../src/sweep/forest.ts'
import { type Importances, importances } from '../../src/sweep/importances.ts'

interface Recorded {
  readonly fanova: Record<
    'additive' | 'branin' | 'mixture',
    {
      readonly trials: readonly [Record<string, number | string>, number][]
      readonly importances: Record<string, { mean: number; deviation: number }>
      readonly conditional?: Record<string, { mean: number; deviation: number }>
    }
  >
}
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/optuna.json'), 'utf8')) as Recorded

const float = (name: string, low = 0, high = 1): Parameter => ({ name, distribution: { kind: 'float', low, high } })
const spaces: Record<keyof Recorded['fanova'], readonly Parameter[]> = {
  additive: [float('x'), float('y'), float('z')],
  branin: [float('x'), float('y')],
  mixture: [
    float('logRate', -4, -2),
    { name: 'router', distribution: { kind: 'categorical', choices: ['top-k', 'switch', 'hash'] } },
    { name: 'k', distribution: { kind: 'int', low: 1, high: 8 } },
    { ...float('noise'), when: { parameter: 'router', values: ['top-k'] } },
  ],
}

const trial = (number: number, parameters: Trial['parameters'], value: number): Trial => ({
  number,
  state: 'complete',
  parameters,
  distributions: {},
  values: [value],
  intermediate: new Map(),
  userAttributes: {},
  systemAttributes: {},
})

const judge = (name: keyof Recorded['fanova'], trials: readonly [Trial['parameters'], number][]) =>
  importances(
    {
      label: 'value',
      trials: 'complete trials',
      direction: 'minimize',
      entries: trials.map(([parameters, value], i) => ({ number: i, trial: trial(i, parameters, value), value })),
    },
    parameterAxes(spaces[name]),
  )!

/** Columns of uniform numbers, and of categories where a count is given. */
function sample(rows: number, kinds: readonly number[], seed: number): Feature[] {
  const rng = new RandomStream(seed, 'sample')
  return kinds.map((categories) => ({
    categories,
    values: Float64Array.from({ length: rows }, () => (categories > 0 ? rng.integer(categories) : rng.uniform())),
  }))
}
const over = (features: readonly Feature[], f: (row: readonly number[]) => number): Float64Array =>
  features[0]!.values.map((_, row) => f(features.map(({ values }) => values[row]!)))

describe('fANOVA', () => {
  it('agrees with closed forms on an additive function', () => {
    // Var(3x) = 9/12, Var(sin πy) = 1/2 − 4/π²; nothing else matters.
    const features = sample(1200, [0, 0, 0], 1)
    const result = fanova(
      features,
      over(features, ([x, y]) => 3 * x! + Math.sin(Math.PI * y!)),
    )!
    const [vx, vy] = [9 / 12, 0.5 - 4 / Math.PI ** 2]
    expect(Math.abs(result.marginals[0]!.share - vx / (vx + vy))).toBeLessThan(0.01)
    expect(Math.abs(result.marginals[1]!.share - vy / (vx + vy))).toBeLessThan(0.01)
    expect(result.marginals[2]!.share).toBeLessThan(0.001)
    expect(result.explained).toBeGreaterThan(0.99)
    for (const place of [4, 24, 43]) {
      const y = (place + 0.5) / MARGINAL_PLACES
      expect(result.marginals[1]!.means[place]).toBeCloseTo(1.5 + Math.sin(Math.PI * y), 1)
    }
  })

  it('leaves to the interaction what is one', () => {
    // (x − ½)(y − ½) has no main effects; (x − ¼)(y − ¼) has Var = 1/12 · (1/16 + 1/16) + 1/144.
    const features = sample(1500, [0, 0], 2)
    const centred = fanova(
      features,
      over(features, ([x, y]) => (x! - 0.5) * (y! - 0.5)),
    )!
    expect(centred.marginals[0]!.share + centred.marginals[1]!.share).toBeLessThan(0.04)
    const shifted = fanova(
      features,
      over(features, ([x, y]) => (x! - 0.25) * (y! - 0.25)),
    )!
    const main = 1 / 12 / 16
    expect(shifted.marginals[0]!.share).toBeCloseTo(main / (2 * main + 1 / 144), 1)
  })

  it('knows categories without an order', () => {
    // Effects 0, 1, 0, 1, 5 of five equally likely choices: variance 3.44; x adds 4/12 · 3.
    const effects = [0, 1, 0, 1, 5]
    const features = sample(800, [5, 0], 3)
    const result = fanova(
      features,
      over(features, ([c, x]) => effects[c!]! + Math.sqrt(12) * x!),
    )!
    expect(result.marginals[0]!.share).toBeCloseTo(3.44 / 4.44, 2)
    expect([...result.marginals[0]!.means].map((mean) => mean - result.marginals[0]!.means[0]!)).toEqual(
      effects.map((effect) => expect.closeTo(effect, 1) as number),
    )
  })

  it('says when it knows nothing', () => {
    const features = sample(60, [0, 0], 4)
    const rng = new RandomStream(9, 'noise')
    expect(
      fanova(
        features,
        Float64Array.from({ length: 60 }, () => rng.normal()),
      )!.explained,
    ).toBeLessThan(0.2)
    expect(fanova(features, new Float64Array(60).fill(2))).toBeUndefined()
  })
})

describe("beside Optuna's evaluator, on the same trials", () => {
  const share = (found: Importances, name: string): number =>
    found.parameters.find(({ axis }) => axis.name === name)!.share

  it.each(['additive', 'branin', 'mixture'] as const)('%s', (name) => {
    const { trials, importances: theirs } = recorded.fanova[name]
    const ours = judge(name, trials)
    // Two forests differ by √2 deviations. A space with categories has a wider bound: ours splits them as sets.
    const systematic = name === 'mixture' ? 0.02 : 0
    for (const [parameter, { mean, deviation }] of Object.entries(theirs)) {
      const noise = 4 * Math.SQRT2 * Math.max(deviation, 0.002)
      expect(Math.abs(share(ours, parameter) - mean), parameter).toBeLessThan(noise + systematic)
    }
  })

  it('judges a conditional parameter on the trials that have it', () => {
    const { trials, conditional } = recorded.fanova.mixture
    const ours = judge('mixture', trials)
    const noise = ours.parameters.find(({ axis }) => axis.name === 'noise')!
    expect(noise.trials).toBe(trials.filter(([parameters]) => 'noise' in parameters).length)
    expect(noise.trials).toBeLessThan(40)
    const theirs = conditional!['noise']!
    expect(Math.abs(noise.share - theirs.mean)).toBeLessThan(4 * Math.SQRT2 * theirs.deviation)
  })
})
