import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { threadsFromEnvironment } from '../src/pool.ts'

const entry = new URL('../src/backend.ts', import.meta.url).href

test('every item is done exactly once, for more threads than cores and all chunk sizes', () => {
  const backend = new CpuBackend({ threads: 5 })
  const info = backend.output([10_000], 'float32')
  const view = backend.view(info)
  for (const grain of [1, 7, 100, 3333, 10_000, 20_000]) {
    view.fill(-1)
    backend.run('fillFloat', 9_999, grain, backend.pointer(info), grain)
    backend.settle()
    expect(view.subarray(0, 9_999).every((value) => value === grain)).toBe(true)
    expect(view[9_999]).toBe(-1)
  }
  backend.dispose()
})

test('many small jobs in a row each see their own arguments', () => {
  const backend = new CpuBackend({ threads: 3 })
  const info = backend.output([64], 'int32')
  const view = backend.view(info)
  for (let job = 0; job < 20_000; job++) {
    backend.run('fillInt', 64, 8, backend.pointer(info), job)
    backend.settle()
    if (view.some((value) => value !== job)) expect(Array.from(view)).toEqual(Array(64).fill(job))
  }
  backend.dispose()
})

test('memory that grew while workers were alive is usable by them', () => {
  const backend = new CpuBackend({ threads: 3 })
  const small = backend.output([4096], 'float32')
  backend.run('fillFloat', 4096, 64, backend.pointer(small), 1)
  for (let round = 0; round < 4; round++) {
    const large = backend.output([12_000_000], 'float32')
    for (const value of [0, 2]) {
      backend.run('fillFloat', 12_000_000, 65_536, backend.pointer(large), value)
      expect(backend.view(large).every((found) => found === value)).toBe(true)
    }
  }
  expect(backend.usage().reservedBytes).toBeGreaterThan(190_000_000)
  backend.dispose()
})

test('a kernel that traps is an error, on whichever thread, and the next job is not affected', () => {
  const backend = new CpuBackend({ threads: 3 })
  const info = backend.output([4096], 'float32')
  const beyond = 2 ** 32 - 4096
  for (let round = 0; round < 20; round++) {
    backend.run('copyBytes', 1 << 20, 4096, backend.pointer(info), beyond)
    expect(() => backend.settle()).toThrow(/^kernel copyBytes failed: .*out of bounds/)
    backend.run('fillFloat', 4096, 64, backend.pointer(info), round)
    expect(backend.view(info).every((value) => value === round)).toBe(true)
  }
  backend.dispose()
})

test('MIXLAB_THREADS is a whole number from 1 to 256', () => {
  expect(threadsFromEnvironment('3')).toBe(3)
  expect(threadsFromEnvironment('')).toBeGreaterThan(0)
  for (const value of ['0', '-1', '1.5', 'many', '257']) {
    expect(() => threadsFromEnvironment(value)).toThrow(`MIXLAB_THREADS=${value}: the number of threads must be`)
  }
})

test('idle workers do not keep the process alive, and do no work', () => {
  const script = `
    import { CpuBackend } from ${JSON.stringify(entry)}
    const backend = new CpuBackend({ threads: 4 })
    const info = backend.output([1 << 20], 'float32')
    for (let i = 0; i < 200; i++) backend.run('fillFloat', 1 << 20, 4096, backend.pointer(info), i)
    // On a busy machine the workers take their time to start; one that spins is busy in every window.
    let busy = 1
    for (let window = 0; window < 20 && busy > 0.02; window++) {
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 300))
      const { user, system } = process.cpuUsage(before)
      busy = Math.min(busy, (user + system) / 300_000)
    }
    console.log(JSON.stringify({ value: backend.view(info)[77], busy }))
  `
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  const { value, busy } = JSON.parse(stdout) as { value: number; busy: number }
  expect(value).toBe(199)
  expect(busy).toBeLessThan(0.05)
})
