// Products by a BLAS: against float64, refusals, and what `mixlab engines` says. By what `auto` finds here, and by each
// library in MIXLAB_TEST_BLAS (files with colons between them): one of 32-bit and one of 64-bit integers, say.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core'
import { assert, boolean, constantFrom, integer, property, record } from 'fast-check'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { backendName, CpuBackend } from '../src/backend.ts'
import { blasSetting, blasText } from '../src/blas.ts'
import { requireKoffi } from '../src/native/executable.ts'
import { activations, type Epilogue, multiply, type Product } from '../src/products.ts'
import { difference, randomValues } from './start.ts'

const text = blasText('auto')!
const missing = text.startsWith('products by') ? undefined : text
const libraries = ['auto', ...(process.env['MIXLAB_TEST_BLAS'] ?? '').split(':').filter((file) => file !== '')]

const bound = (k: number) => 5e-7 * Math.sqrt(k + 4)

/** An operand of rows × columns, each line of `pad` elements more than needed, `transposed` column by column. */
interface Layout {
  readonly transposed: boolean
  readonly pad: number
}

interface Case {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: Layout
  readonly right: Layout
  /** Elements between the rows of the result. */
  readonly gap: number
}

const strides = (rows: number, columns: number, { transposed, pad }: Layout): readonly [row: number, column: number] =>
  transposed ? [1, rows + pad] : [columns + pad, 1]

const activate: Record<keyof typeof activations, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  leakyrelu: (x) => (x < 0 ? 0.3 * x : x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  elu: (x) => (x < 0 ? Math.expm1(x) : x),
}

function place(backend: CpuBackend, values: ArrayLike<number>, shape = [values.length]): TensorInfo {
  const info = backend.output(shape, 'float32')
  backend.view(info).set(values)
  return info
}

/** A list of products in one result with NaN between and under them; what has to be there by the definition, in float64. */
function prepare(backend: CpuBackend, cases: readonly Case[], seed = 1) {
  const made: TensorInfo[] = []
  const keep = (values: ArrayLike<number>) => {
    const info = place(backend, values)
    made.push(info)
    return backend.pointer(info)
  }
  const widest = Math.max(...cases.map(({ n }) => n))
  const biasValues = randomValues(widest, seed + 1)
  const bias = keep(biasValues)
  const starts = cases.map((_, i) => cases.slice(0, i).reduce((sum, { m, n, gap }) => sum + m * (n + gap), 0))
  const total = cases.reduce((sum, { m, n, gap }) => sum + m * (n + gap), 0)
  const result = place(backend, new Float32Array(total).fill(NaN))
  made.push(result)
  const expected = ({ bias: at, activation = 'linear' }: Epilogue) => {
    const values = new Float64Array(total).fill(NaN)
    for (const [c, { m, n, k, left, right, gap }] of cases.entries()) {
      const [a, b] = operands[c]!
      const [[leftRow, leftDepth], [rightDepth, rightColumn]] = [strides(m, k, left), strides(k, n, right)]
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = at === undefined ? 0 : biasValues[j]!
          for (let p = 0; p < k; p++) {
            sum += a[i * leftRow + p * leftDepth]! * b[p * rightDepth + j * rightColumn]!
          }
          values[starts[c]! + i * (n + gap) + j] = activate[activation](sum)
        }
      }
    }
    return values
  }
  const operands = cases.map(({ m, n, k, left, right }, i) => {
    const size = (rows: number, columns: number, layout: Layout) =>
      layout.transposed ? (rows + layout.pad) * columns : rows * (columns + layout.pad)
    return [
      randomValues(size(m, k, left), seed + 2 * i + 2),
      randomValues(size(k, n, right), seed + 2 * i + 3),
    ] as const
  })
  const products = cases.map(({ m, n, k, left, right, gap }, i): Product => {
    const [[leftRow, leftDepth], [rightDepth, rightColumn]] = [strides(m, k, left), strides(k, n, right)]
    const [a, b] = operands[i]!
    return {
      left: keep(a),
      right: keep(b),
      result: backend.pointer(result) + 4 * starts[i]!,
      m,
      n,
      k,
      leftRow,
      leftDepth,
      rightDepth,
      rightColumn,
      resultRow: n + gap,
    }
  })
  return {
    products,
    bias,
    expected,
    found: () => Float32Array.from(backend.view(result)),
    release: () => made.forEach((info) => backend.release(info)),
  }
}

const layouts = record({ transposed: boolean(), pad: constantFrom(0, 0, 1, 5) })
const cases = (rows = integer({ min: 1, max: 70 })) =>
  record({
    m: rows,
    n: integer({ min: 1, max: 90 }),
    k: integer({ min: 0, max: 130 }),
    left: layouts,
    right: layouts,
    gap: constantFrom(0, 3),
  })
