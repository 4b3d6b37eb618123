// A worker thread of the pool: looks for jobs for some microseconds, then sleeps until the next one is published.
import { workerData } from 'node:worker_threads'
import {
  argumentsOffset,
  bitOf,
  control,
  failureBytes,
  failureOffset,
  kernelNames,
  maximumThreads,
  pause,
  spinMilliseconds,
  takeChunks,
  threadKernels,
  tracesOffset,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import { recordTrace } from './liveness.ts'
import { wasm } from './web-assembly.ts'

const { module, memory, controlAddress, index, native } = workerData as WorkerSetup
const words = new Int32Array(memory.buffer, controlAddress, 128)
const { word, bit } = bitOf(index)
const [active, sleepers, starting] = [control.active + word, control.sleepers + word, control.starting + word]
recordTrace(new Int32Array(memory.buffer, controlAddress + tracesOffset, maximumThreads), index)

/** Kernels in the order by which a job refers to them. */
function makeReady(): Kernel[] {
  const exported = new wasm.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
  ;(exported as unknown as { setThreadIndex(index: number): void }).setThreadIndex(index)
  const own = threadKernels(exported, memory, native)
  return kernelNames(module).map((name) => own[name]!)
}

function report(error: unknown): void {
  const text = new TextEncoder()
    .encode(error instanceof Error ? error.message : String(error))
    .subarray(0, failureBytes)
  if (Atomics.compareExchange(words, control.failed, 0, 1) !== 0) return
  new Uint8Array(memory.buffer, controlAddress + failureOffset, failureBytes).set(text)
  words[control.failureLength] = text.length
}

function waitForJob(seen: number): void {
  const until = performance.now() + spinMilliseconds
  do {
    for (let i = 0; i < 32; i++) {
      if (Atomics.load(words, control.generation) !== seen) return
      pause()
    }
  } while (performance.now() < until)
  Atomics.or(words, sleepers, bit)
  Atomics.wait(words, control.generation, seen)
  Atomics.and(words, sleepers, ~bit)
}

const leaving = () => Atomics.load(words, control.quit) !== 0

function work(kernels: readonly Kernel[]): void {
  for (let seen = 0; ;) {
    waitForJob(seen)
    if (leaving()) return
    seen = Atomics.load(words, control.generation)
    if (index >= words[control.limit]!) continue
    Atomics.or(words, active, bit)
    if (Atomics.load(words, control.open) !== 0) {
      try {
        takeChunks(words, kernels[words[control.kernel]!]!, controlAddress + argumentsOffset)
      } catch (error) {
        report(error)
      }
    }
    Atomics.and(words, active, ~bit)
    if (Atomics.load(words, control.waiting) !== 0) Atomics.notify(words, active)
  }
}

// Node stops its workers when the process ends. A call into koffi that is stopped in the middle aborts the whole process:
// whoever ends the process or the pool says so first, and then waits for those that have begun to make themselves ready.
Atomics.or(words, starting, bit)
let kernels: Kernel[] = []
try {
  if (!leaving()) kernels = makeReady()
} finally {
  Atomics.and(words, starting, ~bit)
  Atomics.notify(words, starting)
}
if (!leaving()) work(kernels)
