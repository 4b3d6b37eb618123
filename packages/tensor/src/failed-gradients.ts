// A gradient that fails midway (for want of memory, by a mistake in the loss) leaves the tape as it was before it.
// TensorFlow.js frees what its tape has saved only after the last step backwards; when something throws before that, the
// tape stays in place until the next gradient replaces it, and all the activations that it holds are never freed.
import { RecordedTape } from './recorded-tape.ts'
import { tf } from './tf.ts'

type Gradients = (
  ...args: Parameters<ReturnType<typeof tf.engine>['gradients']>
) => ReturnType<ReturnType<typeof tf.engine>['gradients']>

const engine = tf.engine()
const gradients = engine.gradients.bind(engine) as Gradients

function gradientsOrNothing(...args: Parameters<Gradients>): ReturnType<Gradients> {
  const { activeTape } = engine.state
  if (activeTape instanceof RecordedTape) activeTape.completeNodes()
  try {
    // In a scope of its own, which frees the loss that was computed if its gradient fails.
    return engine.tidy(() => gradients(...args) as never)
  } catch (error) {
    const { state } = engine
    // An inner gradient's tape is the outer one's, which frees it.
    if (state.gradientDepth === 0) {
      for (const { saved } of state.activeTape ?? []) tf.dispose(saved)
      state.activeTape = null as unknown as typeof state.activeTape
    }
    throw error
  }
}

engine.gradients = gradientsOrNothing as typeof engine.gradients
