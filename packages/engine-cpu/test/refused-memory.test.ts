// Where the system lets no memory become executable there is no machine code: the engine says so and computes all the
// same. Linux refuses it to a process that asked for that (memory-deny-write-execute, 6.3 and later), V8's own code
// included, so that the process does this last, when all it needs is compiled.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { findProcessor } from '../src/native/executable.ts'

const processor = findProcessor()

const script = (entry: (file: string) => string) => `
  import { writeSync } from 'node:fs'
  import { createRequire } from 'node:module'
  import { CpuBackend } from ${entry('backend.ts')}
  import { cpuEngine } from ${entry('index.ts')}
  import { multiply } from ${entry('products.ts')}

  function compute(backend) {
    const size = 40
    const values = (f) => {
      const info = backend.output([size * size], 'float32')
      backend.view(info).set(Float32Array.from({ length: size * size }, (_, i) => f(i)))
      return backend.pointer(info)
    }
    const [x, y, z] = [values((i) => (i % 17) - 8), values(() => 0), values(() => 0)]
    backend.run('tanhFloat', 1, 1, x, y, size * size)
    multiply(backend, [{ left: x, right: x, result: z, m: size, n: size, k: size,
      leftRow: size, leftDepth: 1, rightDepth: size, rightColumn: 1, resultRow: size }])
    return [y, z].map((at) => Buffer.from(backend.viewAt(at, size * size).slice().buffer).toString('base64')).join()
  }

  const wanted = compute(new CpuBackend({ threads: 1, native: false }))
  const koffi = createRequire(${entry('native/executable.ts')})('koffi')
  const prctl = koffi.load('libc.so.6').func('int prctl(int option, long a, long b, long c, long d)')
  const [setDenyWriteExecute, refuseGain] = [65, 1]
  const isRefused = prctl(setDenyWriteExecute, refuseGain, 0, 0, 0) === 0
  const { ok, detail } = await cpuEngine.available()
  const backend = new CpuBackend({ threads: 1 })
  const isRight = compute(backend) === wanted
  writeSync(1, JSON.stringify({ isRefused, ok, detail, native: backend.native(), isRight }))
  process.exit(0)`

// Nothing is compiled later: that would be refused as well, and V8 does not live on.
const options = [
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--regexp-interpret-all',
  '--no-wasm-lazy-compilation',
  '--no-wasm-dynamic-tiering',
  '--liftoff-only',
]

test.skipIf(typeof processor === 'string')(
  'without executable memory the engine computes in WebAssembly',
  (context) => {
    const entry = (file: string) => JSON.stringify(new URL(`../src/${file}`, import.meta.url).href)
    const args = [...options, '--input-type=module', '-e', script(entry)]
    const run = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(`${run.stderr}${run.signal ?? ''}`).toBe('')
    const { isRefused, ...found } = JSON.parse(run.stdout) as Record<string, unknown>
    if (!isRefused) console.log('skipped: this system cannot refuse executable memory')
    context.skip(!isRefused, 'this system cannot refuse executable memory')
    expect(found).toEqual({
      ok: true,
      detail: expect.stringMatching(
        /^WebAssembly SIMD on [^\n]*; no machine code: the system forbids executable memory$/,
      ),
      native: 'the system forbids executable memory',
      isRight: true,
    })
  },
)
