// Ends and beginnings: tensors that are disposed while they are read, engines that are disposed, restarted, or of which
// there are several at once, and processes that end in the middle of all that.
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MixlabError } from '@mixlab/core'
import { CpuBackend } from '../src/backend.ts'
import { findProcessor } from '../src/native/executable.ts'
import { cpuEngine, runningBackend } from '../src/index.ts'
import { digest } from './engine-thread.ts'
import { backend, randomValues, tf } from './start.ts'

const url = (file: string) => new URL(file, import.meta.url).href
const disposed = (error: unknown) => MixlabError.is(error) && error.code === 'engine-disposed'

describe('a tensor', () => {
  test('disposed while it is read is read whole, though its memory is used again', async () => {
    const expected = Array.from({ length: 50 }, (_, i) => randomValues(1000 + i, i))
    const reads = expected.map((values, i) => {
      const x = tf.tensor(values)
      const read = i % 2 ? x.data() : x.array()
      x.dispose()
      tf.fill([values.length], -1).dispose() // takes the same block
      return read
    })
    for (const [i, read] of (await Promise.all(reads)).entries())
      expect(Float32Array.from(read as number[])).toEqual(expected[i])
  })

  test('cannot be used once it is disposed', async () => {
    const x = tf.tensor([1, 2, 3])
    const alias = tf.reshape(x, [3, 1])
    const moved = tf.tidy(() => tf.mul(x, 2))
    tf.dispose([x, moved])
    expect(() => x.dataSync()).toThrow('Tensor is disposed')
    await expect((async () => x.data())()).rejects.toThrow('Tensor is disposed')
    expect(() => x.dispose()).not.toThrow()
    expect([...alias.dataSync()]).toEqual([1, 2, 3]) // shares the data
    alias.dispose()
    for (const use of [
      tf.neg,
      tf.sum,
      tf.softmax,
      (y: typeof x) => tf.add(1, y),
      (y: typeof x) => tf.reshape(y, [3, 1]),
    ]) {
      for (const gone of [x, moved]) expect(() => use(gone)).toThrow('a tensor was used after it was disposed')
    }
  })
})

describe('a disposed engine', () => {
  test('says so whatever is asked of it, has given what was being read, and ends its workers', async () => {
    const ends: number[] = []
    const watch = (worker: Worker) => void worker.on('exit', (code) => ends.push(code))
    process.on('worker', watch)
    onTestFinished(() => void process.off('worker', watch))
    for (const wait of [0, 20, 300]) {
      await sleep(0)
      ends.length = 0
      const own = new CpuBackend({ threads: 3 })
      const x = own.output([1 << 16], 'float32')
      own.run('fillFloat', 1 << 16, 1024, own.pointer(x), 3)
      await sleep(wait) // workers are starting, half-way, or asleep
      const read = own.read(x.dataId)
      own.dispose()
      own.dispose()
      expect(await read).toEqual(new Float32Array(1 << 16).fill(3))
      expect(() => own.run('fillFloat', 1 << 16, 1024, own.pointer(x), 4)).toThrow(expect.toSatisfy(disposed) as Error)
      expect(() => own.output([3], 'int32')).toThrow('the cpu engine was disposed')
      expect(() => own.write(new Float32Array(3), [3], 'float32')).toThrow('the cpu engine was disposed')
      expect(() => own.readSync(x.dataId)).toThrow('the cpu engine was disposed')
      await expect(own.read(x.dataId)).rejects.toSatisfy(disposed)
      expect(own.disposeData(x.dataId)).toBe(true)
      await vi.waitFor(() => expect(ends).toEqual([0, 0]), { timeout: 10_000 })
    }
  })

  test('can be started again; tensors of before are refused by name, and can be disposed', async () => {
    for (const end of [() => runningBackend()!.dispose(), () => tf.removeBackend('mixlab-cpu')]) {
      const old = runningBackend()!
      const x = tf.tensor([1, 2])
      end()
      if (runningBackend()) expect(() => tf.add(x, 1)).toThrow('the cpu engine was disposed')
      await cpuEngine.start()
      expect(runningBackend()).not.toBe(old)
      expect(tf.getBackend()).toBe('mixlab-cpu')
      expect([...tf.matMul([[1, 2]], [[3], [4]]).dataSync()]).toEqual([11])
      expect(() => tf.add(x, 1)).toThrow('the cpu engine was disposed')
      expect(() => x.dispose()).not.toThrow()
    }
    expect(backend.disposed).toBe(true)
  })
})

