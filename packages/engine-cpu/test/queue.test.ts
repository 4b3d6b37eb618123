// The queue: kernels run after the call that asked for them returns, and nothing shows it but the clock.
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { announcedWord, capacity, control, createHand, finish, jobAfter, none } from '../src/control.ts'
import { createHostBlocks, hostBlockBytes } from '../src/host-blocks.ts'
import { createStage } from '../src/stage.ts'
import { randoms as signedRandoms } from './start.ts'

/** In [0, 1]. */
function randoms(seed: number): () => number {
  const next = signedRandoms(seed)
  return () => Math.abs(next())
}

function start(threads: number) {
  const backend = new CpuBackend({ threads, deferFrom: Infinity })
  onTestFinished(() => backend.dispose())
  return backend
}

/** Long enough that what is asked for next waits for it. */
function occupy(backend: CpuBackend): void {
  const size = 700
  const [a, b, c] = [0, 1, 2].map(() => backend.scratch(4 * size * size))
  for (let i = 0; i < 3; i++) backend.run('addFloat', size * size, size, a!, b!, c!, 1, size * size, 1, 1, 1, 1)
  backend.releaseScratch()
}

describe.for([1, 2, 5])('on %i threads', (threads) => {
  test('kernels run in order, however many wait', () => {
    const backend = start(threads)
    const next = randoms(threads)
    const size = 5000
    const [x, y] = [0, 1].map(() => backend.write(new Float32Array(size).fill(1), [size], 'float32'))
    const infos = [x!, y!].map((dataId) => ({ dataId, shape: [size], dtype: 'float32' }) as const)
    let expected = 1
    for (let i = 0; i < 10 * capacity; i++) {
      // Each reads what the one before wrote, in chunks of other sizes.
      const [from, to] = [infos[i % 2]!, infos[(i + 1) % 2]!].map((info) => ({ ...info, shape: [size] }))
      const address = backend.pointerToWrite(to!)
      backend.run('copyBytes', 4 * size, 64 * Math.ceil(1 + next() * 300), address, backend.pointer(from!))
      if (i % 7 === 0) backend.run('fillFloat', size, Math.ceil(1 + next() * size), address, (expected = i))
      if (next() < 0.01) expect(new Set(backend.readSync(to!.dataId) as Float32Array)).toEqual(new Set([expected]))
    }
    expect(new Set(backend.readSync(x!) as Float32Array)).toEqual(new Set([expected]))
  })

  test.for([1, 16, 17, 4000, 16_384, 16_385, 100_000])(
    'values from the host do not reach memory that kernels still read: %i elements',
    (size) => {
      const backend = start(threads)
      for (let round = 0; round < 40; round++) {
        occupy(backend)
        const x = backend.write(new Float32Array(size).fill(round), [size], 'float32')
        const y = backend.output([size], 'float32')
        const from = backend.pointer({ dataId: x, shape: [size], dtype: 'float32' })
        backend.run('copyBytes', 4 * size, 4096, backend.pointer(y), from)
        backend.disposeData(x)
        const z = backend.write(new Float32Array(size).fill(-1), [size], 'float32')
        expect(new Set(backend.readSync(y.dataId) as Float32Array)).toEqual(new Set([round]))
        expect(new Set(backend.readSync(z) as Float32Array)).toEqual(new Set([-1]))
        backend.disposeData(y.dataId)
        backend.disposeData(z)
      }
      expect(backend.usage().allocatedBytes).toBe(0)
    },
  )

  test('what a kernel writes in place is seen by whoever reads it next, though its values came from the host', () => {
    const backend = start(threads)
    const info = {
      dataId: backend.write(new Float32Array([1, 2]), [2], 'float32'),
      shape: [2],
      dtype: 'float32',
    } as const
    expect([...backend.values({ ...info })]).toEqual([1, 2])
    backend.run('fillFloat', 2, 2, backend.pointerToWrite({ ...info, shape: [2] }), 7)
    expect([...backend.values({ ...info })]).toEqual([7, 7])
    expect([...(backend.readSync(info.dataId) as Float32Array)]).toEqual([7, 7])
  })

  test('an error is told at the next wait, once, with the kernel’s name; what comes after it is computed', () => {
    const backend = start(threads)
    const info = backend.output([4096], 'float32')
    backend.run('copyBytes', 1 << 20, 4096, backend.pointer(info), 2 ** 32 - 4096)
    backend.run('fillFloat', 4096, 64, backend.pointer(info), 3)
    expect(() => backend.readSync(info.dataId)).toThrow(/^kernel copyBytes failed: .*out of bounds/)
    expect(new Set(backend.readSync(info.dataId) as Float32Array)).toEqual(new Set([3]))
    backend.synchronize()
  })

  test('kernels can be watched, each with its own time', () => {
    const backend = start(threads)
    const [small, large] = [64, 1 << 22].map((size) => backend.output([size], 'float32'))
    const times = new Map<string, number[]>()
    const add = (name: string, milliseconds: number) => times.set(name, [...(times.get(name) ?? []), milliseconds])
    backend.watch(add)
    for (let i = 0; i < 5; i++) {
      backend.run('fillFloat', 1 << 22, 65_536, backend.pointer(large!), i)
      backend.run('fillInt', 64, 64, backend.pointer(small!), i)
    }
    backend.watch()
    backend.run('fillInt', 64, 64, backend.pointer(small!), 9)
    expect([...times].map(([name, all]) => [name, all.length])).toEqual([
      ['fillFloat', 5],
      ['fillInt', 5],
    ])
    expect(Math.min(...times.get('fillFloat')!)).toBeGreaterThan(Math.min(...times.get('fillInt')!))
  })
})

