import { RandomStream } from '@mixlab/core'
import type { Distribution } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { bestCandidate } from '../src/tpe.ts'
import { parzenEstimator, recencyWeights } from '../src/tpe/parzen.ts'
import { fixture } from './fixtures.ts'

interface Case {
  readonly name: string
  readonly space: readonly { readonly name: string; readonly distribution: Distribution }[]
  readonly below: number[][]
  readonly above: number[][]
  readonly points: number[][]
  readonly logBelow: number[]
  readonly logAbove: number[]
  readonly best: number[]
}

const { cases, weights } = fixture<{ cases: Case[]; weights: number[][] }>('parzen')

const columns = (rows: readonly number[][]) => rows.map((row) => Float64Array.from(row))
const estimator = ({ space }: Case, observations: readonly number[][]) =>
  parzenEstimator(
    space.map(({ distribution }) => distribution),
    columns(observations),
    recencyWeights(observations[0]!.length),
  )

describe("the Parzen estimator is Optuna's", () => {
  it.each(cases)('$name', (each) => {
    const points = columns(each.points)
    const below = estimator(each, each.below).logDensities(points)
    const above = estimator(each, each.above).logDensities(points)
    below.forEach((log, i) => expect(Math.abs(log - each.logBelow[i]!)).toBeLessThan(1e-9))
    above.forEach((log, i) => expect(Math.abs(log - each.logAbove[i]!)).toBeLessThan(1e-9))
    expect(bestCandidate(points, below, above)).toEqual(each.best)
  })

  it('weights observations by their age', () => {
    for (const expected of weights) {
      const ours = recencyWeights(expected.length)
      expected.forEach((weight, i) => expect(ours[i]).toBeCloseTo(weight, 14))
    }
  })
})

describe('what is drawn follows the density', () => {
  // The distribution function of what is drawn, at each value, against the sum or integral of the density.
  it.each(cases.filter(({ name }) => !name.startsWith('mixed') && name.includes('4 and')))('$name', (each) => {
    const { distribution } = each.space[0]!
    const count = 20_000
    const estimate = estimator(each, each.below)
    const drawn = estimate.sample(new RandomStream(7), count)[0]!
    const cells = gridOf(distribution)
    const logs = estimate.logDensities([Float64Array.from(cells, ({ at }) => at)])
    let [expected, worst] = [0, 0]
    cells.forEach(({ to, width }, i) => {
      expected += Math.exp(logs[i]!) * width
      const seen = drawn.reduce((sum, value) => sum + (value <= to ? 1 : 0), 0) / count
      worst = Math.max(worst, Math.abs(seen - expected))
    })
    expect(expected).toBeCloseTo(1, 3)
    // Kolmogorov's statistic exceeds 1.95 / √n once in a thousand samples.
    expect(worst).toBeLessThan(1.95 / Math.sqrt(count) + 1e-3)
  })
})

/** Cells that make up the range: where the density is taken, how much it counts, and the cell's upper end. */
function gridOf(distribution: Distribution): { at: number; width: number; to: number }[] {
  if (distribution.kind === 'categorical') return distribution.choices.map((_, i) => ({ at: i, width: 1, to: i }))
  const { low, high, log } = distribution
  const step = distribution.step ?? (distribution.kind === 'int' ? 1 : 0)
  if (step > 0)
    return Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => {
      const at = low + i * step
      return { at, width: 1, to: at + step / 4 }
    })
  const [from, to] = log === true ? [Math.log(low), Math.log(high)] : [low, high]
  const back = log === true ? Math.exp : (x: number) => x
  const width = (to - from) / 4000
  return Array.from({ length: 4000 }, (_, i) => ({
    at: back(from + (i + 0.5) * width),
    width,
    to: back(from + (i + 1) * width),
  }))
}
