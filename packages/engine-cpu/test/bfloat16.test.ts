// Products in bfloat16: how operands are rounded, against torch's own rounding; what products and their gradients are,
// against torch under autocast, and against the rounded operands' products in float64.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { currentPrecision, groupedMatMul, linear, valueAndGradients, withPrecision } from '@mixlab/tensor'
import { afterAll, describe, expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { createSharedMemory } from '../src/memory.ts'
import { addressOf, callable, findProcessor, makeExecutable } from '../src/native/executable.ts'
import { multiply, type Product } from '../src/products.ts'
import { cpuEngine } from '../src/engine.ts'
import { product } from './product.ts'
import { backend, randomValues, tf } from './start.ts'

const processor = findProcessor()
const hasAmx = typeof processor === 'object' && processor.amx

await cpuEngine.start({ precision: currentPrecision })

interface Recorded {
  /** Bits of float32 and of the bfloat16 that torch makes of it. */
  readonly rounding: readonly (readonly [float32: string, bfloat16: string])[]
  readonly linear: Products
  readonly grouped: Products
}

type Results = Readonly<Record<'y' | 'dx' | 'dw', readonly number[]>>

interface Products {
  /** Of torch, which rounds the results to bfloat16 as well. */
  readonly autocast: Results
  /** Of the rounded operands, in float64. */
  readonly rounded: Results
}

const recorded = JSON.parse(readFileSync(new URL('fixtures/bfloat16.json', import.meta.url), 'utf8')) as Recorded

/** A product [m, n] = left [m, k] · right [k, n] in bfloat16. */
const rounding = (backend: CpuBackend, left: Float32Array, right: Float32Array, [m, n, k]: [number, number, number]) =>
  product(backend, { m, n, k }, left, right, { precision: 'bfloat16' })

const floatOf = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!

describe('rounding', () => {
  const sources = recorded.rounding.map(([bits]) => floatOf(Number.parseInt(bits, 16)))
  const wanted = recorded.rounding.map(([, bits]) => (bits === 'NaN' ? NaN : floatOf(Number.parseInt(bits, 16) << 16)))
  const backends = [true, false].map((native) => new CpuBackend({ threads: 1, native }))
  afterAll(() => {
    for (const backend of backends) backend.dispose()
  })

  /** Each value times 1, which is exact: what is left is the rounding. A side of one column or of many, both strides. */
  function timesOne(backend: CpuBackend, side: 'left' | 'right', precision: 'float32' | 'bfloat16'): number[] {
    const size = sources.length
    const place = (data: readonly number[]) => {
      const info = backend.output([data.length], 'float32')
      backend.view(info).set(data)
      return info
    }
    const rows = side === 'left' ? size : 6
    const columns = side === 'left' ? 1 : size
    const values = place(sources)
    const ones = place(Array.from({ length: 6 }, () => 1))
    const result = place(Array.from({ length: rows * columns }, () => 0))
    const product: Product = {
      left: backend.pointer(side === 'left' ? values : ones),
      right: backend.pointer(side === 'left' ? ones : values),
      result: backend.pointer(result),
      m: rows,
      n: columns,
      k: 1,
      leftRow: 1,
      leftDepth: 1,
      rightDepth: 1,
      rightColumn: 1,
      resultRow: columns,
    }
    multiply(backend, [product], { precision })
    const found = [...backend.view(result)].slice(0, size)
    for (const info of [values, ones, result]) backend.release(info)
    return found
  }

  // A sum from zero has no negative zero.
  const withoutSign = (values: readonly number[]) => values.map((value) => (value === 0 ? 0 : value))

  test.each(['left', 'right'] as const)("of the %s operand is torch's", (side) => {
    for (const backend of backends) {
      const native = backend.native()
      // The instructions that round to bfloat16 and multiply it take subnormal numbers for zero.
      const flushes = typeof native === 'object' && native.bfloat16
      const seen = wanted.map((value, i) => (flushes && Math.abs(sources[i]!) < 2 ** -126 ? 0 : value))
      expect(timesOne(backend, side, 'bfloat16')).toEqual(withoutSign(seen))
    }
  })

  test('happens only where it is asked for', () => {
    for (const backend of backends) expect(timesOne(backend, 'left', 'float32')).toEqual(withoutSign(sources))
  })
})

/** The nearest bfloat16, of what is no NaN. */
function rounded(x: number): number {
  const word = new Uint32Array(Float32Array.of(x).buffer)
  return floatOf(((word[0]! + 0x7fff + ((word[0]! >>> 16) & 1)) & 0xffff0000) >>> 0)
}

test('NaN and infinities go where they should, and nowhere else', () => {
  const [m, n, k] = [37, 45, 41]
  // Small whole numbers, of which no product or sum is rounded; a number above those of bfloat16 becomes infinite.
  const [left, right] = [m * k, k * n].map((size, i) =>
    Float32Array.from({ length: size }, (_, j) => ((j + i) % 7) - 3),
  )
  left![2 * k + 5] = NaN
  left![20 * k + 7] = -Infinity
  left![33 * k + 40] = 3.4028235e38
  right![7 * n + 44] = Infinity
  const wanted = new Float32Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let p = 0; p < k; p++) wanted[i * n + j]! += rounded(left![i * k + p]!) * rounded(right![p * n + j]!)
  for (const native of [true, false]) {
    const backend = new CpuBackend({ threads: 1, native })
    expect(rounding(backend, left!, right!, [m, n, k])).toEqual(wanted)
    backend.dispose()
  }
  expect(new Set(wanted.filter((value) => !Number.isFinite(value)))).toEqual(new Set([NaN, Infinity, -Infinity]))
})

