// Which machines get machine code, by what they say of themselves; the others are told why not, and load nothing for it.
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { findProcessor, type Machine, recognise } from '../src/native/executable.ts'

const flags = (text: string) =>
  `processor\t: 0\nmodel name\t: some processor\nflags\t\t: fpu sse4_2 ${text}\nbugs\t\t: avx2\n`
const avx2 = 'avx avx2 fma bmi1 bmi2'
const avx512 = `${avx2} avx512f avx512dq avx512bw avx512vl`
const machine = (text: string, more: Partial<Machine> = {}): Machine => ({
  platform: 'linux',
  arch: 'x64',
  environment: {},
  cpuinfo: () => flags(text),
  requestAmx: () => {
    throw new Error('AMX is asked for')
  },
  ...more,
})
const wanting = (set: string): Partial<Machine> => ({ environment: { MIXLAB_ISA: set } })
const amx = `${avx512} avx512_bf16 amx_tile amx_bf16`
const permitted = { requestAmx: () => undefined }
const refused = { requestAmx: () => 'it may not' }
const plain = { bfloat16: false, amx: false }

describe('the processor', () => {
  test.each<[string, Machine, ReturnType<typeof recognise>]>([
    ['AVX2', machine(avx2), { set: 'avx2', ...plain }],
    ['AVX-512', machine(avx512), { set: 'avx512', ...plain }],
    ['AVX-512 with bfloat16', machine(`${avx512} avx512_bf16`), { set: 'avx512', bfloat16: true, amx: false }],
    ['bfloat16 is not for AVX2', machine(`${avx512} avx512_bf16`, wanting('avx2')), { set: 'avx2', ...plain }],
    ['AVX-512 that is asked for', machine(avx512, wanting('avx512')), { set: 'avx512', ...plain }],
    ['AMX', machine(amx, permitted), { set: 'avx512', bfloat16: true, amx: true }],
    [
      'AMX that is asked for',
      machine(amx, { ...permitted, ...wanting('amx') }),
      { set: 'avx512', bfloat16: true, amx: true },
    ],
    [
      'AMX that may not be used',
      machine(amx, refused),
      { set: 'avx512', bfloat16: true, amx: false, withoutAmx: 'it may not' },
    ],
    ['AMX that must be and may not', machine(amx, { ...refused, ...wanting('amx') }), 'MIXLAB_ISA=amx, but it may not'],
    // Nor is it asked for: see `machine`.
    [
      'AMX that is not wanted',
      machine(amx, wanting('avx512')),
      { set: 'avx512', bfloat16: true, amx: false, withoutAmx: 'MIXLAB_ISA=avx512' },
    ],
    ['AMX and AVX-512 that are not', machine(amx, wanting('avx2')), { set: 'avx2', ...plain }],
    ['AMX without bfloat16', machine(amx.replace(' amx_bf16', '')), { set: 'avx512', bfloat16: true, amx: false }],
    [
      'AMX missing',
      machine(`${avx512} avx512_bf16`, wanting('amx')),
      'MIXLAB_ISA=amx, but the processor has no AMX for bfloat16',
    ],
    ['the first AVX-512 alone', machine(`${avx2} avx512f avx512cd`), { set: 'avx2', ...plain }],
    ['AVX2 without fused multiply-add', machine('avx2 bmi2'), 'the processor has no AVX2'],
    ['none of it', machine(''), 'the processor has no AVX2'],
    ['no flags at all', machine('', { cpuinfo: () => 'model : 1\n' }), 'the processor has no AVX2'],
    ['AVX-512 missing', machine(avx2, wanting('avx512')), 'MIXLAB_ISA=avx512, but the processor has no AVX-512'],
    ['another set', machine(avx512, wanting('neon')), 'MIXLAB_ISA=neon, expected avx2, avx512 or amx'],
    ['off', machine(avx512, { environment: { MIXLAB_NATIVE: 'Off' } }), 'MIXLAB_NATIVE=off'],
    ['Linux on arm64', machine(avx512, { arch: 'arm64' }), 'none for linux on arm64 yet'],
    ['macOS on arm64', machine(avx512, { platform: 'darwin', arch: 'arm64' }), 'none for darwin on arm64 yet'],
    ['macOS on x64', machine(avx512, { platform: 'darwin' }), 'none for darwin on x64 yet'],
    ['Windows', machine(avx512, { platform: 'win32' }), 'none for win32 on x64 yet'],
  ])('%s', (_, described, expected) => {
    expect(recognise(described)).toEqual(expected)
  })

  test('is not asked for where there is no machine code', () => {
    const cpuinfo = () => {
      throw new Error('no such file')
    }
    expect(recognise(machine('', { cpuinfo }))).toBe('/proc/cpuinfo cannot be read')
    expect(recognise(machine('', { cpuinfo, platform: 'darwin', arch: 'arm64' }))).toBe('none for darwin on arm64 yet')
  })

  const found = findProcessor()
  const allowed = typeof found === 'string' ? [] : ['avx2', ...(found.set === 'avx512' ? ['avx512'] : []), '']
  test.each(allowed)('without koffi there is no machine code, MIXLAB_ISA=%s', (set) => {
    const script = `
      import { registerHooks } from 'node:module'
      registerHooks({ resolve(name, context, next) {
        if (name === 'koffi') throw new Error('it is not installed')
        return next(name, context)
      } })
      const { findProcessor } = await import(${JSON.stringify(new URL('../src/native/executable.ts', import.meta.url).href)})
      console.log(findProcessor())`
    const env = { ...process.env, MIXLAB_NATIVE: 'on', MIXLAB_ISA: set }
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env })
    expect(`${run.stdout}${run.stderr}`.trim()).toBe('koffi is not installed, or does not load here')
  })

  test.each([
    ['darwin', 'arm64'],
    ['linux', 'arm64'],
  ])('%s on %s: the engine computes without loading koffi', (platform, arch) => {
    const entry = (file: string) => JSON.stringify(new URL(`../src/${file}`, import.meta.url).href)
    const script = `
      import { registerHooks } from 'node:module'
      Object.defineProperty(process, 'platform', { value: '${platform}' })
      Object.defineProperty(process, 'arch', { value: '${arch}' })
      registerHooks({ resolve(name, context, next) {
        if (name === 'koffi') throw new Error('koffi is asked for')
        return next(name, context)
      } })
      const { CpuBackend } = await import(${entry('backend.ts')})
      const { cpuEngine } = await import(${entry('index.ts')})
      const backend = new CpuBackend({ threads: 1 })
      const x = backend.output([3], 'float32')
      backend.view(x).set([1, -2, 3])
      backend.run('negFloat', 1, 1, backend.pointer(x), backend.pointer(x), 3)
      console.log(backend.native(), Array.from(backend.view(x)).join(), (await cpuEngine.available()).detail)`
    const env = { ...process.env, MIXLAB_NATIVE: 'on' }
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env })
    const why = `none for ${platform} on ${arch} yet`
    expect(`${run.stdout}${run.stderr}`.trim()).toMatch(
      new RegExp(`^${why} -1,2,-3 WebAssembly SIMD on ${arch}, Node .*; no machine code: ${why}$`),
    )
  })
})
