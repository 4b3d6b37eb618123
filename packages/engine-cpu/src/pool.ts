// The worker pool: runs a kernel over [0, count) on all threads and joins them before it returns. The main thread
// always takes part and could do everything alone: workers are started by the first job that is worth sharing, and one
// that is late, or never starts, only means fewer hands. How work is shared never changes a result (see control.ts for
// how a job is published).
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { MixlabError } from '@mixlab/core'
import {
  argumentsLimit,
  argumentsOffset,
  control,
  controlBytes,
  failureOffset,
  kernelNames,
  pause,
  takeChunks,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import type { SharedMemory } from './memory.ts'
import { nativeCaller, nativeKernels, type NativeKernels } from './native/registry.ts'
import { wasm, type WasmModule } from './web-assembly.ts'

const maximumThreads = 256
const workerFile = new URL(/\.ts(\?|$)/.test(import.meta.url) ? './worker.ts' : './worker.js', import.meta.url)

export interface Pool extends Disposable {
  /** Runs `kernel` over [0, count) in chunks of `grain` items; alone on this thread when one chunk holds them all. */
  run(kernel: string, count: number, grain: number, args: readonly number[]): void
  /** Threads that share a job, the main one included. */
  threads(): number
  setThreads(threads: number): void
  has(kernel: string): boolean
  /** First address that is free for data. */
  readonly dataStart: number
  /** The machine code there is; else why there is none. */
  readonly native: NativeKernels | string
}

/** The number of threads by MIXLAB_THREADS, or all cores. Throws MixlabError for anything but 1 … 256. */
export function threadsFromEnvironment(value = process.env.MIXLAB_THREADS): number {
  if (value === undefined || value === '') return Math.min(maximumThreads, availableParallelism())
  return checkThreads(Number(value), `MIXLAB_THREADS=${value}`)
}

function checkThreads(threads: number, what: string): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= maximumThreads) return threads
  throw new MixlabError(`${what}: the number of threads must be a whole number from 1 to ${maximumThreads}`)
}

export function createPool(
  module: WasmModule,
  { memory, buffer }: SharedMemory,
  threadCount: number,
  allowNative = true,
): Pool {
  const exported = new wasm.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
  const native = allowNative ? nativeKernels() : 'not wanted'
  const nativeKernel = typeof native === 'string' ? undefined : nativeCaller(memory, 0)
  const names = kernelNames(module)
  const index = new Map(names.map((name, i) => [name, i]))
  const heapBase = (exported as unknown as { heapBase(): number }).heapBase()
  const controlAddress = Math.ceil(heapBase / 64) * 64
  const argumentsAddress = controlAddress + argumentsOffset
  const words = new Int32Array(buffer(), controlAddress, 128)
  const argumentWords = new Float64Array(buffer(), argumentsAddress, argumentsLimit)
  const workers: Worker[] = []
  let threads = checkThreads(threadCount, 'threads')
  let generation = 0
  let complained = false

  function complain(error: unknown): void {
    if (complained) return
    complained = true
    process.emitWarning(`a worker thread of the cpu engine stopped (${String(error)}); going on with fewer threads`)
  }

  function startWorkers(): void {
    while (workers.length < threads - 1) {
      const setup: WorkerSetup = { module, memory, controlAddress, index: workers.length + 1 }
      try {
        const worker = new Worker(workerFile, { workerData: setup, execArgv: [], name: 'mixlab-cpu' })
        worker.on('error', complain)
        worker.unref()
        workers.push(worker)
      } catch (error) {
        complain(error)
        threads = workers.length + 1
      }
    }
  }

  function publish(kernel: number, code: number, count: number, grain: number): void {
    const chunks = Math.ceil(count / grain)
    words[control.kernel] = kernel
    words[control.codeLow] = code % 2 ** 32
    words[control.codeHigh] = Math.floor(code / 2 ** 32)
    words[control.count] = count
    words[control.grain] = grain
    words[control.chunks] = chunks
    words[control.limit] = threads
    Atomics.store(words, control.next, 0)
    Atomics.store(words, control.failed, 0)
    generation = (generation % 0x7ffffffe) + 1
    Atomics.store(words, control.open, generation)
    Atomics.store(words, control.generation, generation)
    if (Atomics.load(words, control.sleepers) > 0) Atomics.notify(words, control.generation)
  }

  function join(): void {
    Atomics.store(words, control.open, 0)
    for (let i = 0; i < 20_000; i++) {
      if (Atomics.load(words, control.active) === 0) return
      pause()
    }
    Atomics.store(words, control.waiting, 1)
    for (let active = Atomics.load(words, control.active); active !== 0; active = Atomics.load(words, control.active)) {
      Atomics.wait(words, control.active, active, 1)
    }
    Atomics.store(words, control.waiting, 0)
  }

  function throwFailure(kernel: string): void {
    if (Atomics.load(words, control.failed) === 0) return
    const text = new Uint8Array(buffer(), controlAddress + failureOffset, words[control.failureLength]).slice()
    throw new Error(`kernel ${kernel} failed on a worker thread: ${new TextDecoder().decode(text)}`)
  }

  return {
    dataStart: controlAddress + controlBytes,
    native,
    threads: () => threads,
    setThreads(count) {
      threads = checkThreads(count, 'threads')
    },
    has: (kernel) => index.has(kernel),
    run(kernel, count, grain, args) {
      if (count <= 0) return
      const code = typeof native === 'string' ? 0 : native.address(kernel)
      const at = index.get(kernel) ?? 0
      if (code === 0 && !index.has(kernel)) throw new Error(`the cpu engine has no kernel function ${kernel}`)
      for (let i = 0; i < args.length; i++) argumentWords[i] = args[i]!
      const run = code === 0 ? exported[kernel]! : nativeKernel!(code)
      if (count <= grain || threads === 1) return run(argumentsAddress, 0, count)
      if (workers.length < threads - 1) startWorkers()
      publish(at, code, count, grain)
      try {
        takeChunks(words, run, argumentsAddress)
      } finally {
        join()
      }
      throwFailure(kernel)
    },
    [Symbol.dispose]() {
      for (const worker of workers.splice(0)) void worker.terminate()
    },
  }
}