// Intel's manual, volume 2, TDPBF16PS: of 32 steps, sums of the even and of the odd ones, each addition rounded, then both.
test.skipIf(!hasAmx)("by AMX a product has the bits of the manual's pseudocode", () => {
  const [m, n, k] = [33, 50, 100]
  const [left, right] = [randomValues(m * k, 3), randomValues(k * n, 4)]
  const wanted = new Float32Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let first = 0; first < k; first += 32) {
        const sums = new Float32Array(2)
        // Exact in float64, so that adding rounds but once.
        for (let p = first; p < Math.min(k, first + 32); p++)
          sums[p % 2]! += rounded(left[i * k + p]!) * rounded(right[p * n + j]!)
        wanted[i * n + j]! += Math.fround(sums[0]! + sums[1]!)
      }
  const backend = new CpuBackend({ threads: 1 })
  expect(rounding(backend, left, right, [m, n, k])).toEqual(wanted)
  backend.dispose()
})

test.skipIf(!hasAmx)('a thread that is done has no tiles, which every switch of threads would have to save', () => {
  const backend = new CpuBackend({ threads: 1 })
  rounding(backend, randomValues(40 * 40, 5), randomValues(40 * 40, 6), [40, 40, 40])
  backend.dispose()
  // mov ecx, 1; xgetbv; mov [rdi], eax; ret: which parts of the processor's state are in use, XCR0 permitting.
  const [code] = makeExecutable([Uint8Array.from([0xb9, 1, 0, 0, 0, 0x0f, 0x01, 0xd0, 0x89, 0x07, 0xc3])])
  const memory = createSharedMemory({ bytes: 16 << 20 })
  callable(code!, 1)(addressOf(memory.memory))
  const [tileShapes, tileData] = [1 << 17, 1 << 18]
  const [inUse] = new Uint32Array(memory.buffer(), 0, 1)
  expect(inUse! & (tileShapes | tileData)).toBe(0)
  expect(inUse).toBeGreaterThan(0)
})

/** Elements as fixtures/bfloat16.py makes them. */
const values = (shape: number[], phase: number) =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(1.7 * i + phase)),
    shape,
  )

/** The largest |a − b| as a share of the largest |b|. */
function deviation(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a.length).toBe(b.length)
  return Math.max(...b.map((value, i) => Math.abs(value - a[i]!))) / Math.max(...b.map(Math.abs))
}

/** A product and its gradients by x and w, where the gradient of y is dy. */
function results(
  f: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor,
  [x, w, dy]: readonly [tf.Tensor, tf.Tensor, tf.Tensor],
): Record<keyof Results, Float32Array> {
  let y: Float32Array | undefined
  const { gradients } = valueAndGradients(() => {
    const product = f(x, w)
    y = product.dataSync() as Float32Array
    return tf.sum(tf.mul(product, dy))
  }, [x, w])
  const [dx, dw] = gradients.map((gradient) => gradient!.dataSync() as Float32Array)
  return { y: y!, dx: dx!, dw: dw! }
}

