// Where the system does not let a process use AMX, products in bfloat16 are AVX-512's, and the engine says why. Linux says
// no to a process in which a thread has a stack for signals that has no room for the tiles.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { findProcessor } from '../src/native/executable.ts'

const processor = findProcessor()
const hasAmx = typeof processor === 'object' && processor.amx

const script = (entry: (file: string) => string, refuse: boolean) => `
  import { createRequire } from 'node:module'
  import { CpuBackend } from ${entry('backend.ts')}
  import { cpuEngine } from ${entry('index.ts')}
  import { multiply } from ${entry('products.ts')}

  if (${refuse}) {
    const koffi = createRequire(${entry('native/executable.ts')})('koffi')
    const libc = koffi.load('libc.so.6')
    const small = 4096
    const stack = koffi.alloc('uint8_t', small)
    // stack_t: address, flags, size.
    const words = BigUint64Array.of(koffi.address(stack), 0n, BigInt(small))
    if (libc.func('int sigaltstack(void *stack, void *old)')(words, null) !== 0) throw new Error('no such stack')
  }
  const { detail } = await cpuEngine.available()
  const backend = new CpuBackend({ threads: 1 })
  const size = 40
  const values = (f) => {
    const info = backend.output([size * size], 'float32')
    backend.view(info).set(Float32Array.from({ length: size * size }, (_, i) => f(i)))
    return backend.pointer(info)
  }
  const [x, y] = [values((i) => (i % 17) - 8), values(() => 0)]
  multiply(backend, [{ left: x, right: x, result: y, m: size, n: size, k: size,
    leftRow: size, leftDepth: 1, rightDepth: size, rightColumn: 1, resultRow: size }], { precision: 'bfloat16' })
  // Small whole numbers, of which no product or sum is rounded.
  let isRight = true
  const [a, b] = [x, y].map((at) => backend.viewAt(at, size * size))
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
    let sum = 0
    for (let k = 0; k < size; k++) sum += a[i * size + k] * a[k * size + j]
    if (sum !== b[i * size + j]) isRight = false
  }
  console.log(JSON.stringify({ detail, native: backend.native(), isRight }))`

test.skipIf(!hasAmx).each([
  [
    false,
    /machine code for AVX-512 with AMX(, of bfloat16 only: cores are shared)?(;|$)/,
    { amx: true, amxFloat32: expect.any(Boolean) },
  ],
  [
    true,
    /machine code for AVX-512 with bfloat16, not AMX: the system does not permit it(;|$)/,
    { amx: false, amxFloat32: false, withoutAmx: 'the system does not permit it' },
  ],
])('refused: %s', (refuse, detail, native) => {
  const entry = (file: string) => JSON.stringify(new URL(`../src/${file}`, import.meta.url).href)
  const args = ['--input-type=module', '-e', script(entry, refuse)]
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(run.stderr).toBe('')
  expect(JSON.parse(run.stdout)).toEqual({
    detail: expect.stringMatching(detail),
    native: { set: 'avx512', bfloat16: true, firstLevelWays: expect.any(Number), ...native },
    isRight: true,
  })
})
