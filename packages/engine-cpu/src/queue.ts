// The main thread's side of the queue of jobs. A job is published and computed later, in order, by whoever has time: the
// workers while the main thread's JavaScript prepares what comes next, and the main thread itself when the queue is full or
// somebody wants a result. It could do everything alone: workers that are late, never start, or die while they have nothing
// to do only mean fewer hands. One that dies inside a kernel takes the result with it, for kernels write in place.
import { MixlabError } from '@mixlab/core'
import {
  announcedWord,
  argumentsLimit,
  bitOf,
  capacity,
  control,
  createHand,
  failureOffset,
  finish,
  jobAfter,
  jobsBetween,
  none,
  pause,
  placeOf,
  sleepWhile,
  slot,
  type Kernel,
} from './control.ts'

/** How long the main thread waits for workers before it looks whether they still live, and between two looks. */
const patienceMilliseconds = 200
/** Looks before it sleeps in between. */
const spins = 20_000
/** Small items are handed out in no more chunks than this for each thread: each costs a tenth of a microsecond. */
const chunksOfHand = 16
/** The main thread helps when the queue is full, until so many jobs are left. */
const refill = capacity / 4

/** A kernel of a job: code at an address, or, where that is 0, the module's kernel at a place. */
export interface JobKernel {
  /** For messages. */
  readonly name: string
  readonly place: number
  readonly code: number
}

/** A kernel over [0, count), in chunks of `grain` items or more. */
export interface Job {
  readonly kernel: JobKernel
  readonly count: number
  readonly grain: number
  readonly args: readonly number[]
}

export interface QueueOptions {
  readonly words: Int32Array
  readonly argumentWords: Float64Array
  readonly controlAddress: number
  /** The kernel of the job at a place, on this thread. */
  kernelAt(place: number): Kernel
  /** Threads that share a job; without workers that died. */
  hands(): number
  /** Indices of workers that are not known to be dead. */
  workers(): Iterable<number>
  /** Whether a worker has ended. What it was is forgotten by the pool and here. */
  isLost(worker: number): boolean
  forget(worker: number): void
}

export class Queue {
  readonly #options: QueueOptions
  readonly #words: Int32Array
  readonly #takePart: () => number
  readonly #names: string[] = Array.from({ length: 2 * capacity }, () => '')
  #published = 0
  /** Whether what was put into the queue since it was last shown is worth waking somebody for. */
  #isShared = false
  #lost = 0
  #lostName = ''
  /** Jobs ever published. */
  #count = 0

  constructor(options: QueueOptions) {
    this.#options = options
    this.#words = options.words
    this.#takePart = createHand({ ...options, index: 0 })
  }

  get published(): number {
    return this.#count
  }

  get completed(): number {
    return this.#count - this.#waiting()
  }

  /** Helps where the queue is full, and may so throw an earlier job's error. */
  publish(job: Job): void {
    this.#put(job)
    this.#show()
  }

  /** The same of jobs that follow one another: workers are at the first one while the others are put behind it. */
  publishAll(jobs: readonly Job[]): void {
    for (const [i, job] of jobs.entries()) {
      this.#put(job)
      if (i === 0) this.#show()
    }
    this.#show()
  }

