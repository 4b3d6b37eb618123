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
  tracesOffset,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import { recordTrace } from './liveness.ts'
import { nativeCaller } from './native/registry.ts'
import { wasm } from './web-assembly.ts'

const { module, memory, controlAddress, index, native } = workerData as WorkerSetup
const words = new Int32Array(memory.buffer, controlAddress, 128)
const { word, bit } = bitOf(index)
const [active, sleepers, starting] = [control.active + word, control.sleepers + word, control.starting + word]
recordTrace(new Int32Array(memory.buffer, controlAddress + tracesOffset, maximumThreads), index)

/** Finds the kernel of the open job: machine code by its address, or the module's by its place among them. */
function makeReady(): () => Kernel {
  const exported = new wasm.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
  ;(exported as unknown as { setThreadIndex(index: number): void }).setThreadIndex(index)
  const kernels = kernelNames(module).map((name) => exported[name]!)
  const call = native ? nativeCaller(memory, index) : undefined
  return () => {
    const code = words[control.codeHigh]! * 2 ** 32 + (words[control.codeLow]! >>> 0)
    return code === 0 ? kernels[words[control.kernel]!]! : call!(code)
  }
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

function work(jobKernel: () => Kernel): void {
  for (let seen = 0; ;) {
    waitForJob(seen)
    if (leaving()) return
    seen = Atomics.load(words, control.generation)
    if (index >= words[control.limit]!) continue
    Atomics.or(words, active, bit)
    if (Atomics.load(words, control.open) !== 0) {
      try {
        takeChunks(words, jobKernel(), controlAddress + argumentsOffset)
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
let jobKernel: (() => Kernel) | undefined
try {
  if (!leaving()) jobKernel = makeReady()
} finally {
  Atomics.and(words, starting, ~bit)
  Atomics.notify(words, starting)
}
if (jobKernel && !leaving()) work(jobKernel)
