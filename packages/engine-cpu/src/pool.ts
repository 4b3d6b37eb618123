// The worker pool: starts the threads that share the queue's jobs, keeps count of those that live, and ends them. How work
// is shared never changes a result. Workers are started by the first job that is worth sharing.
import { Worker } from 'node:worker_threads'
import { MixlabError, usableProcessors } from '@mixlab/core'
import {
  announcedWord,
  bitOf,
  codeAt,
  control,
  controlBytes,
  failureOffset,
  kernelNames,
  maximumThreads,
  none,
  slot,
  stageBytes,
  stageOffset,
  tracesOffset,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import type { Progress } from './host-blocks.ts'
import { isGone } from './liveness.ts'
import type { SharedMemory } from './memory.ts'
import { adviseLargePages } from './native/executable.ts'
import { nativeCaller, nativeKernels, type NativeKernels } from './native/registry.ts'
import { clearMarks, type Job, type JobKernel, Queue } from './queue.ts'
import { createStage } from './stage.ts'
import { wasm, type WasmModule } from './web-assembly.ts'

/** How long the end of the process waits, at most, for workers that are about to be ready or at a job. */
const startMilliseconds = 2000
const workerFile = new URL(/\.ts(\?|$)/.test(import.meta.url) ? './worker.ts' : './worker.js', import.meta.url)

export type KernelObserver = (kernel: string, milliseconds: number) => void

export interface Pool extends Disposable {
  /** A kernel by its name. */
  kernel(name: string): JobKernel
  /** Has a kernel run, after all that was asked for before. */
  run(job: Job): void
  /** The same of jobs that follow one another. */
  runAll(jobs: readonly Job[]): void
  /** Waits until all of it is done. @throws what failed since the last time */
  settle(): void
  /** Memory for what a kernel is to read, to be written now; undefined: more than there is. */
  stage(bytes: number): number | undefined
  /** What was staged is read by no job that is asked for from now on. */
  closeStage(): void
  /** Hears how long each kernel takes, while it is set: kernels then run one at a time. */
  watch(observer: KernelObserver | undefined): void
  /** Jobs that were ever asked for, and that are done. */
  readonly progress: Progress
  /** Threads that share a job, the main one included; without workers that died. */
  threads(): number
  /** Also starts new workers for those that died. */
  setThreads(threads: number): void
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
  { memory, buffer, limit }: SharedMemory,
  threadCount: number,
  allowNative = true,
): Pool {
  const exported = new wasm.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
  const native = allowNative ? nativeKernels() : 'not wanted'
  const nativeKernel = typeof native === 'string' ? undefined : nativeCaller(memory, 0)
  if (nativeKernel) adviseLargePages(memory, limit.bytes)
  const names = kernelNames(module)
  const index = new Map(names.map((name, i) => [name, i]))
  const heapBase = (exported as unknown as { heapBase(): number }).heapBase()
  const controlAddress = Math.ceil(heapBase / 64) * 64
  const words = new Int32Array(buffer(), controlAddress, failureOffset / 4)
  const traces = new Int32Array(buffer(), controlAddress + tracesOffset, maximumThreads)
  const workers = new Map<number, Worker>()
  const dead = new Set<number>()
  let threads = checkThreads(threadCount, 'threads')
  let hands = threads
  let started = false
  let disposed = false
  let complained = false
  let observer: KernelObserver | undefined
  const kernelsByPlace = names.map((name) => exported[name]!)
  for (let i = 0; i < maximumThreads; i++) words[announcedWord(i)] = none
  words[control.limit] = threads
  const queue = new Queue({
    words,
    argumentWords: new Float64Array(buffer(), controlAddress, failureOffset / 8),
    controlAddress,
    kernelAt(place) {
      const code = codeAt(words, place)
      return code === 0 ? kernelsByPlace[words[place + slot.kernel]!]! : nativeKernel!(code)
    },
    hands: () => hands,
    workers: () => workers.keys(),
    isLost: (worker) => isGone(Atomics.load(traces, worker)),
    forget: bury,
  })
  const progress: Progress = { published: () => queue.published, completed: () => queue.completed }
  const stage = createStage({
    start: controlAddress + stageOffset,
    bytes: stageBytes,
    progress,
    settle: () => queue.settle(),
  })

  function complain(error: unknown): void {
    if (complained) return
    complained = true
    process.emitWarning(`a worker thread of the cpu engine stopped (${String(error)}); going on with fewer threads`)
  }

  function startWorkers(): void {
    started = true
    atExit.add(endWorkers)
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
    clearMarks(words, index)
    Atomics.store(traces, index, 0)
  }

  /** Tells the workers to leave, and returns when none is at what must not be stopped: see worker.ts. */
  function endWorkers(): void {
    Atomics.store(words, control.quit, 1)
    queue.wake()
    const until = performance.now() + startMilliseconds
    for (const index of workers.keys()) {
      const { word, bit } = bitOf(index)
      const isBusy = () =>
        (Atomics.load(words, control.starting + word) & bit) !== 0 || Atomics.load(words, announcedWord(index)) !== none
      while (isBusy() && !isGone(Atomics.load(traces, index)) && performance.now() < until) {
        const starting = Atomics.load(words, control.starting + word)
        Atomics.wait(words, control.starting + word, starting, 1)
      }
    }
  }

  const known = new Map<string, JobKernel>()
  function kernel(name: string): JobKernel {
    const before = known.get(name)
    if (before) return before
    const code = typeof native === 'string' ? 0 : native.address(name)
    const place = code === 0 ? index.get(name) : 0
    if (place === undefined) throw new Error(`the cpu engine has no kernel function ${name}`)
    const found = { name, place, code }
    known.set(name, found)
    return found
  }

  const isShared = ({ count, grain }: Job) => count > grain && hands > 1

  function run(job: Job): void {
    if (disposed) throw disposedError()
    if (job.count <= 0) return
    if (!started && isShared(job)) startWorkers()
    if (observer) queue.settle()
    const start = observer ? performance.now() : 0
    queue.publish(job)
    if (!observer) return
    queue.settle()
    observer(job.kernel.name, performance.now() - start)
  }

  return {
    dataStart: controlAddress + controlBytes,
    native,
    settle: () => queue.settle(),
    stage: (bytes) => stage.take(bytes),
    closeStage: () => stage.close(),
    watch(next) {
      observer = next
    },
    progress,
    threads: () => hands,
    setThreads(count) {
      queue.settle()
      hands = threads = checkThreads(count, 'threads')
      Atomics.store(words, control.limit, threads)
      dead.clear()
      started = false
    },
    kernel,
    run,
    runAll(jobs) {
      if (observer) return jobs.forEach(run)
      if (disposed) throw disposedError()
      if (!started && jobs.some(isShared)) startWorkers()
      queue.publishAll(jobs)
    },
    [Symbol.dispose]() {
      disposed = true
      atExit.delete(endWorkers)
      endWorkers()
      workers.clear()
    },
  }
}
