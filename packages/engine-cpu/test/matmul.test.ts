import { withPrecision } from '@mixlab/tensor'
import { describe, expect, test } from 'vitest'
import { backend, difference, randomValues, tf } from './start.ts'

interface Shape {
  batchA?: number[]
  batchB?: number[]
  m: number
  k: number
  n: number
}

/** The definition, in float64, on [m, k] · [k, n] given by element functions. */
function naive(
  m: number,
  k: number,
  n: number,
  a: (i: number, p: number) => number,
  b: (p: number, j: number) => number,
) {
  const c = new Float64Array(m * n)
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let p = 0; p < k; p++) sum += a(i, p) * b(p, j)
      c[i * n + j] = sum
    }
  }
  return c
}

function product({ batchA = [], batchB = [], m, k, n }: Shape, transposeA: boolean, transposeB: boolean) {
  const aShape = [...batchA, ...(transposeA ? [k, m] : [m, k])]
  const bShape = [...batchB, ...(transposeB ? [n, k] : [k, n])]
  const a = tf.tensor(randomValues(tf.util.sizeFromShape(aShape), 1), aShape)
  const b = tf.tensor(randomValues(tf.util.sizeFromShape(bShape), 2), bShape)
  return { a, b, c: tf.matMul(a, b, transposeA, transposeB) }
}

const shapes: Shape[] = [
  { m: 1, k: 1, n: 1 },
  { m: 1, k: 70, n: 45 },
  { m: 3, k: 33, n: 71 },
  { m: 5, k: 9, n: 8 },
  { m: 6, k: 8, n: 8 },
  { m: 7, k: 5, n: 1 },
  { m: 23, k: 259, n: 19 },
  { m: 97, k: 31, n: 130 },
  { m: 200, k: 1, n: 9 },
  { m: 13, k: 600, n: 65 },
  // Rows a multiple of a page apart.
  { m: 33, k: 1024, n: 65 },
  { m: 40, k: 65, n: 2048 },
  { m: 4, k: 0, n: 3 },
  { m: 8, k: 0, n: 9 },
  { m: 0, k: 4, n: 3 },
  { m: 8, k: 4, n: 0 },
]
const layouts = [false, true].flatMap((a) => [false, true].map((b) => [a, b] as const))

describe.each(layouts)('transposeA %s, transposeB %s', (transposeA, transposeB) => {
  test.each(shapes)('$m × $k · $k × $n against float64, the same with 1, 2 and 3 threads', (shape) => {
    const { m, k, n } = shape
    const results = [1, 2, 3].map((threads) => {
      backend.setThreads(threads)
      const { a, b, c } = product(shape, transposeA, transposeB)
      return { a: a.dataSync(), b: b.dataSync(), c: c.dataSync(), shape: c.shape }
    })
    const { a, b, c } = results[0]!
    const expected = naive(
      m,
      k,
      n,
      (i, p) => a[transposeA ? p * m + i : i * k + p]!,
      (p, j) => b[transposeB ? j * k + p : p * n + j]!,
    )
    expect(results[0]!.shape).toEqual([m, n])
    expect(difference(c, expected)).toBeLessThan(5e-7 * Math.sqrt(k + 4))
    for (const other of results) expect(other.c).toEqual(c)
  })

  test('batches with broadcasting', () => {
    const m = 9
    const [k, n] = [13, 10]
    const { a, b, c } = product({ batchA: [2, 1], batchB: [3], m, k, n }, transposeA, transposeB)
    expect(c.shape).toEqual([2, 3, m, n])
    const [x, y, z] = [a.dataSync(), b.dataSync(), c.dataSync()]
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 3; j++) {
        const expected = naive(
          m,
          k,
          n,
          (r, p) => x[i * m * k + (transposeA ? p * m + r : r * k + p)]!,
          (p, q) => y[j * k * n + (transposeB ? q * k + p : p * n + q)]!,
        )
        expect(difference(z.slice((i * 3 + j) * m * n, (i * 3 + j + 1) * m * n), expected)).toBeLessThan(2e-6)
      }
    }
  })
})

test('one matrix on the right serves a whole batch on the left', () => {
  const a = tf.tensor(randomValues(4 * 7 * 12, 3), [4, 7, 12])
  const b = tf.tensor(randomValues(5 * 12, 4), [1, 5, 12])
  const c = tf.matMul(a, b, false, true)
  expect(c.shape).toEqual([4, 7, 5])
  const flat = tf.matMul(tf.reshape(a, [28, 12]), tf.reshape(b, [5, 12]), false, true)
  expect(c.dataSync()).toEqual(flat.dataSync())
})

test('an element does not depend on how many rows are multiplied beside it, among few rows as among many', () => {
  const a = tf.tensor(randomValues(40 * 300, 5), [40, 300])
  for (const transposeB of [false, true]) {
    const b = tf.tensor(randomValues(300 * 45, 6), transposeB ? [45, 300] : [300, 45])
    const ofRows = (rows: number) =>
      tf.matMul(tf.tensor(a.dataSync().subarray(0, rows * 300), [rows, 300]), b, false, transposeB).dataSync()
    const [few, whole] = [ofRows(5), ofRows(40)]
    for (const rows of [1, 2, 4]) expect(ofRows(rows)).toEqual(few.slice(0, rows * 45))
    for (const rows of [6, 11]) expect(ofRows(rows)).toEqual(whole.slice(0, rows * 45))
    // Where both operands lie along the depth, few rows are dot products.
    if (transposeB) expect(difference(few, whole.slice(0, 5 * 45))).toBeLessThan(3e-5)
    else expect(few).toEqual(whole.slice(0, 5 * 45))
  }
})