const offsets = () => tf.tensor1d([0, 7, 7, 20], 'int32')
const products = {
  linear: {
    f: (x: tf.Tensor, w: tf.Tensor) => linear(x, w),
    operands: () => [values([7, 40], 0.1), values([9, 40], 0.2), values([7, 9], 0.3)] as const,
  },
  grouped: {
    f: (x: tf.Tensor, w: tf.Tensor) => groupedMatMul(x as tf.Tensor2D, w, offsets()),
    operands: () => [values([20, 24], 0.4), values([3, 10, 24], 0.5), values([20, 10], 0.6)] as const,
  },
  matMul: {
    f: (x: tf.Tensor, w: tf.Tensor) => tf.matMul(x, w, false, true),
    operands: () => products.linear.operands(),
  },
  einsum: {
    f: (x: tf.Tensor, w: tf.Tensor) => tf.einsum('ik,jk->ij', x, w),
    operands: () => products.linear.operands(),
  },
}
const names = ['y', 'dx', 'dw'] as const

describe.each(Object.entries(products))('%s', (name, { f, operands }) => {
  const { autocast, rounded } = recorded[name === 'grouped' ? 'grouped' : 'linear']

  test('has the rounded operands’ products and gradients, on any number of threads', () => {
    const [one, ...others] = [1, 2, 3].map((threads) => {
      backend.setThreads(threads)
      return withPrecision('bf16', () => results(f, operands()))
    })
    for (const part of names) expect([part, deviation(one![part], rounded[part]) < 1e-6]).toEqual([part, true])
    for (const other of others) expect(other).toEqual(one)
  })

  test("has torch's under autocast, but for the rounding of its results", () => {
    const found = withPrecision('bf16', () => results(f, operands()))
    for (const part of names) expect([part, deviation(found[part], autocast[part]) < 2 ** -8]).toEqual([part, true])
  })

  test('is not what it is in float32', () => {
    const found = results(f, operands())
    for (const part of names) expect([part, deviation(found[part], rounded[part]) > 1e-4]).toEqual([part, true])
  })

  test('has the gradients of the precision it ran in, whatever surrounds it', () => {
    const [low, high] = ['bf16', 'float32'].map((precision) => withPrecision(precision, () => results(f, operands())))
    const [lowInside, highInside] = ['bf16', 'float32'].map((precision) =>
      withPrecision(precision === 'bf16' ? 'float32' : 'bf16', () =>
        results((x, w) => withPrecision(precision, () => f(x, w)), operands()),
      ),
    )
    expect(lowInside).toEqual(low)
    expect(highInside).toEqual(high)
  })
})

test('a product that is packed by several threads has the same bits', async () => {
  // Packing takes long enough for sleeping threads to come and help.
  const [a, b] = [
    tf.tensor(randomValues(2000 * 2000, 1), [2000, 2000]),
    tf.tensor(randomValues(8 * 2000, 2), [8, 2000]),
  ]
  const run = (threads: number) => {
    backend.setThreads(threads)
    const c = withPrecision('bf16', () => linear(a, b).dataSync<'float32'>())
    return Buffer.from(c.buffer, c.byteOffset, c.byteLength)
  }
  const one = run(1)
  run(3)
  await delay(300) // for the threads to start
  for (let i = 0; i < 5; i++) for (const threads of [2, 3]) expect(run(threads).equals(one)).toBe(true)
})

test('an element is as near as bfloat16 allows', () => {
  const [m, k, n] = [30, 300, 50]
  const [a, b] = [randomValues(m * k, 1), randomValues(n * k, 2)]
  const c = withPrecision('bf16', () => linear(tf.tensor(a, [m, k]), tf.tensor(b, [n, k])).dataSync())
  let worst = 0
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let [sum, size] = [0, 0]
      for (let p = 0; p < k; p++) {
        const product = a[i * k + p]! * b[j * k + p]!
        sum += product
        size += Math.abs(product)
      }
      worst = Math.max(worst, Math.abs(c[i * n + j]! - sum) / size)
    }
  }
  // Each operand is off by 2⁻⁸ of itself at most; float32 alone would be off by some 1e-7.
  expect(worst).toBeLessThan(2 ** -7)
  expect(worst).toBeGreaterThan(2 ** -16)
})
