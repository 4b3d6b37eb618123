// The trial store: a journal and what it amounts to. Reading needs no lock. A change is a transaction: under the lock the
// file is read to its end, so that what is decided then holds when it is written; all that it decides is one append.
import { randomUUID } from 'node:crypto'
import { threadId } from 'node:worker_threads'
import { type Lock, acquireLock, type LockOptions } from './journal-lock.ts'
import { JournalFile } from './journal-file.ts'
import { lineOf, type Operation } from './journal-operations.ts'
import { applyLine, emptyState, type JournalState, type StudyRecord } from './journal-state.ts'

export class JournalStore {
  readonly #file: JournalFile
  readonly #lock: LockOptions
  readonly #state: JournalState = emptyState()
  readonly #worker = `${randomUUID()}-${threadId}`
  /** Transactions of this process take turns here instead of at the lock, and in the order in which they were asked for. */
  #last: Promise<unknown> = Promise.resolve()
  #version = 0

  /** @throws MixlabError when the file cannot be opened or is no journal */
  constructor(path: string, options: LockOptions & { readonly create: boolean }) {
    this.#file = new JournalFile(path, options.create)
    this.#lock = options
    this.refresh()
  }

  get path(): string {
    return this.#file.path
  }

  /** Grows with every line read: equal versions are equal contents. */
  get version(): number {
    return this.#version
  }

  /** Reads what has been appended, by this process or another. */
  refresh(): void {
    this.#file.read((line) => {
      this.#version++
      applyLine(this.#state, line)
    })
  }

  study(name: string): StudyRecord | undefined {
    return this.studies().find((study) => study.name === name)
  }

  studies(): StudyRecord[] {
    return [...this.#state.studies.values()]
  }

  /** The id that the next study gets. */
  get nextStudyId(): number {
    return this.#state.nextStudy
  }

  /**
   * Calls `decide` under the lock, with everything read, and appends the operations that it returns. From the moment that the
   * lock is taken nothing is awaited: a process that computes without a pause would keep the others waiting.
   * @throws what `decide` throws, nothing being written; MixlabError when the disk is full or read-only
   */
  async transact<T>(decide: () => { readonly operations: readonly Operation[]; readonly result: T }): Promise<T> {
    const turn = this.#last.then(async () => {
      const lock: Lock = await acquireLock(this.path, this.#lock)
      try {
        this.refresh()
        const { operations, result } = decide()
        if (operations.length > 0) this.#file.append(operations.map((one) => lineOf(one, this.#worker)).join(''))
        return result
      } finally {
        lock.release()
      }
    })
    this.#last = turn.catch(() => undefined)
    const result = await turn
    this.refresh()
    return result
  }
}
