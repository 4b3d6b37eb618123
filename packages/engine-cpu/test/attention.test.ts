// Attention against its definition in float64, its gradient against central differences of that definition. The harness
// runs every call with one and with two threads and wants the same bits.
import fc from 'fast-check'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { backend, expectClose, native, normals, random, tensor, values } from './harness.ts'

interface Problem {
  readonly B?: number
  readonly T: number
  readonly S: number
  readonly H?: number
  readonly G?: number
  readonly D: number
  readonly C?: number
  readonly causal?: boolean
  readonly window?: number
  readonly keyLength?: number
  readonly sinks?: boolean
  readonly scale?: number
}

type Sizes = Required<Problem>
const names = ['q', 'k', 'v', 'sinks'] as const
type Values = Record<(typeof names)[number], Float64Array>

const sizesOf = (problem: Problem): Sizes => ({
  B: 1,
  H: 1,
  G: 1,
  C: problem.D,
  causal: true,
  window: 0,
  keyLength: 0,
  sinks: false,
  scale: problem.D > 0 ? problem.D ** -0.5 : 1,
  ...problem,
})

const shapesOf = ({ B, T, S, H, G, D, C }: Sizes) => ({ q: [B, T, H, D], k: [B, S, G, D], v: [B, S, G, C], sinks: [H] })

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

function valuesOf(sizes: Sizes, seed = 1): Values {
  const shapes = shapesOf(sizes)
  return Object.fromEntries(
    names.map((name, i) => [name, Float64Array.from(normals(count(shapes[name]), seed + i))]),
  ) as unknown as Values
}

/** The definition: one softmax for each query, in float64. */
function attention(sizes: Sizes, { q, k, v, sinks }: Values): { y: Float64Array; lse: Float64Array } {
  const { B, T, S, H, G, D, C, causal, window, scale } = sizes
  const L = sizes.keyLength || S
  const y = new Float64Array(B * T * H * C)
  const lse = new Float64Array(B * H * T)
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * G) / H)
      for (let t = 0; t < T; t++) {
        const position = L - T + t
        const seen = Array.from({ length: L }, (_, j) => j).filter(
          (j) => (!causal || j <= position) && (window === 0 || j > position - window),
        )
        const scores = seen.map((j) => {
          let sum = 0
          for (let d = 0; d < D; d++) sum += q[((b * T + t) * H + h) * D + d]! * k[((b * S + j) * G + g) * D + d]!
          return scale * sum
        })
        const all = sizes.sinks ? [...scores, sinks[h]!] : scores
        const largest = Math.max(...all)
        const sum = all.reduce((total, score) => total + Math.exp(score - largest), 0)
        lse[(b * H + h) * T + t] = all.length === 0 ? -Infinity : largest + Math.log(sum)
        for (const [i, j] of seen.entries()) {
          const weight = Math.exp(scores[i]! - largest) / sum
          for (let c = 0; c < C; c++) y[((b * T + t) * H + h) * C + c]! += weight * v[((b * S + j) * G + g) * C + c]!
        }
      }
    }
  }
  return { y, lse }
}

function inputsOf(sizes: Sizes, given: Values): Record<string, TensorInfo> {
  const shapes = shapesOf(sizes)
  const used = names.filter((name) => name !== 'sinks' || sizes.sinks)
  return Object.fromEntries(used.map((name) => [name, tensor(shapes[name], given[name])]))
}

const attributesOf = ({ scale, causal, window, keyLength }: Sizes) => ({ scale, causal, window, keyLength })

const release = (infos: readonly TensorInfo[]) => infos.forEach((info) => backend.release(info))

function checkValues(problem: Problem, given?: Values): void {
  const sizes = sizesOf(problem)
  const data = given ?? valuesOf(sizes)
  const inputs = inputsOf(sizes, data)
  const [y, lse] = native('mixlab.Attention', inputs, attributesOf(sizes)) as [TensorInfo, TensorInfo]
  expect(y.shape).toEqual([sizes.B, sizes.T, sizes.H, sizes.C])
  expect(lse.shape).toEqual([sizes.B, sizes.H, sizes.T])
  const expected = attention(sizes, data)
  const what = JSON.stringify(problem)
  expectClose(values(y), expected.y, { absolute: 2e-6, relative: 4e-6 }, `y ${what}`)
  expectClose(values(lse), expected.lse, { absolute: 2e-6, relative: 1e-6 }, `lse ${what}`)
  release([y, lse, ...Object.values(inputs)])
}

interface GradientCheck {
  /** Elements of each input to compare; all where there are not more. */
  readonly elements?: number
  readonly tolerance?: number
}

