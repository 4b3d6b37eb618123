// Steering TensorFlow.js's gradient tape. It records every operation that runs at kernel depth 0 while a gradient is
// being taken, and then wants a gradient for each recorded node between x and y, also for integer results such as the
// indices of a top-k. Integer results are therefore computed off the tape.
import { MixlabError } from '@mixlab/core'
import { tf } from './tf.ts'

/** Whether operations are being recorded for a gradient. */
export function isTaping(): boolean {
  const { gradientDepth, kernelDepth } = tf.engine().state
  return gradientDepth > 0 && kernelDepth === 0
}

/** Runs `body` without recording it: its results are constants for a gradient that is being taken. */
export function untaped<T>(body: () => T): T {
  const { state } = tf.engine()
  // What TensorFlow.js itself counts up while it runs a kernel.
  state.kernelDepth++
  try {
    return body()
  } finally {
    state.kernelDepth--
  }
}

/** @throws MixlabError while a gradient is being taken: tensors that the tape has saved would change under it. */
export function refuseTape(operation: string): void {
  if (isTaping()) {
    throw new MixlabError(
      `${operation} writes in place and cannot run inside tf.grad or tf.variableGrads; call it after the gradients`,
    )
  }
}
