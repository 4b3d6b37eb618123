// The references to data that running kernels have made and not given back: what is to be disposed where one fails.
import type { DataId } from '@tensorflow/tfjs-core'

export class MadeByKernels {
  /** The first `#count` of them. */
  readonly #ids: DataId[] = []
  #count = 0
  #depth = 0

  get isRunning(): boolean {
    return this.#depth > 0
  }

  /** A kernel begins. Returns what `giveBack` wants. */
  enter(): number {
    this.#depth++
    return this.#count
  }

  /** A kernel ends. */
  leave(): void {
    this.#depth--
    if (this.#depth === 0) this.#count = 0
  }

  /** Disposes of what was made since; `dispose` calls `forget`. */
  giveBack(since: number, dispose: (id: DataId) => void): void {
    while (this.#count > since) dispose(this.#ids[this.#count - 1]!)
  }

  note(id: DataId): void {
    if (this.#depth > 0) this.#ids[this.#count++] = id
  }

  forget(id: DataId): void {
    if (this.#count === 0) return
    const at = this.#ids.lastIndexOf(id, this.#count - 1)
    if (at >= 0) this.#ids.copyWithin(at, at + 1, this.#count--)
  }
}
