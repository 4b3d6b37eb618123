// Worker threads that die: at their start, while idle, inside a kernel, and at moments that nobody chose. A job gives the
// right result or one clear error, and never waits for the dead; the next job is right.
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MixlabError } from '@mixlab/core'
import { backendName, CpuBackend } from '../src/backend.ts'
import { isGone, leaveTrace, recordTrace } from '../src/liveness.ts'
import { deadly } from './dying-worker.ts'
import { randoms } from './start.ts'

// A thread that waits for ever sees no time-out, so a thread beside it ends the process, and with it the test file.
const watchdog = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${process.env['CI'] ? 300_000 : 120_000})`
new Worker(watchdog, { eval: true }).unref()

const preload = new URL('./dying-worker.ts', import.meta.url).href

/** A backend, the workers it starts, and the warnings about them. */
async function start(threads: number, death = 'in a kernel') {
  await sleep(0) // the news of workers of the test before
  vi.stubEnv('NODE_OPTIONS', `${process.env['NODE_OPTIONS'] ?? ''} --import ${preload}`)
  vi.stubEnv('DYING_WORKER', death)
  const workers: Worker[] = []
  const warnings: string[] = []
  const collect = (worker: Worker) => void workers.push(worker)
  const warn = ({ message }: Error) => void warnings.push(message)
  process.on('worker', collect)
  process.on('warning', warn)
  // Without machine code: a thread that is ended inside koffi takes the process with it, see worker.ts.
  const backend = new CpuBackend({ threads, native: false })
  onTestFinished(() => {
    backend.dispose()
    process.off('worker', collect)
    process.off('warning', warn)
    vi.unstubAllEnvs()
  })
  const count = 1 << 18
  const info = backend.output([count], 'float32')
  const address = backend.pointer(info)
  return {
    backend,
    workers,
    warnings,
    fill(value: number) {
      backend.run('fillFloat', count, 1024, address, value)
      backend.settle()
    },
    /** One job, whole and right. */
    check(value: number) {
      const view = backend.view(info) as Float32Array
      view.fill(NaN)
      backend.run('fillFloat', count, 1024, address, value)
      backend.settle()
      expect(view.every((found) => found === value)).toBe(true)
    },
  }
}

/** Runs the job until it fails; fails itself when it does not. */
function failure(job: () => void): unknown {
  const until = performance.now() + 20_000
  while (performance.now() < until) {
    try {
      job()
    } catch (error) {
      return error
    }
  }
  throw new Error('no job failed')
}

describe('a worker that dies inside a kernel', () => {
  test.for(['in a kernel', 'elsewhere'])('loses that result and nothing else (%s)', async (death) => {
    const { backend, fill, check, warnings } = await start(4, death)
    for (const [round, index] of [2, 1, 3].entries()) {
      const error = failure(() => fill(deadly(index)))
      expect(MixlabError.is(error) && error.code).toBe('worker-lost')
      expect((error as Error).message).toMatch(/^a worker thread of the cpu engine died inside kernel fillFloat, and/)
      expect((error as Error).message).toContain(`goes on with ${['3 threads', '2 threads', '1 thread:'][round]}`)
      expect(backend.threads()).toBe(3 - round)
      for (let value = 0; value < 50; value++) check(value)
    }
    await sleep(100) // the exit events of what is known to be dead change nothing
    expect(backend.threads()).toBe(1)
    expect(warnings).toEqual([])
  })

  test('is replaced when the number of threads is set', async () => {
    const { backend, fill, check } = await start(3)
    for (let round = 0; round < 3; round++) {
      for (const index of [1, 2]) expect(MixlabError.is(failure(() => fill(deadly(index))))).toBe(true)
      expect(backend.threads()).toBe(1)
      backend.setThreads(3)
      expect(backend.threads()).toBe(3)
      check(round)
    }
  })

  test('leaves none of the failed kernel’s memory taken', async () => {
    const { backend, check } = await start(3)
    check(1)
    const before = backend.usage().allocatedBytes
    const attrs = { shape: [1 << 20], value: deadly(1), dtype: 'float32' }
    const error = failure(() => {
      const filled = getKernel('Fill', backendName).kernelFunc({ backend, inputs: {}, attrs }) as TensorInfo
      backend.release(filled)
      backend.settle()
    })
    expect(MixlabError.is(error) && error.code).toBe('worker-lost')
    expect(backend.usage().allocatedBytes).toBe(before)
  })

  test('does not hide that others die with it', async () => {
    const { backend, check, fill } = await start(34)
    check(0)
    for (const index of [1, 33]) {
      const error = failure(() => fill(deadly(index)))
      expect(MixlabError.is(error) && error.code).toBe('worker-lost')
      check(index)
    }
    expect(backend.threads()).toBe(32)
  })
})

describe('a worker that dies while idle', () => {
  test('means fewer threads, and a warning', async () => {
    const { backend, check, workers, warnings } = await start(4)
    for (let value = 0; value < 50; value++) check(value)
    await sleep(100)
    expect(workers.length).toBe(3)
    await workers[1]!.terminate()
    expect(backend.threads()).toBe(3)
    for (let value = 0; value < 50; value++) check(value)
    await Promise.all(workers.map((worker) => worker.terminate()))
    expect(backend.threads()).toBe(1)
    for (let value = 0; value < 50; value++) check(value)
    await sleep(10)
    expect(warnings).toEqual(['a worker thread of the cpu engine stopped (exit code 1); going on with fewer threads'])
  })

  test('at its start too', async () => {
    const { backend, check, workers, warnings } = await start(4, 'at start')
    for (let value = 0; value < 20; value++) check(value)
    await vi.waitFor(() => expect(backend.threads()).toBe(1), { timeout: 10_000 })
    check(1)
    expect(workers.length).toBe(3)
    expect(warnings).toEqual([
      'a worker thread of the cpu engine stopped (Error: died at its start); going on with fewer threads',
    ])
  })
})

test('a worker ended at any moment: every job is right or says that its result is lost', async () => {
  const next = randoms(11)
  let lost = 0
  for (let round = 0; round < 8; round++) {
    const { backend, check, fill, workers } = await start(4)
    while (next() < 0.9) check(1) // an arbitrary time, workers starting or at work
    for (const worker of workers) if (next() < 0.5) void worker.terminate()
    const until = performance.now() + 60
    for (let value = 0; performance.now() < until; value++) {
      try {
        fill(value)
      } catch (error) {
        expect(MixlabError.is(error) && error.code).toBe('worker-lost')
        lost++
      }
      check(value)
    }
    await sleep(20)
    check(round)
    backend.dispose()
  }
  expect(lost).toBeLessThan(8 * 3)
})

describe('a trace', () => {
  test.for(['linux', 'elsewhere'])('of a thread that runs is there, of none is not (%s)', (platform) => {
    const trace = leaveTrace(platform)
    expect(trace).not.toBe(0)
    if (process.platform === 'linux') expect(trace > 0).toBe(platform === 'linux')
    expect(isGone(trace)).toBe(false)
    expect(isGone(0)).toBe(false)
    // beyond what Linux numbers threads with, and a descriptor that nobody has
    expect(isGone(platform === 'linux' ? 2 ** 22 + 1 : -1_000_000)).toBe(true)
    if (trace < 0) closeSync(-1 - trace)
  })

  test('that is a descriptor given to the next thread tells that the one before has ended', () => {
    const traces = new Int32Array(new SharedArrayBuffer(16))
    const descriptor = leaveTrace('elsewhere')
    recordTrace(traces, 1, descriptor)
    recordTrace(traces, 2, descriptor)
    expect([...traces].map(isGone)).toEqual([false, true, false, false])
    recordTrace(traces, 1, descriptor)
    expect([...traces].map(isGone)).toEqual([false, false, true, false])
    closeSync(-1 - descriptor)
    expect(isGone(traces[1]!)).toBe(true)
  })
})
