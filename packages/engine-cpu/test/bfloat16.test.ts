// Products in bfloat16: how operands are rounded, against torch's own rounding.
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { multiply, type Product } from '../src/products.ts'

interface Recorded {
  /** Bits of float32 and of the bfloat16 that torch makes of it. */
  readonly rounding: readonly (readonly [float32: string, bfloat16: string])[]
}

const recorded = JSON.parse(readFileSync(new URL('fixtures/bfloat16.json', import.meta.url), 'utf8')) as Recorded

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
    for (const backend of backends) expect(timesOne(backend, side, 'bfloat16')).toEqual(withoutSign(wanted))
  })

  test('happens only where it is asked for', () => {
    for (const backend of backends) expect(timesOne(backend, 'left', 'float32')).toEqual(withoutSign(sources))
  })
})