const tight: Layout = { transposed: false, pad: 0 }
const square = (size: number): Case => ({ m: size, n: size, k: size, left: tight, right: tight, gap: 0 })

describe.each(libraries)('%s', (blas) => {
  const absent = blas === 'auto' ? missing : undefined
  const backend = new CpuBackend({ threads: 1, blas })
  afterAll(() => backend.dispose())

  test('products of any shape, transposition, stride, bias and activation are those of float64', (context) => {
    context.skip(absent !== undefined, absent)
    const names = Object.keys(activations) as (keyof typeof activations)[]
    const calls = vi.spyOn(backend.blas!, 'multiply')
    assert(
      property(
        cases(),
        constantFrom(...names),
        boolean(),
        constantFrom(1, 2, 3),
        (shape, activation, biased, threads) => {
          backend.setThreads(threads)
          const list = prepare(backend, [shape])
          const epilogue: Epilogue = { activation, parameter: 0.3, ...(biased && { bias: list.bias }) }
          multiply(backend, list.products, epilogue)
          expect(difference(list.found(), list.expected(epilogue))).toBeLessThan(bound(shape.k))
          list.release()
        },
      ),
      { numRuns: 300 },
    )
    expect(calls.mock.results.filter(({ value }) => value.done.length === 1).length).toBeGreaterThan(150)
    calls.mockRestore()
  })

  test('lists of products, large ones among small and empty ones', (context) => {
    context.skip(absent !== undefined, absent)
    assert(
      property(cases(), cases(), boolean(), constantFrom(1, 2, 3), (one, other, biased, threads) => {
        backend.setThreads(threads)
        const list = prepare(backend, [
          square(40),
          one,
          { ...square(7), k: 0 },
          other,
          square(3),
          { ...square(101), m: 400 },
        ])
        const epilogue: Epilogue = { activation: 'elu', ...(biased && { bias: list.bias }) }
        multiply(backend, list.products, epilogue)
        expect(difference(list.found(), list.expected(epilogue))).toBeLessThan(bound(130))
        list.release()
      }),
      { numRuns: 40 },
    )
  })

  test('it takes what it is faster at and can describe, and leaves the rest to our kernels', (context) => {
    context.skip(absent !== undefined, absent)
    const taken = (shape: Case, more: Partial<Product> = {}, count = 1, threads = 1) => {
      const list = prepare(backend, Array<Case>(count).fill(shape))
      const { done, rest } = backend.blas!.multiply(
        list.products.map((product) => ({ ...product, ...more })),
        threads,
      )
      list.release()
      expect(done.length + rest.length).toBe(count)
      return done.length
    }
    expect(taken(square(16))).toBe(1)
    expect(taken(square(15))).toBe(0)
    // Two strides, a row beside itself, rows that overlap.
    expect(taken(square(20), { leftRow: 40, leftDepth: 2 })).toBe(0)
    expect(taken(square(20), { rightColumn: 0, rightDepth: 20 })).toBe(0)
    expect(taken(square(20), { leftRow: 19 })).toBe(0)
    expect(taken(square(20), { resultRow: 19 })).toBe(0)
    // Few rows, of a matrix that stays in the cache and of one that does not.
    expect(taken({ ...square(512), m: 1 })).toBe(1)
    expect(taken({ ...square(520), m: 5 })).toBe(0)
    expect(taken({ ...square(520), m: 6 })).toBe(1)
    // A list that our threads share better.
    expect(taken(square(20), {}, 3, 2)).toBe(3)
    if (process.platform !== 'darwin') expect(taken(square(20), {}, 3, 8)).toBe(0)
  })

  test('matMul and the grouped products of members', (context) => {
    context.skip(absent !== undefined, absent)
    const run = (name: string, inputs: Record<string, TensorInfo>, attrs: object) =>
      getKernel(name, backendName).kernelFunc({ inputs, backend, attrs: attrs as never }) as TensorInfo
    const [slots, inner, outer] = [120, 40, 36]
    const offsets = [3, 70, 71, 71, 118]
    const [xValues, wValues, dyValues] = [slots * inner, 4 * inner * outer, slots * outer].map(randomValues)
    const x = place(backend, xValues!, [slots, inner])
    const dy = place(backend, dyValues!, [slots, outer])
    const bounds = backend.output([5], 'int32')
    backend.view(bounds).set(offsets)
    const member = (slot: number) => offsets.findLastIndex((first) => first <= slot)
    for (const transposeB of [false, true]) {
      const w = place(backend, wValues!, transposeB ? [4, outer, inner] : [4, inner, outer])
      const at = (e: number, p: number, j: number) =>
        transposeB ? (e * outer + j) * inner + p : (e * inner + p) * outer + j
      const y = new Float64Array(slots * outer)
      const dw = new Float64Array(4 * inner * outer)
      for (let slot = 3; slot < 118; slot++) {
        for (let j = 0; j < outer; j++) {
          for (let p = 0; p < inner; p++) {
            const place = at(member(slot), p, j)
            y[slot * outer + j]! += xValues![slot * inner + p]! * wValues![place]!
            dw[place]! += xValues![slot * inner + p]! * dyValues![slot * outer + j]!
          }
        }
      }
      const forward = run('mixlab.GroupedMatMul', { x, w, offsets: bounds }, { transposeB })
      expect(difference(backend.view(forward), y)).toBeLessThan(bound(inner))
      const gradient = run('mixlab.GroupedMatMulGradW', { x, dy, offsets: bounds }, { transposeB })
      expect(difference(backend.view(gradient), dw)).toBeLessThan(bound(slots))
      for (const transposeA of [false, true]) {
        const a = place(backend, xValues!.subarray(0, 3 * 32 * 40), transposeA ? [3, 40, 32] : [3, 32, 40])
        const b = place(backend, wValues!.subarray(0, 40 * 24), transposeB ? [24, 40] : [40, 24])
        const c = run('BatchMatMul', { a, b }, { transposeA, transposeB })
        expect(c.shape).toEqual([3, 32, 24])
        const expected = Float64Array.from({ length: 3 * 32 * 24 }, (_, index) => {
          const [batch, i, j] = [Math.floor(index / 768), Math.floor(index / 24) % 32, index % 24]
          let sum = 0
          for (let p = 0; p < 40; p++) {
            const left = batch * 1280 + (transposeA ? p * 32 + i : i * 40 + p)
            sum += xValues![left]! * wValues![transposeB ? j * 40 + p : p * 24 + j]!
          }
          return sum
        })
        expect(difference(backend.view(c), expected)).toBeLessThan(bound(40))
      }
    }
  })

  test('it works with as many threads as the engine, whoever asked it before', (context) => {
    context.skip(absent !== undefined, absent)
    const library = requireKoffi().load(/\((.*)\)$/.exec(backend.blas!.name)?.[1] ?? '')
    const asked = [
      'openblas_get_num_threads',
      'scipy_openblas_get_num_threads',
      'scipy_openblas_get_num_threads64_',
      'bli_thread_get_num_threads',
    ]
    const count = asked.flatMap((name) => {
      try {
        return [library.func(name, 'int', [])]
      } catch {
        return []
      }
    })[0]
    context.skip(count === undefined, `${backend.blas!.name} does not say with how many`)
    const other = new CpuBackend({ threads: 3, blas })
    for (const [engine, threads] of [
      [backend, 2],
      [other, 3],
      [backend, 1],
    ] as const) {
      engine.setThreads(threads)
      const list = prepare(engine, [square(40)])
      multiply(engine, list.products)
      expect(count!()).toBe(threads)
      list.release()
    }
    other.dispose()
  })

  test('operands where the memory has grown since', (context) => {
    context.skip(absent !== undefined, absent)
    const grown = new CpuBackend({ threads: 1, blas })
    const before = grown.usage().reservedBytes
    grown.output([before / 4], 'float32')
    const list = prepare(grown, [square(50)])
    expect(list.products[0]!.left).toBeGreaterThan(before)
    multiply(grown, list.products)
    expect(difference(list.found(), list.expected({}))).toBeLessThan(bound(50))
    grown.dispose()
  })

  test('products in bfloat16 stay ours', (context) => {
    context.skip(absent !== undefined, absent)
    const ours = new CpuBackend({ threads: 1, blas: 'off' })
    const found = [backend, ours].map((each) => {
      const list = prepare(each, [square(60)])
      multiply(each, list.products, { precision: 'bfloat16' })
      return list.found()
    })
    expect(found[0]).toEqual(found[1])
    ours.dispose()
  })

  test('its threads rest after a product, as ours do', (context) => {
    context.skip(absent !== undefined, absent)
    const script = `
      import { CpuBackend } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      import { multiply } from ${JSON.stringify(new URL('../src/products.ts', import.meta.url).href)}
      const backend = new CpuBackend({ threads: 2, blas: ${JSON.stringify(blas)} })
      const size = 300
      const [left, right, result] = [1, 2, 3].map(() => backend.pointer(backend.output([size * size], 'float32')))
      const strides = { leftRow: size, leftDepth: 1, rightDepth: size, rightColumn: 1, resultRow: size }
      let least = Infinity
      for (let round = 0; round < 5; round++) {
        multiply(backend, [{ left, right, result, m: size, n: size, k: size, ...strides }])
        const before = process.cpuUsage()
        await new Promise((resolve) => setTimeout(resolve, 100))
        const { user, system } = process.cpuUsage(before)
        least = Math.min(least, user + system)
      }
      console.log(least)`
    const env = { ...process.env }
    for (const name of ['OPENBLAS_THREAD_TIMEOUT', 'KMP_BLOCKTIME']) delete env[name]
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env })
    expect(run.status).toBe(0)
    expect(Number(run.stdout)).toBeLessThan(5000)
  })

  test('several threads of a process use it at once, and end', (context) => {
    context.skip(absent !== undefined, absent)
    const script = `
      import { isMainThread, Worker } from 'node:worker_threads'
      import { CpuBackend } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      import { multiply } from ${JSON.stringify(new URL('../src/products.ts', import.meta.url).href)}
      const done = isMainThread && [1, 2].map(() => new Promise((ended) => new Worker(process.argv[1]).on('exit', ended)))
      const backend = new CpuBackend({ threads: isMainThread ? 2 : 1, blas: ${JSON.stringify(blas)} })
      const size = 150
      const [a, b, c] = [1, 2, 0].map((value) => {
        const info = backend.output([size * size], 'float32')
        backend.view(info).fill(value)
        return info
      })
      const [left, right, result] = [a, b, c].map((info) => backend.pointer(info))
      const strides = { leftRow: size, leftDepth: 1, rightDepth: size, rightColumn: 1, resultRow: size }
      for (let i = 0; i < 200; i++) {
        backend.view(c).fill(0)
        multiply(backend, [{ left, right, result, m: size, n: size, k: size, ...strides }])
        if (!backend.view(c).every((value) => value === 2 * size)) throw new Error('wrong')
      }
      if (done) console.log(await Promise.all(done))`
    const folder = mkdtempSync(join(tmpdir(), 'mixlab-blas-'))
    const file = join(folder, 'main.mjs')
    writeFileSync(file, script)
    const run = spawnSync(process.execPath, [file], { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect(run).toMatchObject({ status: 0, stdout: '[ 0, 0 ]\n' })
  })
})

