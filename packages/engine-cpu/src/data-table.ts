// What the backend knows of each tensor's data, kept on the data's id itself. TensorFlow.js's DataStorage is a weak map,
// whose every entry costs more than the allocation of the memory that it describes; it still serves for the ids of other
// backends, whose data is fetched when it is first asked for.
import { DataStorage, type DataId, type DataMover, type KernelBackend } from '@tensorflow/tfjs-core'

/** The id of data that was made here. */
export class OwnId<T> {
  table: DataTable<T> | undefined = undefined
  data: T | undefined = undefined
}

export class DataTable<T> {
  readonly #others: DataStorage<T>
  #count = 0

  constructor(backend: KernelBackend, mover: DataMover) {
    this.#others = new DataStorage(backend, mover)
  }

  get(id: DataId): T {
    if (id instanceof OwnId && id.table === this) return (id as OwnId<T>).data!
    const data = this.#others.get(id)
    // Another engine's data, which was fetched just now: its id is free for this table.
    return id instanceof OwnId && id.table === this ? (id as OwnId<T>).data! : data
  }

  has(id: DataId): boolean {
    return id instanceof OwnId && id.table === this ? true : this.#others.has(id)
  }

  /** For an id that has no data here. */
  set(id: DataId, data: T): void {
    if (id instanceof OwnId && id.table === undefined) {
      this.#count++
      id.table = this
      id.data = data
    } else this.#others.set(id, data)
  }

  /** For an id that has data here. */
  delete(id: DataId): void {
    if (id instanceof OwnId && id.table === this) {
      this.#count--
      id.table = id.data = undefined
    } else this.#others.delete(id)
  }

  numDataIds(): number {
    return this.#count + this.#others.numDataIds()
  }
}
