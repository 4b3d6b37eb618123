// The worker pool: runs a kernel over [0, count) on all threads and joins them before it returns. The main thread
// always takes part and could do everything alone: workers are started by the first job that is worth sharing, and one
// that is late, never starts, or dies while it has nothing to do, only means fewer hands. One that dies inside a kernel
// takes the result with it, for kernels write in place: that is an error, and the next job goes on without the worker. How
// work is shared never changes a result (see control.ts for how a job is published).
import { Worker } from 'node:worker_threads'
import { MixlabError } from '@mixlab/core'
import {
  argumentsLimit,
  argumentsOffset,
  bitOf,
  control,
  controlBytes,
  failureOffset,
  kernelNames,
  maximumThreads,
  pause,
  takeChunks,
  tracesOffset,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import { isGone } from './liveness.ts'
import type { SharedMemory } from './memory.ts'
import { nativeCaller, nativeKernels, type NativeKernels } from './native/registry.ts'
import { usableProcessors } from './processors.ts'
import { wasm, type WasmModule } from './web-assembly.ts'

/** How long the main thread waits for workers before it looks whether they still live, and between two looks. */
const patienceMilliseconds = 200
/** How long the end of the process waits, at most, for a worker that is about to be ready. */
const startMilliseconds = 2000
const workerFile = new URL(/\.ts(\?|$)/.test(import.meta.url) ? './worker.ts' : './worker.js', import.meta.url)

export interface Pool extends Disposable {
  /** Runs `kernel` over [0, count) in chunks of `grain` items; alone on this thread when one chunk holds them all. */
  run(kernel: string, count: number, grain: number, args: readonly number[]): void
  /** The same of machine code at an address. */
  runCode(address: number, count: number, grain: number, args: readonly number[]): void
  /** Threads that share a job, the main one included; without workers that died. */
  threads(): number
  /** Also starts new workers for those that died. */
  setThreads(threads: number): void
  has(kernel: string): boolean
  /** First address that is free for data. */
  readonly dataStart: number
  /** The machine code there is; else why there is none. */
  readonly native: NativeKernels | string
}

/** The number of threads by MIXLAB_THREADS, or all processors that this process may use. Throws MixlabError for anything but 1 … 256. */
export function threadsFromEnvironment(value = process.env.MIXLAB_THREADS): number {
  if (value === undefined || value === '') return Math.min(maximumThreads, usableProcessors())
  return checkThreads(Number(value), `MIXLAB_THREADS=${value}`)
}

function checkThreads(threads: number, what: string): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= maximumThreads) return threads
  throw new MixlabError(`${what}: the number of threads must be a whole number from 1 to ${maximumThreads}`)
}

/** What the pools with workers have to do before the process, or the user's worker that the engine runs in, ends. */
const atExit = new Set<() => void>()
process.once('exit', () => {
  for (const end of atExit) end()
})

