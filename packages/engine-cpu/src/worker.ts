// A worker thread of the pool: looks for jobs for some microseconds, then sleeps until the next one is published.
import { workerData } from 'node:worker_threads'
import {
  argumentsOffset,
  control,
  failureBytes,
  failureOffset,
  kernelNames,
  pause,
  spinMilliseconds,
  takeChunks,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import { nativeCaller } from './native/registry.ts'
import { wasm } from './web-assembly.ts'

const { module, memory, controlAddress, index } = workerData as WorkerSetup
const words = new Int32Array(memory.buffer, controlAddress, 128)
const exported = new wasm.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
const kernels = kernelNames(module).map((name) => exported[name]!)
let native: ReturnType<typeof nativeCaller> | undefined

function jobKernel(): Kernel {
  const code = words[control.codeHigh]! * 2 ** 32 + (words[control.codeLow]! >>> 0)
  return code === 0 ? kernels[words[control.kernel]!]! : (native ??= nativeCaller(memory, index))(code)
}
;(exported as unknown as { setThreadIndex(index: number): void }).setThreadIndex(index)

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
  Atomics.add(words, control.sleepers, 1)
  Atomics.wait(words, control.generation, seen)
  Atomics.sub(words, control.sleepers, 1)
}

for (let seen = 0; ;) {
  waitForJob(seen)
  seen = Atomics.load(words, control.generation)
  if (index >= words[control.limit]!) continue
  Atomics.add(words, control.active, 1)
  if (Atomics.load(words, control.open) !== 0) {
    try {
      takeChunks(words, jobKernel(), controlAddress + argumentsOffset)
    } catch (error) {
      report(error)
    }
  }
  Atomics.sub(words, control.active, 1)
  if (Atomics.load(words, control.waiting) !== 0) Atomics.notify(words, control.active)
}
