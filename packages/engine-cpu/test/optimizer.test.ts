// Updates in place against the same recurrences in float64, over several steps; random numbers against Philox's
// published known answers.
import { describe, expect, test } from 'vitest'
import { backend, copyOf, expectClose, integers, native, nativeInPlace, normals, tensor, values } from './harness.ts'

const sizes = [1, 5, 4099, 0, 16]
const tensors = (seed: number) => sizes.map((size, i) => normals(size, seed + i))

function named(lists: Record<string, Float32Array[]>) {
  return Object.fromEntries(
    Object.entries(lists).flatMap(([name, list]) =>
      list.map((data, i) => [`${name}${i}`, tensor([data.length], data)] as const),
    ),
  )
}

describe('optimizers', () => {
  const weightDecay = [0.1, 0, 0.01, 0.1, 0]

  test.for([undefined, 0.37])('AdamW, gradients scaled by %s', (factor) => {
    const attrs = { count: sizes.length, learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay }
    const p = tensors(1).map((list) => Float64Array.from(list))
    const m = sizes.map((size) => new Float64Array(size))
    const v = sizes.map((size) => new Float64Array(size))
    const zeros = () => sizes.map((size) => new Float32Array(size))
    const state = named({ p: tensors(1), m: zeros(), v: zeros() })
    for (let step = 1; step <= 4; step++) {
      const g = tensors(100 * step)
      const inputs = { ...state, ...named({ g }), ...(factor !== undefined && { scale: tensor([], [factor]) }) }
      nativeInPlace('mixlab.AdamW', inputs, { ...attrs, step })
      for (const [i, list] of g.entries()) {
        for (const [j, raw] of list.entries()) {
          const gradient = raw * Math.fround(factor ?? 1)
          m[i]![j] = 0.9 * m[i]![j]! + 0.1 * gradient
          v[i]![j] = 0.95 * v[i]![j]! + 0.05 * gradient ** 2
          const [mean, square] = [m[i]![j] / (1 - 0.9 ** step), v[i]![j] / (1 - 0.95 ** step)]
          p[i]![j]! -= 0.01 * weightDecay[i]! * p[i]![j]!
          p[i]![j]! -= (0.01 * mean) / (Math.sqrt(square) + 1e-8)
        }
      }
    }
    for (const i of sizes.keys()) {
      expectClose(values(state[`p${i}`]!), p[i]!, { relative: 1e-6, absolute: 1e-6 }, `p${i}`)
      expectClose(values(state[`m${i}`]!), m[i]!, { relative: 1e-6, absolute: 1e-7 }, `m${i}`)
      expectClose(values(state[`v${i}`]!), v[i]!, { relative: 1e-6, absolute: 1e-9 }, `v${i}`)
    }
  })

  test.for([
    [0, false],
    [0.9, false],
    [0.9, true],
  ] as const)('SGD, momentum %s, Nesterov %s', ([momentum, nesterov]) => {
    const p = tensors(1).map((list) => Float64Array.from(list))
    const b = sizes.map((size) => new Float64Array(size))
    const zeros = sizes.map((size) => new Float32Array(size))
    const state = named({ p: tensors(1), ...(momentum !== 0 && { b: zeros }) })
    for (let step = 1; step <= 3; step++) {
      const g = tensors(100 * step)
      const attrs = { count: sizes.length, learningRate: 0.05, momentum, nesterov, weightDecay, step }
      nativeInPlace('mixlab.Sgd', { ...state, ...named({ g }) }, attrs)
      for (const [i, list] of g.entries()) {
        for (const [j, raw] of list.entries()) {
          const gradient = raw + weightDecay[i]! * p[i]![j]!
          b[i]![j] = step === 1 ? gradient : momentum * b[i]![j]! + gradient
          p[i]![j]! -= 0.05 * (momentum === 0 ? gradient : nesterov ? gradient + momentum * b[i]![j] : b[i]![j])
        }
      }
    }
    for (const i of sizes.keys()) expectClose(values(state[`p${i}`]!), p[i]!, { relative: 1e-6, absolute: 1e-6 })
  })

  test('GlobalNorm', () => {
    const g = tensors(7)
    const [norm] = native('mixlab.GlobalNorm', named({ g }), { count: sizes.length })
    const sum = g.flatMap((list) => [...list]).reduce((total, value) => total + value ** 2, 0)
    expect(norm!.shape).toEqual([])
    expectClose(values(norm!), [Math.sqrt(sum)], { relative: 1e-7 })
    const [large] = native('mixlab.GlobalNorm', { g0: tensor([2], [3e30, 4e30]) }, { count: 1 })
    expectClose(values(large!), [5e30], { relative: 1e-7 })
  })

  test('Ema, AddInto and AppendRows', () => {
    const [a, p] = [tensors(1), tensors(50)]
    const state = named({ a, p })
    nativeInPlace('mixlab.Ema', state, { count: sizes.length, decay: 0.99 })
    for (const [i, list] of a.entries()) {
      expectClose(
        values(state[`a${i}`]!),
        list.map((x, j) => 0.99 * x + 0.01 * p[i]![j]!),
        { relative: 1e-6, absolute: 1e-7 },
      )
    }
    const counts = {
      a: tensor([5000], integers(5000, 0, 9, 1), 'int32'),
      x: tensor([5000], integers(5000, 0, 9, 2), 'int32'),
    }
    const before = values(counts.a)
    nativeInPlace('mixlab.AddInto', counts)
    expect(values(counts.a)).toEqual(values(counts.x).map((x, i) => x + before[i]!))

    const [batch, length, heads, width, added, position] = [2, 7, 3, 5, 2, 4]
    const cache = tensor([batch, length, heads, width], normals(batch * length * heads * width, 1))
    const x = tensor([batch, added, heads, width], normals(batch * added * heads * width, 2))
    const row = heads * width
    const expected = values(cache)
    for (let b = 0; b < batch; b++) {
      const from = b * added * row
      expected.splice((b * length + position) * row, added * row, ...values(x).slice(from, from + added * row))
    }
    nativeInPlace('mixlab.AppendRows', { cache, x }, { position })
    expect(values(cache)).toEqual(expected)
  })
})