  #put({ kernel, count, grain, args }: Job): void {
    if (count <= 0) return
    if (this.#waiting() >= capacity) {
      this.#show()
      this.#help(refill)
    }
    const words = this.#words
    const place = placeOf(this.#published)
    if (args.length > argumentsLimit) throw new Error(`a kernel with ${args.length} arguments`)
    const values = this.#options.argumentWords
    const first = (place + slot.arguments) / 2
    for (let i = 0; i < args.length; i++) values[first + i] = args[i]!
    const hands = this.#options.hands()
    // A single item may be much work, and several in a chunk would leave threads without any at the end.
    const chunk = grain === 1 ? 1 : Math.max(grain, Math.ceil(count / (chunksOfHand * hands)))
    const isWhole = count <= chunk || hands === 1
    words[place + slot.kernel] = kernel.place
    words[place + slot.codeLow] = kernel.code % 2 ** 32
    words[place + slot.codeHigh] = Math.floor(kernel.code / 2 ** 32)
    words[place + slot.count] = count
    words[place + slot.grain] = isWhole ? count : chunk
    words[place + slot.chunks] = isWhole ? 1 : Math.ceil(count / chunk)
    words[place + slot.next] = 0
    words[place + slot.done] = 0
    this.#names[this.#published & (2 * capacity - 1)] = kernel.name
    this.#published = jobAfter(this.#published)
    this.#count++
    this.#isShared ||= !isWhole
    if (this.#published % capacity === 0) this.#awaitLate()
  }

  /** What was put into the queue can be worked on. */
  #show(): void {
    Atomics.store(this.#words, control.published, this.#published)
    if (this.#isShared && this.#someSleep()) this.wake()
    this.#isShared = false
  }

  /** Waits until all jobs are done. @throws MixlabError (`worker-lost`), or a kernel's error, of any job since the last time */
  settle(): void {
    if (this.#waiting() > 0) this.#help(0)
    else if (this.#lost > 0 || this.#words[control.failed] !== 0) this.#throwFailure()
  }

  wake(): void {
    Atomics.add(this.#words, control.wake, 1)
    Atomics.notify(this.#words, control.wake)
  }

  #waiting(): number {
    return jobsBetween(Atomics.load(this.#words, control.current), this.#published)
  }

  #someSleep(): boolean {
    const groups = Math.ceil(Atomics.load(this.#words, control.limit) / 32)
    for (let at = control.sleepers; at < control.sleepers + groups; at++)
      if (Atomics.load(this.#words, at) !== 0) return true
    return false
  }

  /** Works on jobs until at most so many are left. */
  #help(left: number): void {
    while (this.#waiting() > left) {
      const job = this.#takePart()
      if (job === none) break
      if (Atomics.load(this.#words, control.current) === job) this.#waitFor(job)
    }
    this.#throwFailure()
  }

  /** Waits for the workers that have a job's last chunks. */
  #waitFor(job: number): void {
    const isDone = () => Atomics.load(this.#words, control.current) !== job
    for (let i = 0; i < spins; i++) {
      if (isDone()) return
      pause()
    }
    let look = performance.now() + patienceMilliseconds
    while (!isDone()) {
      sleepWhile(this.#words, job, 1)
      // No event tells of a worker's end while this thread waits; its trace does.
      if (performance.now() < look && this.#atWork(job)) continue
      this.#forgetLost(job)
      look = performance.now() + patienceMilliseconds
      if (!this.#atWork(job) && !isDone()) this.#giveUp(job)
    }
  }

  #atWork(job: number): boolean {
    for (const worker of this.#options.workers())
      if (Atomics.load(this.#words, announcedWord(worker)) === job) return true
    return false
  }

  #forgetLost(job: number): void {
    const lost = [...this.#options.workers()].filter(
      (worker) => Atomics.load(this.#words, announcedWord(worker)) === job && this.#options.isLost(worker),
    )
    for (const worker of lost) this.#options.forget(worker)
  }

  /** Nobody is at it, and yet it is not done: the chunks that are missing are lost. */
  #giveUp(job: number): void {
    const place = placeOf(job)
    const chunks = this.#words[place + slot.chunks]!
    if (Atomics.load(this.#words, place + slot.next) < chunks) return
    const missing = chunks - Atomics.load(this.#words, place + slot.done)
    if (missing > 0) {
      this.#lost += missing
      this.#lostName = this.#nameOf(job)
    }
    finish(this.#words, job)
  }

  #nameOf(job: number): string {
    return this.#names[job & (2 * capacity - 1)]!
  }

  #throwFailure(): void {
    if (this.#lost > 0) {
      const [lost, hands] = [this.#lost, this.#options.hands()]
      this.#lost = 0
      throw new MixlabError(
        `${lost === 1 ? 'a worker thread' : `${lost} worker threads`} of the cpu engine died inside kernel ${this.#lostName}, and its ` +
          `result is lost; the engine goes on with ${hands} thread${hands === 1 ? '' : 's'}: resume from the last checkpoint, ` +
          'and look for what ended the thread (its memory limit, or code that ends threads)',
        { code: 'worker-lost' },
      )
    }
    const words = this.#words
    if (Atomics.load(words, control.failed) !== 2) return
    const at = this.#options.controlAddress + failureOffset
    const text = new Uint8Array(words.buffer, at, words[control.failureLength]).slice()
    Atomics.store(words, control.failed, 0)
    throw new Error(`kernel ${this.#nameOf(words[control.failedJob]!)} failed: ${new TextDecoder().decode(text)}`)
  }

  /**
   * The jobs that are published next lie where those of two rounds before lay. A thread that is so late that it still looks
   * at one of these is waited for: it sees at once that it is late.
   */
  #awaitLate(): void {
    for (const worker of this.#options.workers()) {
      for (let look = performance.now() + patienceMilliseconds; this.#isLate(worker); pause()) {
        if (performance.now() < look) continue
        if (this.#options.isLost(worker)) this.#options.forget(worker)
        look = performance.now() + patienceMilliseconds
      }
    }
  }

  #isLate(worker: number): boolean {
    const announced = Atomics.load(this.#words, announcedWord(worker))
    return announced !== none && jobsBetween(announced, this.#published) > capacity
  }
}

/** Forgets all marks of a worker that has ended, wherever it was. */
export function clearMarks(words: Int32Array, worker: number): void {
  const { word, bit } = bitOf(worker)
  Atomics.store(words, announcedWord(worker), none)
  Atomics.and(words, control.sleepers + word, ~bit)
  Atomics.and(words, control.starting + word, ~bit)
}
