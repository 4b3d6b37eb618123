// A worker thread of the pool: looks for jobs for some microseconds, then sleeps until the next one is published.
import { workerData } from 'node:worker_threads'
import {
  bitOf,
  codeAt,
  control,
  createHand,
  failureOffset,
  kernelNames,
  maximumThreads,
  none,
  pause,
  sleepWhile,
  slot,
  spinMilliseconds,
  tracesOffset,
  type Kernel,
  type WorkerSetup,
} from './control.ts'
import { recordTrace } from './liveness.ts'
import { nativeCaller } from './native/registry.ts'
import { wasm } from './web-assembly.ts'

const { module, memory, controlAddress, index, native } = workerData as WorkerSetup
const words = new Int32Array(memory.buffer, controlAddress, failureOffset / 4)
const { word, bit } = bitOf(index)
const [sleepers, starting] = [control.sleepers + word, control.starting + word]
recordTrace(new Int32Array(memory.buffer, controlAddress + tracesOffset, maximumThreads), index)

/** Finds the kernel of a job: machine code by its address, or the module's by its place among them. */
function makeReady(): (place: number) => Kernel {
  const exported = new wasm.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
  ;(exported as unknown as { setThreadIndex(index: number): void }).setThreadIndex(index)
  const kernels = kernelNames(module).map((name) => exported[name]!)
  const call = native ? nativeCaller(memory, index) : undefined
  return (place) => {
    const code = codeAt(words, place)
    return code === 0 ? kernels[words[place + slot.kernel]!]! : call!(code)
  }
}

const leaving = () => Atomics.load(words, control.quit) !== 0
const mayTakePart = () => index < Atomics.load(words, control.limit)
const isIdle = () => !mayTakePart() || Atomics.load(words, control.current) === Atomics.load(words, control.published)

/** Looks for some microseconds whether it goes on. Returns whether it does. */
function spinUntil(goesOn: () => boolean): boolean {
  const until = performance.now() + spinMilliseconds
  do {
    for (let i = 0; i < 32; i++) {
      if (goesOn()) return true
      pause()
    }
  } while (performance.now() < until)
  return false
}

function waitForJob(): void {
  if (spinUntil(() => !isIdle() || leaving())) return
  Atomics.or(words, sleepers, bit)
  const wake = Atomics.load(words, control.wake)
  if (isIdle() && !leaving()) Atomics.wait(words, control.wake, wake)
  Atomics.and(words, sleepers, ~bit)
}

/** Waits for the threads that have the job's last chunks. */
function waitForOthers(job: number): void {
  const isDone = () => Atomics.load(words, control.current) !== job || leaving()
  if (!spinUntil(isDone)) sleepWhile(words, job, 1)
}

function work(takePart: () => number): void {
  while (!leaving()) {
    const job = mayTakePart() ? takePart() : none
    if (job === none) waitForJob()
    else waitForOthers(job)
  }
}

// Node stops its workers when the process ends. A call into koffi that is stopped in the middle aborts the whole process:
// whoever ends the process or the pool says so first, and then waits for those that have begun to make themselves ready.
Atomics.or(words, starting, bit)
let kernelAt: ((place: number) => Kernel) | undefined
try {
  if (!leaving()) kernelAt = makeReady()
} finally {
  Atomics.and(words, starting, ~bit)
  Atomics.notify(words, starting)
}
if (kernelAt) work(createHand({ words, controlAddress, index, kernelAt }))
