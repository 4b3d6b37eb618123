import { beforeAll, describe, expect, test } from 'vitest'
import {
  linearScaling,
  llama3Scaling,
  rotaryTables,
  type RotaryScaling,
  tf,
  useEngine,
  yarnScaling,
} from '../src/index.ts'

beforeAll(() => useEngine('reference'))

const frequencies = (scaling: RotaryScaling, dim: number, base: number) =>
  scaling(
    Float64Array.from({ length: dim / 2 }, (_, i) => base ** ((-2 * i) / dim)),
    { dim, base },
  )

test('tables hold cos and sin of position · base^(−2i/dim)', () => {
  const { cos, sin } = rotaryTables({ dim: 6, base: 100, positions: 4 })
  expect(cos.shape).toEqual([4, 3])
  const expected = [0, 1, 2, 3].flatMap((t) => [0, 1, 2].map((i) => t * 100 ** (-i / 3)))
  for (const [i, angle] of expected.entries()) {
    expect(cos.dataSync()[i]).toBeCloseTo(Math.cos(angle), 6)
    expect(sin.dataSync()[i]).toBeCloseTo(Math.sin(angle), 6)
  }
})

test('rows of later positions are the same from a start, from a tensor, and from the whole table', () => {
  const whole = rotaryTables({ dim: 4, positions: 6 }).sin.arraySync()
  expect(rotaryTables({ dim: 4, positions: 2, start: 3 }).sin.arraySync()).toEqual(whole.slice(3, 5))
  expect(rotaryTables({ dim: 4, positions: tf.tensor1d([5, 1], 'int32') }).sin.arraySync()).toEqual([
    whole[5],
    whole[1],
  ])
})

test('a cached table does not change when a tensor made from it does', () => {
  const first = rotaryTables({ dim: 2, positions: 2 }).cos
  const before = [...first.dataSync()]
  first.dataSync().fill(9)
  expect([...rotaryTables({ dim: 2, positions: 2 }).cos.dataSync()]).toEqual(before)
})

test('bad sizes are named', () => {
  expect(() => rotaryTables({ dim: 3, positions: 1 })).toThrow(
    'rotaryTables: dim is 3, expected a positive even number',
  )
})

describe('scaling', () => {
  test('linear scaling stretches positions', () => {
    const stretched = rotaryTables({ dim: 4, positions: 9, scaling: linearScaling(4) }).cos.arraySync()
    const plain = rotaryTables({ dim: 4, positions: 3 }).cos.arraySync()
    expect(stretched[8]).toEqual(plain[2])
  })

  test('Llama 3 keeps short wavelengths, divides long ones, and is continuous between', () => {
    // Llama 3.1's own configuration.
    const scaling = llama3Scaling({ factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 8192 })
    const [dim, base] = [128, 500_000]
    const { inverseFrequencies, attentionFactor } = frequencies(scaling, dim, base)
    expect(attentionFactor ?? 1).toBe(1)
    let between = 0
    for (const [i, scaled] of inverseFrequencies.entries()) {
      const frequency = base ** ((-2 * i) / dim)
      const wavelength = (2 * Math.PI) / frequency
      if (wavelength < 8192 / 4) expect(scaled).toBeCloseTo(frequency, 14)
      else if (wavelength > 8192) expect(scaled).toBeCloseTo(frequency / 8, 14)
      else {
        between++
        const smooth = (8192 / wavelength - 1) / (4 - 1)
        expect(scaled).toBeCloseTo((1 - smooth) * (frequency / 8) + smooth * frequency, 14)
      }
    }
    expect(between).toBeGreaterThan(2)
  })

  test('YaRN keeps fast frequencies, divides slow ones by the factor and scales by 0.1 ln(factor) + 1', () => {
    const scaling = yarnScaling({ factor: 16, originalLength: 4096 })
    const [dim, base] = [64, 10_000]
    const { inverseFrequencies, attentionFactor } = frequencies(scaling, dim, base)
    expect(attentionFactor).toBeCloseTo(0.1 * Math.log(16) + 1, 12)
    // ⌊64 ln(4096 / 64π) / (2 ln 10000)⌋ = 10 and ⌈64 ln(4096 / 2π) / (2 ln 10000)⌉ = 23
    for (const [i, scaled] of inverseFrequencies.entries()) {
      const frequency = base ** ((-2 * i) / dim)
      const ramp = Math.min(1, Math.max(0, (i - 10) / 13))
      expect(scaled).toBeCloseTo((frequency / 16) * ramp + frequency * (1 - ramp), 14)
    }
    const deepseek = yarnScaling({ factor: 40, originalLength: 4096, mscale: 1, mscaleAllDim: 1 })
    expect(frequencies(deepseek, dim, base).attentionFactor).toBe(1)
  })
})