test.each([2, 8])('NaN and infinities reach exactly the rows and columns they belong to (%i rows)', (m) => {
  const a = new Float32Array(m * 9).fill(1)
  const b = new Float32Array(9 * 11).fill(1)
  a[9 + 4] = NaN
  b[3 * 11 + 10] = Infinity
  const c = tf.matMul(tf.tensor(a, [m, 9]), tf.tensor(b, [9, 11])).arraySync() as number[][]
  expect(c[1]!.every(Number.isNaN)).toBe(true)
  for (const [i, row] of c.entries()) if (i !== 1) expect(row).toEqual([...Array(10).fill(9), Infinity])
})

test('a product larger than one pass of packing is cut without changing it', () => {
  const k = 40_000
  const a = tf.tensor(randomValues(8 * k, 7), [8, k])
  const column = randomValues(k, 8)
  const repeated = (n: number) =>
    tf.tensor(
      Float32Array.from({ length: k * n }, (_, i) => column[Math.floor(i / n)]!),
      [k, n],
    )
  const [wide, narrow] = [repeated(300), repeated(8)]
  const [c, one] = [tf.matMul(a, wide), tf.matMul(a, narrow)]
  for (const start of [0, 144, 292]) expect(tf.slice(c, [0, start], [8, 8]).dataSync()).toEqual(one.dataSync())
})

const activations = {
  linear: (x: number) => x,
  relu: (x: number) => Math.max(0, x),
  relu6: (x: number) => Math.min(6, Math.max(0, x)),
  leakyrelu: (x: number) => (x < 0 ? 0.3 * x : x),
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  elu: (x: number) => (x < 0 ? Math.expm1(x) : x),
}

test.each(Object.keys(activations) as (keyof typeof activations)[])('fused product with bias and %s', (activation) => {
  for (const [m, n] of [
    [9, 13],
    [2, 6],
  ] as const) {
    const a = tf.tensor2d(randomValues(m * 40, 9), [m, 40])
    const b = tf.tensor2d(randomValues(40 * n, 10), [40, n])
    const bias = tf.tensor1d(randomValues(n, 11))
    const c = tf.fused.matMul({ a, b, bias, activation, leakyreluAlpha: 0.3 })
    const [x, y, z] = [a.dataSync(), b.dataSync(), bias.dataSync()]
    const plain = naive(
      m,
      40,
      n,
      (i, p) => x[i * 40 + p]!,
      (p, j) => y[p * n + j]!,
    )
    expect(
      difference(
        c.dataSync(),
        plain.map((v, i) => activations[activation](v + z[i % n]!)),
      ),
    ).toBeLessThan(2e-6)
  }
})

test('fused forms that have no native kernel: prelu, and a bias of the whole shape', () => {
  const a = tf.tensor2d(randomValues(6, 12), [2, 3])
  const b = tf.tensor2d(randomValues(12, 13), [3, 4])
  const alpha = tf.tensor1d([0.1, 0.2, 0.3, 0.4])
  const prelu = tf.fused.matMul({ a, b, activation: 'prelu', preluActivationWeights: alpha })
  const plain = tf.matMul(a, b).dataSync()
  expect(
    difference(
      prelu.dataSync(),
      plain.map((v, i) => (v < 0 ? v * 0.1 * ((i % 4) + 1) : v)),
    ),
  ).toBeLessThan(1e-6)
  const full = tf.fused.matMul({ a, b, bias: tf.ones([2, 4]) })
  expect(
    difference(
      full.dataSync(),
      plain.map((v) => v + 1),
    ),
  ).toBeLessThan(1e-6)
})

test('a vector is refused, and nothing is allocated for it', () => {
  const before = backend.usage().allocatedBytes
  const vector = tf.tensor1d([1, 2, 3])
  const matrix = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3])
  expect(() => tf.matMul(matrix, vector as never)).toThrow('expected two axes or more')
  tf.dispose([vector, matrix])
  expect(backend.usage().allocatedBytes).toBe(before)
})

describe.each(layouts)('both gradients at once, transposeA %s, transposeB %s', (transposeA, transposeB) => {
  const gradients: Shape[] = [
    ...shapes,
    // Deeper for one gradient than for the other, and larger than a tile.
    { m: 300, k: 40, n: 96 },
    { m: 16, k: 300, n: 290 },
    { batchA: [2, 1], batchB: [3], m: 7, k: 20, n: 33 },
    { batchA: [4], batchB: [], m: 9, k: 12, n: 3 },
  ]

  test.each(gradients)('of %o have the bits of two products', (shape) => {
    const { a, b, c } = product(shape, transposeA, transposeB)
    const dy = tf.tensor(randomValues(c.size, 3), c.shape)
    for (const precision of ['float32', 'bf16']) {
      withPrecision(precision, () => {
        const separate = [
          transposeA ? tf.matMul(b, dy, transposeB, true) : tf.matMul(dy, b, false, !transposeB),
          transposeB ? tf.matMul(dy, a, true, transposeA) : tf.matMul(a, dy, !transposeA, false),
        ]
        for (const threads of [1, 3]) {
          backend.setThreads(threads)
          const attributes = { transposeA, transposeB }
          const joint = tf.engine().runKernel('mixlab.MatMulGrad', { dy, a, b }, attributes) as tf.Tensor[]
          for (const [i, gradient] of joint.entries()) {
            expect(gradient.shape).toEqual(separate[i]!.shape)
            expect(gradient.dataSync(), `${precision}, ${threads} threads`).toEqual(separate[i]!.dataSync())
          }
        }
      })
    }
  })
})
