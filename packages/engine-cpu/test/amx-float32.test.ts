// Float32 products by AMX: nearer to the exact ones than the chains of fused multiply-adds that all other kernels compute, and
// the same where there are numbers that bfloat16 has no parts for.
import { assert, array, constantFrom, integer, property } from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { findProcessor } from '../src/native/executable.ts'
import { formOf } from '../src/product-forms.ts'
import { product, type ProductShape as Shape } from './product.ts'
import { randomValues } from './start.ts'

const processor = findProcessor()
const hasAmx = typeof processor === 'object' && processor.amxFloat32

test('is for large products, where no two processors share a core', () => {
  const native = { set: 'avx512', bfloat16: true, amx: true, amxFloat32: true, firstLevelWays: 12 } as const
  const kernel = (
    m: number,
    n: number,
    k: number,
    by: typeof native | (Omit<typeof native, 'amxFloat32'> & { amxFloat32: false }),
  ) => formOf(by, 'float32', { m, n, k }).multiply
  expect(kernel(80, 80, 32, native)).toBe('multiplyTilesAmxFloat32')
  expect(kernel(79, 79, 32, native)).toBe('multiplyTiles')
  expect(kernel(80, 80, 31, native)).toBe('multiplyTiles')
  expect(kernel(40, 10_000, 512, native)).toBe('multiplyTiles')
  expect(kernel(80, 80, 32, { ...native, amxFloat32: false })).toBe('multiplyTiles')
})

describe.skipIf(!hasAmx)('float32 by AMX', () => {
  const [amx, chains] = [true, false].map((native) => new CpuBackend({ threads: 2, native })) as [
    CpuBackend,
    CpuBackend,
  ]
  afterAll(() => {
    for (const backend of [amx, chains]) backend.dispose()
  })

  /** The root of the mean square of (found − exact) / Σ |a · b|. */
  function error(found: Float32Array, { m, n, k }: Shape, left: Float32Array, right: Float32Array): number {
    let squares = 0
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let [sum, size] = [0, 0]
        for (let p = 0; p < k; p++) {
          const each = left[i * k + p]! * right[p * n + j]!
          sum += each
          size += Math.abs(each)
        }
        squares += ((found[i * n + j]! - sum) / size) ** 2
      }
    return Math.sqrt(squares / (m * n))
  }

  test.each<Shape>([
    { m: 96, n: 96, k: 32 },
    { m: 130, n: 100, k: 256 },
    { m: 100, n: 130, k: 1000 },
  ])('of $m × $k · $k × $n has at most two thirds of the error', (shape) => {
    expect(formOf(processor as Exclude<typeof processor, string>, 'float32', shape).multiply).toMatch(/AmxFloat32$/)
    const { m, n, k } = shape
    const operands = [randomValues(m * k, 1), randomValues(k * n, 2)] as const
    const [ours, theirs] = [amx, chains].map((backend) =>
      error(product(backend, shape, ...operands), shape, ...operands),
    )
    expect(ours).toBeLessThan(2 ** -24)
    expect(ours! / theirs!).toBeLessThan(2 / 3)
  })

  test('whole numbers of up to 12 digits are multiplied exactly', () => {
    const shape = { m: 96, n: 97, k: 33 }
    const whole = (count: number, seed: number) => randomValues(count, seed).map((x) => Math.round(x * 300))
    const operands = [whole(96 * 33, 3), whole(33 * 97, 4)] as const
    expect(product(amx, shape, ...operands)).toEqual(product(chains, shape, ...operands))
  })

  test('numbers too small for three parts leave those beside them alone', () => {
    const shape = { m: 96, n: 97, k: 64 }
    const small = [1e-40, -1e-40, 2 ** -149, -(2 ** -149), 2 ** -126, 1e-38, 3e-36, -1.2345678e-33, 1e-31, 0, -0]
    const withSmall = (x: Float32Array, first: number) => {
      for (let i = first; i < x.length; i += 5) x[i] = small[(i + first) % small.length]!
      return x
    }
    for (let first = 0; first < 5; first++) {
      const operands = [
        withSmall(randomValues(96 * 64, 7), first),
        withSmall(randomValues(64 * 97, 8), 4 - first),
      ] as const
      const [found, wanted] = [amx, chains].map((backend) => product(backend, shape, ...operands))
      for (const [i, x] of wanted!.entries()) expect(Math.abs(found![i]! - x)).toBeLessThan(1e-5)
    }
  })

  test('infinities, NaN and the largest numbers give what chains of multiply-adds give', () => {
    const shape = { m: 96, n: 130, k: 300 }
    const odd = constantFrom(NaN, Infinity, -Infinity, 3.4028235e38, -3.4028235e38, 3.39e38, 2e38)
    const places = array(integer({ min: 0, max: 96 * 300 - 1 }), { maxLength: 3 })
    let others = 0
    assert(
      property(places, places, odd, (inLeft, inRight, value) => {
        const operands = [randomValues(96 * 300, 5), randomValues(300 * 130, 6)] as const
        for (const place of inLeft) operands[0][place] = value
        for (const place of inRight) operands[1][place] = value
        const [found, wanted] = [amx, chains].map((backend) => product(backend, shape, ...operands))
        for (const [i, x] of wanted!.entries()) {
          if (!Number.isFinite(x)) others++
          if (Object.is(found![i], x)) continue
          // Sums of hundreds, unless there are such numbers in them.
          const size = Math.abs(x) < 1e30 ? 300 : 4e38
          if (!(Math.abs(found![i]! - x) <= 1e-6 * size))
            throw new Error(`element ${i} is ${found![i]} instead of ${x}`)
        }
      }),
      { numRuns: 40 },
    )
    expect(others).toBeGreaterThan(1000)
  })
})