/** Every gradient of Σ dy·y along single elements and along two directions through all elements of an input. */
function checkGradient(problem: Problem, { elements = 150, tolerance = 1e-5 }: GradientCheck = {}): void {
  const sizes = sizesOf(problem)
  const data = valuesOf(sizes)
  const inputs = inputsOf(sizes, data)
  const attributes = attributesOf(sizes)
  const [y, lse] = native('mixlab.Attention', inputs, attributes) as [TensorInfo, TensorInfo]
  const dyValues = normals(count(y.shape), 9)
  const dy = tensor(y.shape, dyValues)
  const gradients = native('mixlab.AttentionGrad', { ...inputs, dy, y, lse }, attributes)
  const objective = (changed: Values) => {
    let sum = 0
    for (const [i, x] of attention(sizes, changed).y.entries()) sum += x * dyValues[i]!
    return sum
  }
  const slope = (name: (typeof names)[number], direction: (i: number) => number) => {
    const step = 1e-5
    const at = (side: number) =>
      objective({ ...data, [name]: data[name].map((x, i) => x + side * step * direction(i)) })
    return (at(1) - at(-1)) / (2 * step)
  }
  expect(gradients.map(({ shape }) => shape)).toEqual(Object.values(inputs).map(({ shape }) => shape))
  for (const [index, name] of Object.keys(inputs).entries() as IterableIterator<[number, (typeof names)[number]]>) {
    const gradient = values(gradients[index]!)
    const what = `d${name} ${JSON.stringify(problem)}`
    const next = random(index)
    const chosen =
      gradient.length <= elements
        ? gradient.keys().toArray()
        : Array.from({ length: elements }, () => Math.floor(next() * gradient.length))
    const slopes = chosen.map((at) => slope(name, (i) => Number(i === at)))
    const found = chosen.map((i) => gradient[i]!)
    expectClose(found, slopes, { absolute: tolerance, relative: tolerance }, `${what} of ${chosen.join(' ')}`)
    for (const seed of [1, 2]) {
      const direction = normals(gradient.length, seed)
      const along = gradient.reduce((sum, x, i) => sum + x * direction[i]!, 0)
      const absolute = tolerance * (1 + Math.hypot(...gradient))
      expectClose([along], [slope(name, (i) => direction[i]!)], { absolute }, `${what}, direction`)
    }
  }
  release([y, lse, dy, ...gradients, ...Object.values(inputs)])
}

const problems: Problem[] = [
  { T: 1, S: 1, D: 1 },
  { T: 5, S: 5, D: 3, C: 5, H: 2 },
  { T: 7, S: 7, D: 8, causal: false },
  { T: 6, S: 11, D: 4, H: 4, G: 2, B: 2, sinks: true },
  { T: 9, S: 9, D: 6, C: 1, window: 3, sinks: true },
  { T: 9, S: 14, D: 5, C: 9, window: 4, causal: false, H: 3, G: 1 },
  { T: 12, S: 20, D: 4, C: 2, keyLength: 13, H: 2 },
  // queries that see nothing
  { T: 9, S: 9, D: 4, keyLength: 4 },
  { T: 9, S: 9, D: 4, keyLength: 3, window: 2, sinks: true, causal: false },
  { T: 3, S: 10, D: 7, C: 6, H: 4, G: 2, sinks: true },
  { T: 2, S: 9, D: 4, window: 1 },
]

/** More than one block of queries and of keys. */
const large: Problem[] = [
  { T: 64, S: 64, D: 32, H: 2 },
  { T: 131, S: 131, D: 20, C: 12, H: 4, G: 2, sinks: true },
  { T: 100, S: 230, D: 16, causal: false, B: 2 },
  // read where they lie, apart from the last queries
  { T: 80, S: 104, D: 32, C: 16, H: 4, G: 2, B: 2, window: 90 },
  { T: 90, S: 104, D: 16, C: 32, H: 2, G: 2, causal: false, keyLength: 101 },
  { T: 200, S: 200, D: 9, window: 33 },
  // so many heads that blocks are as large as they get and a head's gradient is one chunk
  { B: 8, T: 90, S: 90, D: 6, H: 4, G: 4 },
  // chunks of unequal length
  { B: 6, T: 80, S: 80, D: 4, H: 7, sinks: true },
  { T: 113, S: 160, D: 16, window: 70, keyLength: 150, sinks: true, H: 2, G: 1 },
]

const many: Problem[] = [
  { T: 1, S: 1000, D: 64, H: 4, G: 2 },
  { T: 1, S: 1000, D: 18, C: 10, keyLength: 513, window: 300, sinks: true, H: 2 },
  { T: 8, S: 600, D: 8, B: 2, H: 6, G: 3 },
  { T: 4, S: 700, D: 6, C: 7, window: 2 },
]

