// Products of few rows in machine code against WebAssembly's, bit for bit: lists of products whose operands lie in any
// way, in a result with a border that nothing may touch.
import { spawnSync } from 'node:child_process'
import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { findProcessor } from '../src/native/executable.ts'
import { type Epilogue, multiply, type Product } from '../src/products.ts'
import { randomValues } from './start.ts'

const processor = findProcessor()
const reason = typeof processor === 'string' ? processor : undefined

const border = 3

/** How an operand lies: its rows side by side, its columns, or neither; `gap` floats lie between two of the longer. */
interface Layout {
  readonly kind: 'rows' | 'columns' | 'neither'
  readonly gap: number
}

interface Given {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: Layout
  readonly right: Layout
}

/** Strides of [rows, columns], and the floats that it takes. */
function lay({ kind, gap }: Layout, rows: number, columns: number): { row: number; column: number; floats: number } {
  if (kind === 'rows') return { row: columns + gap, column: 1, floats: rows * (columns + gap) }
  if (kind === 'columns') return { row: 1, column: rows + gap, floats: columns * (rows + gap) }
  return { row: 2 * columns + gap, column: 2, floats: rows * (2 * columns + gap) }
}

/** The bits of all results, borders included. */
function bits(backend: CpuBackend, given: readonly Given[], epilogue: Epilogue, values: Float32Array): string {
  let taken = 0
  const infos: TensorInfo[] = []
  const place = (floats: number, fill?: number) => {
    const info = backend.output([floats], 'float32')
    const view = backend.view(info) as Float32Array
    if (fill === undefined) for (let i = 0; i < floats; i++) view[i] = values[taken++ % values.length]!
    else view.fill(fill)
    infos.push(info)
    return backend.pointer(info)
  }
  const most = Math.max(...given.map(({ n }) => n))
  const bias = place(most)
  const results: { at: number; floats: number }[] = []
  const products = given.map(({ m, n, k, left, right }): Product => {
    const [a, b] = [lay(left, m, k), lay(right, k, n)]
    const floats = m * (n + border)
    const result = place(floats, 7)
    results.push({ at: result, floats })
    return {
      left: place(a.floats),
      right: place(b.floats),
      result,
      m,
      n,
      k,
      leftRow: a.row,
      leftDepth: a.column,
      rightDepth: b.row,
      rightColumn: b.column,
      resultRow: n + border,
    }
  })
  multiply(backend, products, { ...epilogue, ...(epilogue.bias !== undefined && { bias }) })
  const text = results
    .map(({ at, floats }) => Buffer.from((backend.viewAt(at, floats) as Float32Array).slice().buffer).toString('hex'))
    .join(' ')
  for (const info of infos) backend.release(info)
  return text
}

test('have the bits of WebAssembly, however their operands lie, on one thread as on three', (context) => {
  context.skip(reason !== undefined, `no machine code here: ${reason}`)
  const portable = new CpuBackend({ threads: 1, native: false })
  const backends = [1, 2, 3].map((threads) => new CpuBackend({ threads }))
  expect(backends.map((backend) => backend.native())).toEqual([processor, processor, processor])
  const layout = record({ kind: constantFrom('rows', 'columns', 'neither'), gap: constantFrom(0, 1, 5) })
  const size = (max: number) => integer({ min: 1, max })
  const given = record({
    m: size(5),
    n: size(150),
    k: integer({ min: 0, max: 300 }),
    left: layout,
    right: layout,
  })
  const special = constantFrom(0, NaN, Infinity, -Infinity, 1e-42, -0, 3e38)
  const activation = constantFrom('linear', 'relu', 'leakyrelu', 'elu')
  assert(
    property(
      array(given, { minLength: 1, maxLength: 3 }),
      activation,
      boolean(),
      special,
      integer(),
      (products, activation, withBias, value, seed) => {
        const values = randomValues(9973, seed)
        for (let i = 0; i < 4; i++) values[(7919 * (i + 1)) % values.length] = value
        const epilogue: Epilogue = { activation, parameter: 0.2, ...(withBias && { bias: 0 }) }
        const wanted = bits(portable, products, epilogue, values)
        for (const backend of backends) expect(bits(backend, products, epilogue, values) === wanted).toBe(true)
      },
    ),
    { numRuns: 300 },
  )
  for (const backend of [portable, ...backends]) backend.dispose()
})

test('a product that has no depth is its bias, however many rows it has', (context) => {
  context.skip(reason !== undefined, `no machine code here: ${reason}`)
  const plain: Layout = { kind: 'rows', gap: 0 }
  const given = [{ m: 11, n: 21, k: 0, left: plain, right: plain }]
  const [portable, native] = [false, true].map((native) => {
    const backend = new CpuBackend({ threads: 1, native })
    const text = bits(backend, given, { bias: 0 }, randomValues(99, 1))
    backend.dispose()
    return text
  })
  expect(native).toBe(portable)
})

test('nothing beside the operands is read: behind the last element of the memory the process would end', (context) => {
  context.skip(reason !== undefined, `no machine code here: ${reason}`)
  const source = (file: string) => JSON.stringify(new URL(`../src/${file}`, import.meta.url).href)
  const script = `
    import { CpuBackend } from ${source('backend.ts')}
    import { multiply } from ${source('products.ts')}
    const backend = new CpuBackend({ threads: 1, memoryLimit: 32 << 20 })
    const info = backend.output([1 << 16], 'float32')
    const free = backend.pointer(info)
    const end = backend.view(info).buffer.byteLength
    let products = 0
    for (const m of [1, 2, 5])
      for (const n of [1, 5, 16, 23, 37, 140])
        for (const k of [1, 7, 16, 33])
          for (const along of [true, false])
            for (const last of ['left', 'right']) {
              const left = last === 'left' ? end - 4 * m * k : free
              const right = last === 'right' ? end - 4 * n * k : free
              const strides = { leftRow: k, leftDepth: 1, rightDepth: along ? 1 : n, rightColumn: along ? k : 1 }
              multiply(backend, [{ left, right, result: free + (1 << 17), m, n, k, ...strides, resultRow: n }])
              products++
            }
    console.log(products)`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect({ ...run, pid: 0 }).toMatchObject({ status: 0, signal: null, stdout: '288\n' })
})
