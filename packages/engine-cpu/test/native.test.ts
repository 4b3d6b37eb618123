// Products in machine code against WebAssembly's, bit for bit, and doing without machine code.
import { spawnSync } from 'node:child_process'
import { assert, boolean, constantFrom, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { findProcessor } from '../src/native/executable.ts'
import { formOf } from '../src/product-forms.ts'
import { type Epilogue, multiply, type Product } from '../src/products.ts'
import { randomValues } from './start.ts'

const processor = findProcessor()
const reason = typeof processor === 'string' ? processor : undefined

interface Shape {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** The bits of a product with a bias and an activation, in a result with a border around it that nothing may touch. */
function bits(
  backend: CpuBackend,
  { m, n, k, transposeA, transposeB }: Shape,
  epilogue: Epilogue,
  values: Float32Array,
) {
  const place = (data: Float32Array) => {
    const info = backend.output([data.length], 'float32')
    backend.view(info).set(data)
    return info
  }
  const border = 3
  const a = place(values.subarray(0, m * k))
  const b = place(values.subarray(m * k, (m + n) * k))
  const bias = place(values.subarray(0, n))
  const c = place(new Float32Array(m * (n + border)).fill(7))
  const product: Product = {
    left: backend.pointer(a),
    right: backend.pointer(b),
    result: backend.pointer(c),
    m,
    n,
    k,
    leftRow: transposeA ? 1 : k,
    leftDepth: transposeA ? m : 1,
    rightDepth: transposeB ? 1 : n,
    rightColumn: transposeB ? k : 1,
    resultRow: n + border,
  }
  multiply(backend, [product], { ...epilogue, ...(epilogue.bias !== undefined && { bias: backend.pointer(bias) }) })
  const result = new Float32Array(backend.view(c) as Float32Array).slice()
  for (const info of [a, b, bias, c]) backend.release(info)
  return Buffer.from(result.buffer).toString('hex')
}

describe('products', () => {
  test('have the bits of WebAssembly, whatever the shape, the values and the number of threads', (context) => {
    context.skip(reason !== undefined, `no machine code here: ${reason}`)
    const portable = new CpuBackend({ threads: 1, native: false })
    const backends = [new CpuBackend({ threads: 1 }), new CpuBackend({ threads: 3 })]
    expect(backends.map((backend) => backend.native())).toEqual([processor, processor])
    const size = (max: number) => integer({ min: 1, max })
    const special = constantFrom(0, NaN, Infinity, -Infinity, 1e-42, -0, 3e38)
    assert(
      property(
        size(90),
        size(140),
        integer({ min: 0, max: 600 }),
        boolean(),
        boolean(),
        constantFrom('linear', 'relu', 'sigmoid'),
        boolean(),
        special,
        (m, n, k, transposeA, transposeB, activation, withBias, value) => {
          const values = randomValues(Math.max(n, (m + n) * k), m + n + k)
          values[Math.floor(values.length / 3)] = value
          const epilogue: Epilogue = { activation, ...(withBias && { bias: 0 }) }
          const shape = { m, n, k, transposeA, transposeB }
          // By AMX the sums are others (amx-float32.test.ts), and those of one thread.
          const isOfAmx = formOf(processor!, 'float32', shape).multiply === 'multiplyTilesAmxFloat32'
          const wanted = bits(isOfAmx ? backends[0]! : portable, shape, epilogue, values)
          for (const backend of backends) expect(bits(backend, shape, epilogue, values) === wanted).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
    for (const backend of [portable, ...backends]) backend.dispose()
  })

  test('MIXLAB_NATIVE=off leaves them to WebAssembly, and the engine says so', () => {
    const entry = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
    const script = `
      import { CpuBackend, cpuEngine } from ${entry}
      console.log(new CpuBackend().native(), (await cpuEngine.available()).detail)`
    const env = { ...process.env, MIXLAB_NATIVE: 'off' }
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env })
    expect(run.stdout).toMatch(/^MIXLAB_NATIVE=off WebAssembly SIMD on .*; no machine code: MIXLAB_NATIVE=off$/m)
  })
})
