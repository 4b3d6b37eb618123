// One training step of a transformer as `train` does it: forward, backward, clipping, AdamW in place, on fixed random data.
import { RandomStream } from '@mixlab/core'
import type { LanguageModel } from '@mixlab/nn'
import { createOptimizer, optimizerConfig, trainStep } from '@mixlab/training'
import { createModel } from './model.ts'
import type { Shape } from './shapes.ts'

/** A function that does one more step each time it is called. */
export const transformerStep = async (shape: Shape): Promise<() => void> => (await transformerTraining(shape)).step

/** A model, and a function that does one more step of its training each time it is called. */
export async function transformerTraining(shape: Shape): Promise<{ model: LanguageModel; step: () => void }> {
  const rng = new RandomStream(1)
  const model = await createModel(shape, rng.stream('init'))
  const optimizer = createOptimizer(optimizerConfig.parse({}), model.parameters())
  const draw = rng.stream('data')
  const count = shape.batch * shape.context
  const ids = Int32Array.from({ length: count + 1 }, () => draw.integer(shape.vocabulary))
  const batch = {
    inputs: ids.slice(0, count),
    targets: ids.slice(1),
    rows: shape.batch,
    length: shape.context,
    starts: new Int32Array(shape.batch),
  }
  let done = 0
  const step = () => {
    done++
    const result = trainStep({
      model,
      batches: { batch: () => batch },
      optimizer,
      step: done,
      accumulation: 1,
      learningRate: 1e-3,
      clip: 1,
      rng,
      observe: false,
    })
    result.scalars.dispose()
  }
  return { model, step }
}