/** Philox4x32-10 word by word, in big integers, from the paper's definition. */
function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  let [k0, k1] = key.map(BigInt) as [bigint, bigint]
  const word = 0xffffffffn
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c0
    const b = 0xcd9e8d57n * c2
    ;[c0, c1, c2, c3] = [(b >> 32n) ^ c1 ^ k0, b & word, (a >> 32n) ^ c3 ^ k1, a & word]
    k0 = (k0 + 0x9e3779b9n) & word
    k1 = (k1 + 0xbb67ae85n) & word
  }
  return [c0, c1, c2, c3].map(Number)
}

describe('random numbers', () => {
  // Random123's kat_vectors, philox4x32 10
  test('the reference gives the published known answers', () => {
    const ones = 0xffffffff
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
    expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
    const digits = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]
    expect(philox(digits, [0xa4093822, 0x299f31d0])).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1])
  })

  function words(size: number, seed0: number, seed1: number, offset: number): number[] {
    const y = backend.output([size], 'int32')
    backend.run('philoxWords', Math.ceil(size / 2048), 1, 0, backend.pointer(y), size, seed0, seed1, offset, 0, 0, 0)
    return values(y).map((word) => word >>> 0)
  }

  test('the kernel gives the same words, over the carry into the counter’s high half', () => {
    expect(words(4, 0, 0, 0)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
    for (const [seed0, seed1, offset] of [
      [0xa4093822, 0x299f31d0, 0x243f6a88],
      [0xffffffff, 0x80000000, 2 ** 32 - 2],
      [1, 2, 2 ** 52 + 7],
    ] as const) {
      const expected = Array.from({ length: 10 }, (_, i) => offset + i).flatMap((at) =>
        philox([at % 2 ** 32, Math.floor(at / 2 ** 32), 0, 0], [seed0, seed1]),
      )
      expect(words(37, seed0, seed1, offset)).toEqual(expected.slice(0, 37))
    }
  })

  test('RandomUniform is the words, scaled', () => {
    const [y] = native('mixlab.RandomUniform', {}, { shape: [100, 51], seed0: 5, seed1: 6, offset: 9 })
    const expected = words(5100, 5, 6, 9).map((word) => (word >>> 8) * 2 ** -24)
    expect(values(y!)).toEqual(expected)
    expect(expected.reduce((sum, value) => sum + value, 0) / 5100).toBeCloseTo(0.5, 1)
  })

  test('Dropout keeps what draws at least the rate', () => {
    const x = tensor([9001], normals(9001, 1))
    const before = copyOf(x)
    for (const rate of [0, 0.1, 0.5, 0.999]) {
      const key = { seed0: 11, seed1: 12, offset: 2 ** 32 - 100 }
      const [y] = native('mixlab.Dropout', { x }, { rate, ...key })
      const [uniform] = native('mixlab.RandomUniform', {}, { shape: [9001], ...key })
      const draws = values(uniform!)
      const expected = values(x).map((value, i) => (draws[i]! >= rate ? value / (1 - rate) : 0))
      expectClose(values(y!), expected, { relative: 2e-7 })
    }
    expect(values(x)).toEqual(values(before))
  })
})
