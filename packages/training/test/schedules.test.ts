// The learning rate against nanoGPT's get_lr, written out here as its train.py has it, and against values by hand.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { learningRateAt, scheduleConfig } from '../src/index.ts'

interface Plan {
  readonly learningRate: number
  readonly minLr: number
  readonly warmupIters: number
  readonly lrDecayIters: number
}

/** https://github.com/karpathy/nanoGPT/blob/master/train.py */
function getLr(it: number, { learningRate, minLr, warmupIters, lrDecayIters }: Plan): number {
  if (it < warmupIters) return (learningRate * (it + 1)) / (warmupIters + 1)
  if (it > lrDecayIters) return minLr
  const decayRatio = (it - warmupIters) / (lrDecayIters - warmupIters)
  const coeff = 0.5 * (1 + Math.cos(Math.PI * decayRatio))
  return minLr + coeff * (learningRate - minLr)
}

const schedule = (fields: object) => scheduleConfig.parse(fields)
const names = ['constant', 'linear', 'cosine'] as const

test('cosine is nanoGPT’s, at every iteration', () => {
  const plan = { learningRate: 6e-4, minLr: 6e-5, warmupIters: 20, lrDecayIters: 100 }
  const cosine = schedule({ warmup: 20, minimum: 0.1, decaySteps: 100 })
  for (let it = 0; it < 150; it++) expect(learningRateAt(cosine, 6e-4, it, 150)).toBeCloseTo(getLr(it, plan), 15)
})

test.each([
  // The warm-up to 1 takes 4 steps of 1/5; the decay from there 8 steps, at whose middle the rate is (1 + 0.2) / 2.
  ['cosine', [0.2, 0.4, 0.6, 0.8, 1, 0.2 + 0.4 * (1 + Math.SQRT1_2), 0.6, 0.2 + 0.4 * (1 - Math.SQRT1_2), 0.2, 0.2]],
  ['linear', [0.2, 0.4, 0.6, 0.8, 1, 0.8, 0.6, 0.4, 0.2, 0.2]],
  ['constant', [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1]],
] as const)('%s by hand', (name, wanted) => {
  const iterations = [0, 1, 2, 3, 4, 6, 8, 10, 12, 500]
  const given = schedule({ name, warmup: 4, minimum: 0.2, decaySteps: 12 })
  for (const [index, it] of iterations.entries())
    expect(learningRateAt(given, 3, it, 1000)).toBeCloseTo(3 * wanted[index]!, 12)
})

test('without decaySteps the minimum is reached at the end of the run', () => {
  for (const name of ['linear', 'cosine']) {
    const given = schedule({ name, minimum: 0.5 })
    expect(learningRateAt(given, 2, 0, 10)).toBe(2)
    expect(learningRateAt(given, 2, 9, 10)).toBeGreaterThan(1)
    expect(learningRateAt(given, 2, 10, 10)).toBe(1)
  }
})

test('defaults: a cosine without warm-up to a tenth', () => {
  expect(schedule({})).toEqual({ name: 'cosine', warmup: 0, minimum: 0.1, decaySteps: null })
  expect(learningRateAt(schedule({}), 1, 50, 100)).toBeCloseTo(0.55, 12)
})

const plans = fc.record({
  name: fc.constantFrom(...names),
  warmup: fc.integer({ min: 0, max: 30 }),
  minimum: fc.double({ min: 0, max: 1, noNaN: true }),
  decaySteps: fc.option(fc.integer({ min: 1, max: 60 })),
})

test('never below the minimum after the warm-up, never above the peak, and never rising again', () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 60 }), (plan, steps) => {
      const peak = 0.01
      const rates = Array.from({ length: 80 }, (_, it) => learningRateAt(plan, peak, it, steps))
      for (const [it, rate] of rates.entries()) {
        expect(rate).toBeGreaterThan(0 - Number.EPSILON)
        expect(rate).toBeLessThanOrEqual(peak * (1 + 1e-12))
        if (it >= plan.warmup) expect(rate).toBeGreaterThanOrEqual(peak * plan.minimum * (1 - 1e-12))
        if (it > plan.warmup) expect(rate).toBeLessThanOrEqual(rates[it - 1]! * (1 + 1e-12))
        if (it > 0 && it < plan.warmup) expect(rate).toBeGreaterThan(rates[it - 1]!)
      }
    }),
  )
})

test.each(names)('%s is continuous where the warm-up ends', (name) => {
  const given = schedule({ name, warmup: 1000, minimum: 0, decaySteps: 3000 })
  const [last, first, next] = [999, 1000, 1001].map((it) => learningRateAt(given, 1, it, 3000))
  expect(first).toBe(1)
  expect(Math.abs(first! - last!)).toBeLessThanOrEqual(1 / 1001 + 1e-12)
  expect(Math.abs(first! - next!)).toBeLessThanOrEqual(1 / 2000 + 1e-12)
})
