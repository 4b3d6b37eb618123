// Layout of the control block that the main thread and the workers share, and how jobs get done. See queue.ts for how they
// are published and waited for.
//
// Jobs are numbered and lie in a ring. PUBLISHED is the number of the next one, CURRENT that of the oldest that is not
// finished: all threads work on that one only, so that a job sees everything that was written by those before it. Whoever
// does its last chunk moves CURRENT on. A thread says which job it looks at (ANNOUNCED) and then makes sure that this is
// still the current one; so the main thread, which uses a place of the ring again only when nobody announces the job that
// was there, never changes a job under a thread that is late.
import { wasm, type WasmMemory, type WasmModule } from './web-assembly.ts'

/** Indices of int32 words. What is written by different threads at the same time lies in different cache lines. */
export const control = {
  published: 0,
  current: 16,
  /** Threads that may take part: those of a lower index. */
  limit: 32,
  /** Not 0: workers leave. */
  quit: 33,
  /** Counts what sleepers are woken for. */
  wake: 48,
  /** Threads that sleep until CURRENT changes. */
  blocked: 64,
  /** 8 words: bit `index & 31` of word `index >> 5` is the thread's, so that those of one that died can be cleared. */
  sleepers: 80,
  /** 0: nothing failed; 1: a thread writes what it was; 2: it is written. */
  failed: 96,
  failedJob: 97,
  failureLength: 98,
  /** 8 words: threads that make their kernels ready, which must not be stopped. */
  starting: 112,
  /** A word for each thread, in a line of its own. */
  announced: 128,
} as const

export const maximumThreads = 256
const lineWords = 16
/** Jobs that may wait at once: so many kernels' JavaScript runs ahead of them. */
export const capacity = 128
/** Twice as many: see Queue's `publish`. */
const ring = 2 * capacity
export const argumentsLimit = 128
const slotsWord = control.announced + lineWords * maximumThreads
const slotWords = 3 * lineWords + 2 * argumentsLimit

/** Words of a job, from its place on. */
export const slot = {
  /** The kernel's place among the module's functions. */
  kernel: 0,
  /** Address of its machine code, low and high half; 0: the module's kernel. */
  codeLow: 1,
  codeHigh: 2,
  grain: 3,
  count: 4,
  chunks: 5,
  /** The next chunk that nobody has taken. */
  next: lineWords,
  /** Chunks that are done. */
  done: 2 * lineWords,
  arguments: 3 * lineWords,
} as const

export const failureOffset = 4 * (slotsWord + ring * slotWords)
export const failureBytes = 512
/** An int32 word for each thread: see liveness.ts. */
export const tracesOffset = failureOffset + failureBytes
/** What jobs in the queue read, written by the main thread: see stage.ts. */
export const stageOffset = tracesOffset + 4 * maximumThreads
export const stageBytes = 1 << 18
export const controlBytes = stageOffset + stageBytes

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

/** Where a thread's bit is in SLEEPERS and STARTING. */
export const bitOf = (index: number): { word: number; bit: number } => ({ word: index >> 5, bit: 1 << (index & 31) })

export const announcedWord = (index: number): number => control.announced + lineWords * index

/** Of jobs; one that is counted further begins again. */
const numbers = 0x3fffffff
export const jobAfter = (job: number): number => (job + 1) & numbers
/** How many jobs after `from` `to` is. */
export const jobsBetween = (from: number, to: number): number => (to - from) & numbers
/** First word of a job's place. */
export const placeOf = (job: number): number => slotsWord + slotWords * (job & (ring - 1))

/** Address of the machine code of the job at a place; 0: it is a kernel of the module's. */
export const codeAt = (words: Int32Array, place: number): number =>
  words[place + slot.codeHigh]! * 2 ** 32 + (words[place + slot.codeLow]! >>> 0)

/** No job: nobody's announcement, nothing to do. */
export const none = -1

/** Names of the module's functions in the order by which a job refers to them. */
export const kernelNames = (module: WasmModule): string[] =>
  wasm.Module.exports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => name)
    .toSorted()

export interface Hand {
  readonly words: Int32Array
  readonly controlAddress: number
  /** Of the thread. */
  readonly index: number
  /** The kernel of the job at a place. */
  kernelAt(place: number): Kernel
}

/**
 * What a thread does over and over: it takes chunks of the current job until none is left. Returns the job's number, or
 * `none` where there was none; others may still be at it.
 */
export function createHand({ words, controlAddress, index, kernelAt }: Hand): () => number {
  const announced = announcedWord(index)

  function takeChunks(job: number): void {
    const place = placeOf(job)
    const chunks = words[place + slot.chunks]!
    const grain = words[place + slot.grain]!
    const count = words[place + slot.count]!
    const args = controlAddress + 4 * (place + slot.arguments)
    let kernel: Kernel | undefined
    for (;;) {
      if (Atomics.load(words, control.quit) !== 0) return
      const chunk = Atomics.add(words, place + slot.next, 1)
      if (chunk >= chunks) return
      try {
        kernel ??= kernelAt(place)
        kernel(args, chunk * grain, Math.min(count, (chunk + 1) * grain))
      } catch (error) {
        report(words, controlAddress, job, error)
      }
      if (Atomics.add(words, place + slot.done, 1) === chunks - 1) finish(words, job)
    }
  }

  return () => {
    for (;;) {
      const job = Atomics.load(words, control.current)
      if (job === Atomics.load(words, control.published)) return none
      Atomics.store(words, announced, job)
      const isCurrent = Atomics.load(words, control.current) === job
      if (isCurrent) takeChunks(job)
      Atomics.store(words, announced, none)
      if (isCurrent) return job
    }
  }
}

/** The job is done. */
export function finish(words: Int32Array, job: number): void {
  Atomics.compareExchange(words, control.current, job, jobAfter(job))
  if (Atomics.load(words, control.blocked) !== 0) Atomics.notify(words, control.current)
}

/** Sleeps until another job than this one is the current one, or for some milliseconds. */
export function sleepWhile(words: Int32Array, job: number, milliseconds: number): void {
  Atomics.add(words, control.blocked, 1)
  Atomics.wait(words, control.current, job, milliseconds)
  Atomics.sub(words, control.blocked, 1)
}

/** Keeps the first error. */
function report(words: Int32Array, controlAddress: number, job: number, error: unknown): void {
  if (Atomics.compareExchange(words, control.failed, 0, 1) !== 0) return
  const text = new TextEncoder()
    .encode(error instanceof Error ? error.message : String(error))
    .subarray(0, failureBytes)
  new Uint8Array(words.buffer, controlAddress + failureOffset, failureBytes).set(text)
  words[control.failureLength] = text.length
  words[control.failedJob] = job
  Atomics.store(words, control.failed, 2)
}

/** A hint to the processor that this is a spin loop, where the runtime has it. */
export const pause: () => void = (Atomics as unknown as { pause?: () => void }).pause ?? (() => {})