test('more arguments than a job has room for are refused, not written into the next one', () => {
  const backend = start(1)
  expect(() => backend.run('fillFloat', 1, 1, ...Array.from({ length: 200 }, () => 0))).toThrow('200 arguments')
})

test('a thread that finds its job finished by others leaves no sign that it is at it', () => {
  const words = new Int32Array(new SharedArrayBuffer(1 << 20))
  words[announcedWord(1)] = none
  const hand = createHand({ words, controlAddress: 0, index: 1, kernelAt: () => expect.unreachable() })
  words[control.published] = jobAfter(0)
  const { load } = Atomics
  // Others finish the job just after this thread has seen that there is one.
  const spy = vi.spyOn(Atomics, 'load').mockImplementation(((array: Int32Array, at: number) => {
    const value = load(array, at)
    if (at === control.published) finish(words, 0)
    return value
  }) as typeof Atomics.load)
  onTestFinished(() => spy.mockRestore())
  expect(hand()).toBe(none)
  expect(words[announcedWord(1)]).toBe(none)
})

/** Jobs that are published and done when the test says so. */
function progressByHand() {
  const jobs = { published: 0, completed: 0 }
  return { jobs, progress: { published: () => jobs.published, completed: () => jobs.completed } }
}

test('the stage hands out nothing that a job which is not done may read, and everything again afterwards', () => {
  const next = randoms(5)
  const { jobs, progress } = progressByHand()
  let waits = 0
  const settle = () => {
    waits++
    jobs.completed = jobs.published
  }
  const stage = createStage({ start: 640, bytes: 4096, progress, settle })
  let held: { from: number; to: number; until: number }[] = []
  let open: { from: number; to: number }[] = []
  for (let i = 0; i < 20_000; i++) {
    const bytes = 1 + Math.floor(next() ** 3 * 2000)
    const from = stage.take(bytes)
    held = held.filter(({ until }) => until > jobs.completed)
    if (from !== undefined) {
      const to = from + bytes
      expect(from % 64).toBe(0)
      expect(from >= 640 && to <= 640 + 4096).toBe(true)
      for (const other of [...held, ...open]) expect(to <= other.from || from >= other.to).toBe(true)
      open.push({ from, to })
    } else expect(open.length).toBeGreaterThan(0)
    if (next() < 0.5) jobs.published++
    if (next() < 0.5 || from === undefined) {
      stage.close()
      held.push(...open.map((taken) => ({ ...taken, until: jobs.published })))
      open = []
    }
    if (next() < 0.5) jobs.completed = Math.min(jobs.published, jobs.completed + Math.floor(next() * 4))
  }
  expect(waits).toBeGreaterThan(100)
  expect(stage.take(5000)).toBe(undefined)
  expect(waits).toBeLessThan(10_000)
})

test('a block of the host’s is used again only after the jobs that were published before it was freed', () => {
  const { jobs, progress } = progressByHand()
  const blocks = createHostBlocks(64, progress)
  const all: number[] = []
  for (let at = blocks.take(); at !== undefined; at = blocks.take()) all.push(at)
  expect(new Set(all).size).toBe(all.length)
  expect(blocks.taken()).toBe(all.length)
  jobs.published = 10
  blocks.give(all[3]!)
  jobs.published = 12
  blocks.give(all[1]!)
  jobs.completed = 9
  expect(blocks.take()).toBe(undefined)
  jobs.completed = 10
  expect(blocks.take()).toBe(all[3])
  expect(blocks.take()).toBe(undefined)
  jobs.completed = 12
  expect(blocks.take()).toBe(all[1])
  expect(blocks.has(all.at(-1)!)).toBe(true)
  expect(blocks.has(all.at(-1)! + hostBlockBytes)).toBe(false)
})