describe('values', () => {
  test.each([...problems, ...large])('%j', (problem) => checkValues(problem))

  test.each(many)('a few queries, many keys: %j', (problem) => checkValues(problem))

  test.each<Problem>([
    { T: 0, S: 5, D: 4 },
    { T: 5, S: 0, D: 4, H: 2, sinks: true },
    { T: 1, S: 0, D: 4 },
    { T: 0, S: 0, D: 4 },
    { T: 30, S: 30, D: 4, B: 0 },
    { T: 30, S: 30, D: 0, C: 3 },
    { T: 2, S: 30, D: 0, C: 3 },
    { T: 30, S: 30, D: 4, C: 0 },
  ])('nothing along an axis: %j', (problem) => {
    checkValues(problem)
    checkGradient(problem)
  })

  test('scores far apart and far from zero', () => {
    for (const T of [2, 40]) {
      // whole numbers, so that the scores are exact and only the softmax is tested
      const spread = sizesOf({ T, S: 40, D: 4, scale: 32, causal: false })
      const { q, k, ...rest } = valuesOf(spread)
      checkValues(spread, { ...rest, q: q.map((x) => Math.round(3 * x)), k: k.map((x) => Math.round(3 * x)) })
      const sizes = sizesOf({ T, S: 40, D: 4, sinks: true })
      const given = valuesOf(sizes)
      for (const shift of [-500, 500]) checkValues(sizes, { ...given, sinks: given.sinks.map((x) => x + shift) })
    }
  })

  // 16 features are read where they lie, 5 are copied.
  test.each([5, 16])('what lies past keyLength does not matter, %d features', (D) => {
    for (const T of [1, 20]) {
      const sizes = sizesOf({ T, S: 70, D, keyLength: 50 })
      const given = valuesOf(sizes)
      const inputs = inputsOf(sizes, given)
      for (const name of ['k', 'v']) backend.view(inputs[name]!).fill(NaN, 50 * D)
      const results = native('mixlab.Attention', inputs, attributesOf(sizes))
      const expected = attention(sizes, given)
      expectClose(values(results[0]!), expected.y, { absolute: 2e-6 })
      const [y, lse] = results as [TensorInfo, TensorInfo]
      const dy = tensor(y.shape, normals(T * D))
      for (const gradient of native('mixlab.AttentionGrad', { ...inputs, dy, y, lse }, attributesOf(sizes))) {
        expect(values(gradient).every(Number.isFinite)).toBe(true)
      }
    }
  })

  test('NaN stays with the query it came from', () => {
    for (const T of [3, 20]) {
      const sizes = sizesOf({ T, S: T, D: 4 })
      const inputs = inputsOf(sizes, valuesOf(sizes))
      backend.view(inputs.q!)[4 * (T - 2)] = NaN
      const [y, lse] = native('mixlab.Attention', inputs, attributesOf(sizes)) as [TensorInfo, TensorInfo]
      const rows = values(y).map(Number.isNaN)
      expect(rows).toEqual(rows.map((_, i) => Math.floor(i / 4) === T - 2))
      expect(values(lse).map(Number.isNaN)).toEqual(Array.from({ length: T }, (_, t) => t === T - 2))
    }
  })
})

describe('gradients', () => {
  test.each(problems)('%j', (problem) => checkGradient(problem))
  test.each(large)('%j', (problem) => checkGradient(problem, { elements: 5, tolerance: 3e-5 }))
})

test('random problems', () => {
  const problem = fc
    .record({
      B: fc.integer({ min: 1, max: 2 }),
      T: fc.integer({ min: 1, max: 30 }),
      S: fc.integer({ min: 1, max: 60 }),
      G: fc.integer({ min: 1, max: 2 }),
      shared: fc.integer({ min: 1, max: 3 }),
      D: fc.integer({ min: 1, max: 12 }),
      C: fc.integer({ min: 1, max: 12 }),
      causal: fc.boolean(),
      window: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 70 })),
      sinks: fc.boolean(),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ shared, part, ...rest }) => ({ ...rest, H: rest.G * shared, keyLength: Math.floor(part * rest.S) }))
  fc.assert(
    fc.property(problem, (drawn) => {
      checkValues(drawn)
      checkGradient(drawn, { elements: 3, tolerance: 2e-5 })
    }),
    { numRuns: 40 },
  )
})

test('memory is given back', () => {
  const sizes = sizesOf({ T: 50, S: 50, D: 8, H: 2, sinks: true })
  const inputs = inputsOf(sizes, valuesOf(sizes))
  const before = [backend.numDataIds(), backend.usage().allocatedBytes]
  const [y, lse] = native('mixlab.Attention', inputs, attributesOf(sizes)) as [TensorInfo, TensorInfo]
  release([...native('mixlab.AttentionGrad', { ...inputs, dy: y, y, lse }, attributesOf(sizes)), y, lse])
  expect([backend.numDataIds(), backend.usage().allocatedBytes]).toEqual(before)
})

test('more keys asked for than there are', () => {
  const sizes = sizesOf({ T: 2, S: 3, D: 4, keyLength: 4 })
  const inputs = inputsOf(sizes, valuesOf(sizes))
  expect(() => native('mixlab.Attention', inputs, attributesOf(sizes))).toThrow(
    'keyLength is 4, but there are only 3 keys',
  )
})
