// The noisy router: its noise, and the importance and load losses against their formulas.
import { useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { noisyTopKRouter } from '../src/index.ts'
import { D, E, expectPairs, inputs, largest, logitsOf, make, pairsFrom, route, set, stepStream, T } from './routing.ts'

beforeAll(() => useEngine('reference'))

/** Φ by Simpson's rule. */
function gaussian(x: number): number {
  const n = 400
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)
  const h = x / n
  let sum = density(0) + density(x)
  for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * density(i * h)
  return 0.5 + (sum * h) / 3
}

const squaredVariation = (values: readonly number[]) => {
  const mean = values.reduce((a, b) => a + b) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / mean ** 2
}

describe('noisy-top-k', () => {
  test('without noise it is a softmax over the k highest; importance is CV² of the summed weights', () => {
    const made = make(noisyTopKRouter)
    const logits = logitsOf(made)
    const chosen = logits.map((row) => largest(row, 2))
    const weight = (t: number, e: number) =>
      Math.exp(logits[t]![e]!) / chosen[t]!.reduce((sum, other) => sum + Math.exp(logits[t]![other]!), 0)
    const wanted = pairsFrom(chosen, weight)
    const { pairs, losses } = route(made)
    expectPairs(pairs, wanted)
    const importance = Array.from({ length: E }, (_, e) =>
      wanted.filter(([, member]) => member === e).reduce((sum, [, , w]) => sum + w, 0),
    )
    expect(losses['importance']).toBeCloseTo(squaredVariation(importance), 5)
    expect(losses['load']).toBeUndefined()
  })

  test('in training, the load loss is CV² of Σ Φ((clean − threshold)/σ)', () => {
    const made = make(noisyTopKRouter, { minimumNoise: 0.4 })
    set(
      made,
      'noise_weight',
      Array.from({ length: E * D }, (_, i) => Math.sin(i)),
    )
    const clean = logitsOf(made)
    const deviation = logitsOf(made, inputs, 'noise_weight').map((row) =>
      row.map((value) => Math.log1p(Math.exp(value)) + 0.4),
    )
    // The draws on the host: radii of all pairs, then their angles (Box–Muller).
    const rng = stepStream(0).stream('noise')
    const radii = clean.map((row) => row.map(() => Math.sqrt(-2 * Math.log(1 - rng.uniform()))))
    const noise = radii.map((row) => row.map((radius) => radius * Math.cos(2 * Math.PI * rng.uniform())))
    const noisy = clean.map((row, t) => row.map((value, e) => value + noise[t]![e]! * deviation[t]![e]!))
    const chosen = noisy.map((row) => largest(row, 2))
    const weight = (t: number, e: number) =>
      Math.exp(noisy[t]![e]!) / chosen[t]!.reduce((sum, other) => sum + Math.exp(noisy[t]![other]!), 0)
    const { losses, pairs } = route(made, { training: true })
    expectPairs(pairs, pairsFrom(chosen, weight), 1e-4)
    const load = Array.from({ length: E }, (_, e) =>
      noisy.reduce((sum, row, t) => {
        const threshold = row.filter((_value, other) => other !== e).toSorted((a, b) => b - a)[1]!
        return sum + gaussian((clean[t]![e]! - threshold) / deviation[t]![e]!)
      }, 0),
    )
    expect(losses['load']).toBeCloseTo(squaredVariation(load), 4)
  })

  test('the noise is normal with the learned deviation', () => {
    const made = make(noisyTopKRouter, { k: 1 }, 2)
    set(
      made,
      'weight',
      Array.from({ length: 2 * D }, () => 0),
    )
    // softplus(ln(e² − 1)) = 2: the difference of two members' noise has deviation 2.01·√2.
    set(
      made,
      'noise_weight',
      Array.from({ length: 2 * D }, (_, i) => (i % D === 0 ? Math.log(Math.exp(2) - 1) : 0)),
    )
    const x = Array.from({ length: T }, () => [1, 0, 0, 0, 0, 0])
    const draws = Array.from({ length: 100 }, (_, step) =>
      route(made, { x, training: true, step }).scores.map(([p, q]) => Math.log(p! / q!)),
    ).flat()
    const mean = draws.reduce((a, b) => a + b) / draws.length
    const deviation = Math.sqrt(draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length)
    expect(Math.abs(mean)).toBeLessThan(0.3)
    expect(deviation / (2.01 * Math.SQRT2)).toBeCloseTo(1, 1)
  })
})
