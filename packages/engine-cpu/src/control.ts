// Layout of the control block that the main thread and the workers share: how a job is published and joined.
//
// A job is open while OPEN holds its generation. A worker enters by setting its bit in ACTIVE and only then looks at
// OPEN: if the job is still open, the main thread, which closes it first and reads ACTIVE afterwards, is bound to see
// the worker and waits for it; if not, the worker leaves without having touched anything. So the main thread never waits
// for a worker that has not claimed work, and the job's fields never change under one that has. ACTIVE and SLEEPERS have
// a bit for each thread, not a count of them: the bits of a worker that died can be cleared, whatever it was about to do.

import { wasm, type WasmMemory, type WasmModule } from './web-assembly.ts'

/** Indices of int32 words. What is written by different threads at the same time lies in different cache lines. */
export const control = {
  generation: 0,
  open: 1,
  kernel: 2,
  grain: 3,
  count: 4,
  chunks: 5,
  limit: 6,
  /** Address of machine code for the job, low and high half; 0: the module's kernel. */
  codeLow: 7,
  codeHigh: 8,
  /** Not 0: workers leave. */
  quit: 9,
  next: 16,
  /** 8 words: bit `index & 31` of word `index >> 5` is the thread's. */
  active: 32,
  waiting: 40,
  /** 8 words. */
  sleepers: 48,
  failed: 64,
  failureLength: 65,
  /** 8 words: threads that make their kernels ready, which must not be stopped. */
  starting: 72,
} as const

export const argumentsOffset = 1024
export const argumentsLimit = 384
export const failureOffset = argumentsOffset + 8 * argumentsLimit
export const failureBytes = 512
/** An int32 word for each thread: see liveness.ts. */
export const tracesOffset = failureOffset + failureBytes
export const maximumThreads = 256
export const controlBytes = tracesOffset + 4 * maximumThreads

/** How long a worker looks for the next job before it sleeps, in milliseconds: longer than the host's share of an op. */
export const spinMilliseconds = 0.06

export type Kernel = (args: number, begin: number, end: number) => void

export interface WorkerSetup {
  /** Whether jobs may be machine code. */
  readonly native: boolean
  readonly module: WasmModule
  readonly memory: WasmMemory
  readonly controlAddress: number
  /** 1 … threads − 1; the main thread is 0. */
  readonly index: number
}

/** Where a thread's bit is in ACTIVE, SLEEPERS and STARTING. */
export const bitOf = (index: number): { word: number; bit: number } => ({ word: index >> 5, bit: 1 << (index & 31) })

/** Names of the module's functions in the order by which a job refers to them. */
export const kernelNames = (module: WasmModule): string[] =>
  wasm.Module.exports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => name)
    .toSorted()

/** Takes chunks of the open job until none is left. */
export function takeChunks(words: Int32Array, kernel: Kernel, args: number): void {
  const grain = words[control.grain]!
  const count = words[control.count]!
  const chunks = words[control.chunks]!
  for (;;) {
    const chunk = Atomics.add(words, control.next, 1)
    if (chunk >= chunks) return
    kernel(args, chunk * grain, Math.min(count, (chunk + 1) * grain))
  }
}

/** A hint to the processor that this is a spin loop, where the runtime has it. */
export const pause: () => void = (Atomics as unknown as { pause?: () => void }).pause ?? (() => {})