describe('settings', () => {
  test('a BLAS is used where asked for, or where there is no machine code of ours', () => {
    expect(blasSetting(true, '')).toBe('off')
    expect(blasSetting(true, 'auto')).toBe('auto')
    expect(blasSetting(false, '/lib/libfast.so')).toBe('/lib/libfast.so')
    expect(blasSetting(false, 'off')).toBe('off')
    vi.stubEnv('MIXLAB_NATIVE', '')
    expect(blasSetting(false, '')).toBe('auto')
    vi.stubEnv('MIXLAB_NATIVE', 'off')
    expect(blasSetting(false, '')).toBe('off')
    vi.stubEnv('MIXLAB_BLAS', 'auto')
    const portable = new CpuBackend({ threads: 1, native: false })
    expect(portable.blas).toBeUndefined()
    portable.dispose()
    vi.unstubAllEnvs()
  })

  test('what is no library, or none with products, is refused in one line', (context) => {
    context.skip(process.platform !== 'linux', 'the messages are those of the loader of Linux')
    const open = (blas: string) => () => new CpuBackend({ threads: 1, blas }).dispose()
    const wanted = 'expected off, auto, or the file of a library such as OpenBLAS, MKL or BLIS'
    const absent = '/nowhere/libopenblas.so'
    expect(open(absent)).toThrow(
      `MIXLAB_BLAS=${absent} does not load (cannot open shared object file: No such file or directory); ${wanted}`,
    )
    const source = new URL(import.meta.url).pathname
    expect(open(source)).toThrow(/^MIXLAB_BLAS=\S+blas\.test\.ts does not load \(.*\); expected off, auto, or the file/)
    expect(open('libm.so.6')).toThrow(
      "MIXLAB_BLAS=libm.so.6 is not a BLAS with C's interface: it has none of cblas_sgemm, cblas_sgemm64_, " +
        `cblas_sgemm_64, scipy_cblas_sgemm, scipy_cblas_sgemm64_; ${wanted}`,
    )
  })

  test('the engine says which is used, where it was looked for, and refuses at its start', () => {
    const script = `
      import { cpuEngine } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      console.log((await cpuEngine.available()).detail)
      const started = await cpuEngine.start().then((engine) => engine.describe().products, (error) => error.name)
      console.log(started)`
    const say = (setting: string) => {
      const env = { ...process.env, MIXLAB_BLAS: setting }
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env })
      return run.stdout.trimEnd().split('\n') as [detail: string, started: string]
    }
    const [off, nothing] = say('off')
    expect(off).not.toMatch(/BLAS|products/)
    expect(nothing).toBe('undefined')
    const [detail, started] = say('auto')
    expect(detail).toBe(`${off}; ${text}`)
    if (missing === undefined) expect(text).toBe(`products by ${started}`)
    else expect(text).toMatch(/^no BLAS: (none found \(asked the loader for |where to look on |koffi is not )/)
    expect(say('/nowhere/libopenblas.so')).toEqual([`${off}; products as MIXLAB_BLAS says`, 'MixlabError'])
  })
})
