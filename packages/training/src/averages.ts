// An exponential moving average of a model's parameters, and a way to look at the model with it.
import type { LanguageModel } from '@mixlab/nn'
import { ema, tf } from '@mixlab/tensor'

export interface Averages extends Disposable {
  /** a ← decay·a + (1 − decay)·p, for every parameter. */
  update(): void
  state(): ReadonlyMap<string, tf.Variable>
  /** Runs `body` with the averages in the model's place. */
  inPlace<R>(body: () => Promise<R>): Promise<R>
}

export function createAverages(model: LanguageModel, decay: number): Averages {
  const parameters = model.parameters()
  // Gives back what was made if the memory does not suffice for all.
  using stack = new DisposableStack()
  const averages = new Map<string, tf.Variable>()
  for (const [name, value] of parameters) {
    // Multiplying copies; a clone would share the memory that the optimizer writes to.
    const copy = tf.tidy(() => tf.variable(tf.mul<tf.Tensor>(value, 1), false))
    averages.set(
      name,
      stack.adopt(copy, (variable) => variable.dispose()),
    )
  }
  const owned = stack.move()
  return {
    update: () => ema({ averages: [...averages.values()], parameters: [...parameters.values()], decay }),
    state: () => averages,
    async inPlace(body) {
      const held = [...parameters.values()].map((variable) => tf.keep(tf.clone<tf.Tensor>(variable)))
      for (const [name, variable] of parameters)
        tf.tidy(() => variable.assign(tf.clone<tf.Tensor>(averages.get(name)!)))
      try {
        return await body()
      } finally {
        for (const [index, variable] of [...parameters.values()].entries())
          tf.tidy(() => variable.assign(tf.clone(held[index]!)))
        tf.dispose(held)
      }
    },
    [Symbol.dispose]() {
      owned.dispose()
    },
  }
}
