// Features of messages: deterministic, fitted to the texts given and to no others, near for texts that are alike.
import { RandomStream } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import { fitFeatures, rememberFeatures } from '../src/index.ts'
import { countNGrams } from '../src/n-grams.ts'
import { surfaceFeatures, surfaceOf } from '../src/surface.ts'
import { textHash } from '../src/text-hash.ts'

const subjects = [
  (i: number) =>
    `A train travels ${40 + i} miles in ${2 + (i % 5)} hours. What is its average speed in miles per hour?`,
  (i: number) =>
    `Which amendment of the constitution, ratified in ${1800 + i}, protects the freedom of speech and of the press?`,
  (i: number) =>
    `The enzyme catalyses a reaction in the mitochondria of ${i} cells; which substrate binds to its active site?`,
]
const texts = Array.from({ length: 90 }, (_, i) => subjects[i % 3]!(i))
const fit = (config: Parameters<typeof fitFeatures>[1]['config'] = {}, seed = 1) =>
  fitFeatures(texts, { config: { dimensions: 8, ...config }, rng: new RandomStream(seed, 'features') })

const rowsOf = (values: Float32Array, width: number) =>
  Array.from({ length: values.length / width }, (_, t) => values.subarray(t * width, (t + 1) * width))

const cosine = (a: Float32Array, b: Float32Array) => {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

describe('features', () => {
  test.each(['principal', 'random'] as const)('texts of one subject are nearer than others (%s)', (projection) => {
    const features = fit({ projection, surface: false, dimensions: projection === 'random' ? 64 : 8 })
    const rows = rowsOf(features.of(Array.from({ length: 30 }, (_, i) => subjects[i % 3]!(100 + i))), features.width)
    for (let i = 0; i < 27; i++)
      expect(cosine(rows[i]!, rows[i + 3]!)).toBeGreaterThan(cosine(rows[i]!, rows[i + 1]!) + 0.1)
  })

  test('the same seed gives the same, on one text as among many; what is remembered is what is made', () => {
    const [one, two] = [fit(), fit()]
    const all = one.of(texts)
    expect(two.of(texts)).toEqual(all)
    expect(one.of([texts[17]!])).toEqual(all.slice(17 * one.width, 18 * one.width))
    const remembered = rememberFeatures(one)
    const twice = [texts[5]!, texts[3]!, texts[5]!]
    expect(remembered.of(twice)).toEqual(one.of(twice))
    expect(remembered.of(texts)).toEqual(all)
  })

  test('have unit size over the texts that they were fitted to, and a constant', () => {
    const features = fit()
    const rows = rowsOf(features.of(texts), features.width)
    expect(features.width).toBe(8 + surfaceFeatures.length + 1)
    for (const row of rows) expect(row.at(-1)).toBe(1)
    for (let i = 8; i < features.width - 1; i++) {
      const mean = rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length
      const square = rows.reduce((sum, row) => sum + row[i]! ** 2, 0) / rows.length
      expect(mean).toBeCloseTo(0, 4)
      // What is the same in all texts has no size.
      expect(square < 1e-6 || Math.abs(square - 1) < 1e-3).toBe(true)
    }
    // n-grams: rows of norm 1, scaled by √dimensions, projected: at most all of it, and most of it for texts like these.
    const sizes = rows.map((row) => row.subarray(0, 8).reduce((sum, value) => sum + value * value, 0) / 8)
    expect(Math.max(...sizes)).toBeLessThan(1 + 1e-5)
    expect(sizes.reduce((sum, size) => sum + size, 0) / sizes.length).toBeGreaterThan(0.6)
  })

  test('other texts do not move them', () => {
    const features = fit()
    const before = features.of([texts[0]!])
    features.of(['something else entirely', ''])
    expect(features.of([texts[0]!])).toEqual(before)
    expect([...features.of([''])].every(Number.isFinite)).toBe(true)
  })

  test('wrong settings are refused', () => {
    expect(() => fitFeatures([], { rng: new RandomStream(1) })).toThrow('there are no texts to fit them to')
    expect(() => fit({ dimensions: 0, surface: false })).toThrow('at least one must be on')
    expect(() => fit({ dimensions: -1 })).toThrow('features: dimensions is -1')
  })
})

test('n-grams are counted by kind, whatever the case', () => {
  const counts = countNGrams('Ab ab, 7', { buckets: 2 ** 30, words: 2, characters: [3, 3] })
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  // Words ab, ab, the comma, 7; three pairs; " ab", "ab " twice, " , ", " 7 ".
  expect(total).toBe(4 + 3 + 6)
  expect([...counts.values()].toSorted((a, b) => b - a).slice(0, 3)).toEqual([2, 2, 2])
})

test('the surface: sizes as log(1 + x)', () => {
  const seen = Object.fromEntries(
    surfaceFeatures.map((name, i) => [name, surfaceOf('Buy 3 at 1,250.5 each. Why?\nNow!')[i]!]),
  )
  expect(Math.expm1(seen['numbers']!)).toBeCloseTo(2)
  expect(Math.expm1(seen['largest number']!)).toBeCloseTo(1250.5)
  expect(Math.expm1(seen['sentences']!)).toBeCloseTo(3)
  expect(Math.expm1(seen['lines']!)).toBeCloseTo(1)
  expect(seen['share of digits']).toBeCloseTo(6 / 32)
})

test('the hash spreads short texts evenly, and seeds are independent', () => {
  const bins = new Float64Array(16)
  for (let i = 0; i < 16_000; i++) bins[textHash(`q${i}`) >>> 28]!++
  const chi = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
  // χ² with 15 degrees of freedom: above 44 once in ten thousand.
  expect(chi).toBeLessThan(44)
  let agree = 0
  for (let i = 0; i < 16_000; i++) agree += Number(textHash(`q${i}`, 1) >>> 31 === textHash(`q${i}`, 2) >>> 31)
  expect(Math.abs(agree - 8000)).toBeLessThan(4 * Math.sqrt(4000))
})
