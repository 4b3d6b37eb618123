// Values that live on a device are read without stalling it: a step hands over the tensors it wants read, the copy is
// asked for at once, and the values are delivered some steps later, in the order of the steps.
import { tf } from '@mixlab/tensor'

interface Reading {
  readonly values: Promise<readonly ArrayLike<number>[]>
  readonly deliver: (values: readonly ArrayLike<number>[]) => void | Promise<void>
}

export class Readings {
  readonly #pending: Reading[] = []

  /** Reads `tensors` and disposes them; they must be kept (not owned by a tidy). */
  add(tensors: readonly tf.Tensor[], deliver: Reading['deliver']): void {
    const values = Promise.all(tensors.map((tensor) => tensor.data<'float32' | 'int32'>())).finally(() =>
      tf.dispose([...tensors]),
    )
    // Delivery awaits it; until then a failure must not count as unhandled.
    values.catch(() => {})
    this.#pending.push({ values, deliver })
  }

  /** Delivers the oldest readings until at most `ahead` remain. */
  async deliver(ahead = 0): Promise<void> {
    while (this.#pending.length > ahead) {
      const { values, deliver } = this.#pending.shift()!
      await deliver(await values)
    }
  }
}