describe('engines in two threads of a user’s own', () => {
  const file = new URL('./engine-thread.ts', import.meta.url)

  async function both(environment: Record<string, string>, count = 2) {
    const env = { ...process.env, MIXLAB_THREADS: '2', ...environment }
    const threads = Array.from({ length: count }, () => new Worker(file, { workerData: { rounds: 60 }, env }))
    return Promise.all(
      threads.map(
        (thread) =>
          new Promise<unknown>((resolve, reject) => {
            thread.on('message', (message) => message !== 'computing' && resolve(message))
            thread.on('error', reject)
          }),
      ),
    )
  }

  // Where this process has no machine code, nor have they.
  const own = typeof findProcessor() === 'string' ? 'off' : 'on'
  test.for(own === 'on' ? ['on', 'off'] : ['off'])('give what one alone gives, machine code %s', async (setting) => {
    // In this thread's own engine, or where that has machine code and must not, in one of its own.
    const [alone] = (await both({ MIXLAB_NATIVE: setting }, 1)) as { found: string[] }[]
    const [one] = alone!.found
    if (setting === own) expect(one).toBe(digest())
    const processor = setting === 'on' ? findProcessor() : 'off'
    const set = typeof processor === 'string' ? '' : processor.set === 'avx2' ? 'AVX2' : 'AVX-512'
    const { amx = false, bfloat16 = false } = typeof processor === 'string' ? {} : processor
    const more = amx ? ' with AMX' : bfloat16 ? ' with bfloat16' : ''
    const kernels = `${set}${more}${set && ', '}WebAssembly SIMD`
    const expected = { found: [one], threads: 2, kernels }
    expect(await both({ MIXLAB_NATIVE: setting })).toEqual([expected, expected])
  })

  test('may be ended while they compute', async () => {
    const one = digest()
    const threads = [0, 1].map(() => new Worker(file, { workerData: { rounds: 1e9 } }))
    await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('message', resolve))))
    await sleep(1000) // not while they start: koffi aborts the process then
    expect(await Promise.all(threads.map((thread) => thread.terminate()))).toEqual([1, 1])
    expect(digest()).toBe(one)
  })
})

describe('a process', () => {
  test.for([
    ['by itself', '', 0],
    ['process.exit', 'process.exit(5)', 5],
    ['an error', `process.on('uncaughtException', () => process.exit(6)); throw new Error('a mistake')`, 6],
    ['the engine’s end', 'backend.dispose()', 0],
  ] as const)('may end while workers start: %s', ([, last, code]) => {
    const script = `
      import { CpuBackend } from ${JSON.stringify(url('../src/backend.ts'))}
      const backend = new CpuBackend({ threads: 3 })
      const info = backend.output([1 << 18], 'float32')
      backend.run('fillFloat', 1 << 18, 1024, backend.pointer(info), 3)
      await new Promise((resolve) => setTimeout(resolve, 400))
      console.log(backend.view(info)[99])
      ${last}
    `
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
      env: {
        ...process.env,
        NODE_OPTIONS: typeof findProcessor() !== 'string' ? `--import ${url('./slow-start.ts')}` : '',
      },
    })
    expect({ stdout, stderr, status, signal }).toEqual({ stdout: '3\n', stderr: '', status: code, signal: null })
  })
})
