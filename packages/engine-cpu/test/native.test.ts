// Machine code against its WebAssembly twin, bit for bit; its bytes against a disassembler; and that it keeps to its memory.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, boolean, constantFrom, integer, property } from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { obstacle } from '../src/native/executable.ts'
import { assembleProduct } from '../src/native/product-kernel.ts'
import { type Epilogue, multiply, type Product } from '../src/products.ts'
import { randomValues } from './start.ts'

const reason = obstacle()
const source = (name: string) => JSON.stringify(new URL(`../src/native/${name}`, import.meta.url).href)

/** The instructions as objdump prints them. */
function disassembled(code: Uint8Array): string[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'code.bin')
  writeFileSync(file, code)
  const options = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn', file]
  const run = spawnSync('objdump', options, { encoding: 'utf8' })
  if (run.status !== 0) return undefined
  const lines = run.stdout.split('\n').flatMap((line) => /^\s+[\da-f]+:\s+(.*\S)/.exec(line)?.[1] ?? [])
  return lines.map((line) => line.replace(/\s+/g, ' '))
}

describe('the encoder', () => {
  const code = assembleProduct({ rows: 1, accumulate: true })

  /** As the disassembler below read them. */
  const recorded =
    '4c8b9424080000004c89c8c5f892c848c1e810c5f892d04d89cb49c1eb204889d062f17cc910800000000062f17cca10' +
    '88400000004c01c0514989f94889f062617c4810a00000000062617c4810a84000000062427d4818b10000000062920d' +
    '40b8c462920d40b8cd4981c1380000004881c08000000048ffc90f85bfffffff594889d062f17c4911800000000062f1' +
    '7c4a1188400000004c01c04889c24c01d749ffcb0f8574ffffffc5f877c3'

  test('writes the recorded bytes', () => {
    expect(Buffer.from(code).toString('hex')).toBe(recorded)
  })

  test('writes what a disassembler reads', (context) => {
    const lines = disassembled(code)
    context.skip(lines === undefined, 'objdump (binutils) is not installed here')
    expect(lines).toEqual([
      'mov r10,QWORD PTR [rsp+0x8]',
      'mov rax,r9',
      'kmovw k1,eax',
      'shr rax,0x10',
      'kmovw k2,eax',
      'mov r11,r9',
      'shr r11,0x20',
      'mov rax,rdx',
      'vmovups zmm0{k1}{z},ZMMWORD PTR [rax+0x0]',
      'vmovups zmm1{k2}{z},ZMMWORD PTR [rax+0x40]',
      'add rax,r8',
      'push rcx',
      'mov r9,rdi',
      'mov rax,rsi',
      'vmovups zmm28,ZMMWORD PTR [rax+0x0]',
      'vmovups zmm29,ZMMWORD PTR [rax+0x40]',
      'vbroadcastss zmm30,DWORD PTR [r9+0x0]',
      'vfmadd231ps zmm0,zmm30,zmm28',
      'vfmadd231ps zmm1,zmm30,zmm29',
      'add r9,0x38',
      'add rax,0x80',
      'dec rcx',
      expect.stringMatching(/^jne 0x/),
      'pop rcx',
      'mov rax,rdx',
      'vmovups ZMMWORD PTR [rax+0x0]{k1},zmm0',
      'vmovups ZMMWORD PTR [rax+0x40]{k2},zmm1',
      'add rax,r8',
      'mov rdx,rax',
      'add rdi,r10',
      'dec r11',
      expect.stringMatching(/^jne 0x/),
      'vzeroupper',
      'ret',
    ])
    for (const rows of [2, 7, 14])
      for (const accumulate of [false, true])
        expect(disassembled(assembleProduct({ rows, accumulate }))!.join()).not.toMatch(/bad|rex|data16/)
  })
})

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
    expect(backends.map((backend) => backend.native())).toEqual([true, true])
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
          const wanted = bits(portable, shape, epilogue, values)
          for (const backend of backends) expect(bits(backend, shape, epilogue, values) === wanted).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
    for (const backend of [portable, ...backends]) backend.dispose()
  })

  test('never touch what lies behind their operands', (context) => {
    context.skip(reason !== undefined, `no machine code here: ${reason}`)
    // In a process of its own: a step too far is a segmentation fault.
    const script = `
      import { createRequire } from 'node:module'
      import { callable, makeExecutable } from ${source('executable.ts')}
      import { assembleProduct } from ${source('product-kernel.ts')}
      const koffi = createRequire(${source('executable.ts')})('koffi')
      const libc = koffi.load('libc.so.6')
      const mmap = libc.func('intptr_t mmap(intptr_t at, size_t bytes, int protection, int flags, int file, long offset)')
      const mprotect = libc.func('int mprotect(intptr_t at, size_t bytes, int protection)')
      // The end of readable memory, before a page that must not be touched.
      const end = (bytes) => {
        const pages = Math.ceil(bytes / 4096) * 4096
        const at = Number(mmap(0, pages + 4096, 3, 0x22, -1, 0))
        if (mprotect(at + pages, 4096, 0) !== 0) throw new Error('no guard page')
        return at + pages
      }
      for (const rows of [1, 5, 13, 14]) for (const width of [1, 15, 16, 17, 31, 32]) for (const accumulate of [false, true]) {
        const steps = 9, strips = rows === 14 ? 3 : 1, strip = 14 * steps * 4
        const a = end(strips * strip) - strips * strip
        const b = end(steps * 128) - steps * 128
        const bytes = 4 * width * rows * strips
        const c = end(bytes) - bytes
        const [address] = makeExecutable([assembleProduct({ rows, accumulate })])
        callable(address, 7)(a, b, c, steps, 4 * width, strips * 2 ** 32 + 2 ** width - 1, strip)
      }
      console.log('within bounds')`
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(`${run.stdout}${run.stderr}${run.signal ?? ''}`.trim()).toBe('within bounds')
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