export const disposedError = (): MixlabError =>
  new MixlabError('the cpu engine was disposed, and its tensors with it: start it again and make them anew', {
    code: 'engine-disposed',
  })

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
  const traces = new Int32Array(buffer(), controlAddress + tracesOffset, maximumThreads)
  const workers = new Map<number, Worker>()
  const dead = new Set<number>()
  let threads = checkThreads(threadCount, 'threads')
  let hands = threads
  let groups = 1
  let started = false
  let disposed = false
  let generation = 0
  let complained = false

  function complain(error: unknown): void {
    if (complained) return
    complained = true
    process.emitWarning(`a worker thread of the cpu engine stopped (${String(error)}); going on with fewer threads`)
  }

  function startWorkers(): void {
    started = true
    atExit.add(endWorkers)
    groups = Math.max(groups, Math.ceil(threads / 32))
    for (let index = 1; index < threads; index++) {
      if (workers.has(index) || dead.has(index)) continue
      const setup: WorkerSetup = { module, memory, controlAddress, index, native: typeof native !== 'string' }
      try {
        const worker = new Worker(workerFile, { workerData: setup, execArgv: [], name: 'mixlab-cpu' })
        worker.on('error', complain)
        worker.on('exit', (code) => {
          if (workers.get(index) !== worker) return
          bury(index)
          complain(`exit code ${code}`)
        })
        worker.unref()
        workers.set(index, worker)
      } catch (error) {
        complain(error)
        bury(index)
      }
    }
  }

  /** Forgets a worker that has ended, wherever in the protocol it was. */
  function bury(index: number): void {
    workers.delete(index)
    dead.add(index)
    hands = threads - [...dead].filter((at) => at < threads).length
    const { word, bit } = bitOf(index)
    Atomics.and(words, control.active + word, ~bit)
    Atomics.and(words, control.sleepers + word, ~bit)
    Atomics.and(words, control.starting + word, ~bit)
    Atomics.store(traces, index, 0)
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
    if (firstSet(control.sleepers) >= 0) Atomics.notify(words, control.generation)
  }

  /** Tells the workers to leave, and returns when none is at what must not be stopped: see worker.ts. */
  function endWorkers(): void {
    Atomics.store(words, control.quit, 1)
    Atomics.store(words, control.generation, generation + 1)
    Atomics.notify(words, control.generation)
    const until = performance.now() + startMilliseconds
    for (let at = firstSet(control.starting); at >= 0; at = firstSet(control.starting)) {
      const starting = Atomics.load(words, at)
      if (starting !== 0) Atomics.wait(words, at, starting, 5)
      if (performance.now() > until) return
    }
  }

  /** The first word of ACTIVE, SLEEPERS or STARTING with a bit set, or −1. */
  function firstSet(from: number): number {
    for (let at = from; at < from + groups; at++) if (Atomics.load(words, at) !== 0) return at
    return -1
  }

  /** Waits for the workers that entered. Returns how many of them died instead of leaving. */
  function join(): number {
    Atomics.store(words, control.open, 0)
    for (let i = 0; i < 20_000; i++) {
      if (firstSet(control.active) < 0) return 0
      pause()
    }
    Atomics.store(words, control.waiting, 1)
    let [lost, look] = [0, performance.now() + patienceMilliseconds]
    for (let at = firstSet(control.active); at >= 0; at = firstSet(control.active)) {
      const active = Atomics.load(words, at)
      if (active !== 0) Atomics.wait(words, at, active, 1)
      if (performance.now() < look) continue
      lost += buryLost()
      look = performance.now() + patienceMilliseconds
    }
    Atomics.store(words, control.waiting, 0)
    return lost
  }

  /** No event tells of a worker's end while this thread waits; its trace does. */
  function buryLost(): number {
    const lost = [...workers.keys()].filter((index) => {
      const { word, bit } = bitOf(index)
      return (Atomics.load(words, control.active + word) & bit) !== 0 && isGone(Atomics.load(traces, index))
    })
    for (const index of lost) bury(index)
    return lost.length
  }

  function throwFailure(kernel: string, lost: number): void {
    if (lost > 0) {
      throw new MixlabError(
        `${lost === 1 ? 'a worker thread' : `${lost} worker threads`} of the cpu engine died inside kernel ${kernel}, and its ` +
          `result is lost; the engine goes on with ${hands} thread${hands === 1 ? '' : 's'}: resume from the last checkpoint, ` +
          'and look for what ended the thread (its memory limit, or code that ends threads)',
        { code: 'worker-lost' },
      )
    }
    if (Atomics.load(words, control.failed) === 0) return
    const text = new Uint8Array(buffer(), controlAddress + failureOffset, words[control.failureLength]).slice()
    throw new Error(`kernel ${kernel} failed on a worker thread: ${new TextDecoder().decode(text)}`)
  }

  /** `at`: the kernel's place among the module's; `code`: its address, where it is machine code. */
  function execute(
    name: string,
    kernel: Kernel,
    at: number,
    code: number,
    count: number,
    grain: number,
    args: readonly number[],
  ): void {
    if (disposed) throw disposedError()
    if (count <= 0) return
    for (let i = 0; i < args.length; i++) argumentWords[i] = args[i]!
    if (count <= grain || hands === 1) return kernel(argumentsAddress, 0, count)
    if (!started) startWorkers()
    publish(at, code, count, grain)
    let lost = 0
    try {
      takeChunks(words, kernel, argumentsAddress)
    } finally {
      lost = join()
    }
    throwFailure(name, lost)
  }

  return {
    dataStart: controlAddress + controlBytes,
    native,
    threads: () => hands,
    setThreads(count) {
      hands = threads = checkThreads(count, 'threads')
      dead.clear()
      started = false
    },
    has: (kernel) => index.has(kernel),
    run(kernel, count, grain, args) {
      const code = typeof native === 'string' ? 0 : native.address(kernel)
      if (code === 0 && !index.has(kernel)) throw new Error(`the cpu engine has no kernel function ${kernel}`)
      if (code === 0) execute(kernel, exported[kernel]!, index.get(kernel)!, 0, count, grain, args)
      else execute(kernel, nativeKernel!(code), 0, code, count, grain, args)
    },
    runCode(address, count, grain, args) {
      execute('of a chain of functions', nativeKernel!(address), 0, address, count, grain, args)
    },
    [Symbol.dispose]() {
      disposed = true
      workers.clear()
      atExit.delete(endWorkers)
      endWorkers()
    },
  }
}
