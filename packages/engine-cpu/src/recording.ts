// What a function asks of the engine, noted so that it can be asked again without the JavaScript between: jobs, what their
// tables hold, and the memory that they use, which stays theirs. Noted twice, it shows whether it is the same each time.
import type { DataId, TensorInfo } from '@tensorflow/tfjs-core'
import type { Pool } from './pool.ts'
import type { Job } from './queue.ts'

type Plan = () => void

/** What tensors from outside are to a recording. */
export interface Used {
  readonly address: number
  readonly references: number
}

interface Use {
  readonly info: TensorInfo
  readonly dataId: DataId
  readonly address: number
}

interface Block {
  readonly address: number
  readonly bytes: number
}

export interface RecordingHost {
  /** A new block of memory, or throws. */
  allocate(bytes: number): number
  /** Memory as it is now, in memory of the host's own. */
  read(address: number, bytes: number): Uint8Array
}

export class Recording<D extends Used> {
  readonly #host: RecordingHost
  readonly #entries: (Job | Plan)[] = []
  #batches: (readonly Job[] | Plan)[] | undefined
  readonly #blocks: Block[] = []
  readonly #tables: (Block & { readonly contents: Uint8Array })[] = []
  readonly #staged: Block[] = []
  readonly #uses = new Map<D, Use>()
  /** Data from outside that is written. */
  readonly written = new Set<D>()
  readonly #owned = new Set<number>()
  /** Where the second time is. */
  #at: { entry: number; block: number } | undefined
  /** Changes when it was last found current. */
  #changes = -1
  #reason: string | undefined

  constructor(host: RecordingHost) {
    this.#host = host
  }

  /** Why it cannot be repeated; undefined while nothing is against it. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Addresses of the memory that is its own. */
  get owned(): ReadonlySet<number> {
    return this.#owned
  }

  /** What it asks for, in order: jobs that follow one another, or what plans some anew each time. */
  get batches(): readonly (readonly Job[] | Plan)[] {
    return (this.#batches ??= batchesOf(this.#entries))
  }

  refuse(reason: string): void {
    this.#reason ??= reason
  }

  note(job: Job): void {
    if (!this.#at) this.#entries.push(job)
    else {
      const before = this.#entries[this.#at.entry++]
      if (typeof before !== 'object' || !isSame(before, job)) this.refuse(`${job.kernel.name} is asked for otherwise`)
    }
  }

  notePlan(plan: Plan): void {
    if (!this.#at) this.#entries.push(plan)
    else if (typeof this.#entries[this.#at.entry++] !== 'function') this.refuse('something else is planned')
  }

  /** Of what is read or written. */
  use(info: TensorInfo, data: D): void {
    if (!this.#owned.has(data.address)) this.#uses.set(data, { info, dataId: info.dataId, address: data.address })
  }

  /** A block of its own: nobody has it before or after, and so the second time it is the same. */
  allocate(bytes: number): number {
    const before = this.#at && this.#blocks[this.#at.block++]
    if (before?.bytes === bytes) return before.address
    if (this.#at) this.refuse('it takes other memory')
    const address = this.#host.allocate(bytes)
    this.#blocks.push({ address, bytes })
    this.#owned.add(address)
    return address
  }

  stage(bytes: number): number {
    const address = this.allocate(bytes)
    this.#staged.push({ address, bytes })
    return address
  }

  /** The function has run: its tables are as they were, or are kept. */
  end(): void {
    for (const { address, bytes } of this.#staged) {
      const contents = this.#host.read(address, bytes)
      const before = this.#tables.find((table) => table.address === address)
      if (!before) this.#tables.push({ address, bytes, contents })
      else if (Buffer.compare(before.contents, contents) !== 0) this.refuse('its tables differ')
    }
    this.#staged.length = 0
    if (this.#at && this.#at.entry !== this.#entries.length) this.refuse('it asks for less')
    this.#at = { entry: 0, block: 0 }
  }

  /**
   * Whether what it reads and writes from outside is still what it was.
   * @param changes how often tensors' data were let go: while that stays, nothing need be looked at
   */
  isCurrent(changes: number): boolean {
    if (changes === this.#changes) return true
    for (const [data, { info, dataId, address }] of this.#uses)
      if (info.dataId !== dataId || data.references === 0 || data.address !== address) return false
    this.#changes = changes
    return true
  }
}

function batchesOf(entries: readonly (Job | Plan)[]): (readonly Job[] | Plan)[] {
  const batches: (Job[] | Plan)[] = []
  for (const entry of entries) {
    const last = batches.at(-1)
    if (typeof entry === 'function') batches.push(entry)
    else if (Array.isArray(last)) last.push(entry)
    else batches.push([entry])
  }
  return batches
}

const isSame = (a: Job, b: Job): boolean =>
  a.kernel.place === b.kernel.place &&
  a.kernel.code === b.kernel.code &&
  a.count === b.count &&
  a.grain === b.grain &&
  a.args.length === b.args.length &&
  a.args.every((value, i) => Object.is(value, b.args[i]))

/** A pool that notes what is asked of it in the recording that there is. */
export function notedPool<D extends Used>(pool: Pool, recording: () => Recording<D> | undefined): Pool {
  return {
    ...pool,
    run(job) {
      recording()?.note(job)
      pool.run(job)
    },
    settle() {
      recording()?.refuse('it waits for a result')
      pool.settle()
    },
    stage(bytes) {
      const into = recording()
      if (!into) return pool.stage(bytes)
      // Of memory that is used again there may be jobs.
      pool.settle()
      return into.stage(bytes)
    },
  }
}
