// Exponential moving averages of parameters, in place.
import { expect } from '../check.ts'
import { elementsInPlace } from '../in-place.ts'
import { defineOperation } from '../operation.ts'
import { refuseTape } from '../tape.ts'
import type { tf } from '../tf.ts'
import { expectAligned, named, type NamedTensors } from './tensor-lists.ts'

export const emaOperation = defineOperation<NamedTensors, { count: number; decay: number }, []>({
  name: 'Ema',
  summary: 'Exponential moving average of a list of tensors, in place',
  reference(inputs, { count, decay }) {
    for (let n = 0; n < count; n++) {
      const average = elementsInPlace(inputs[`a${n}`]!)
      const parameter = inputs[`p${n}`]!.dataSync<'float32'>()
      for (let i = 0; i < average.length; i++) average[i] = decay * average[i]! + (1 - decay) * parameter[i]!
    }
    return []
  },
})

/**
 * average ← decay · average + (1 − decay) · parameter, in place. An average must own its memory: a clone of its parameter
 * shares it.
 */
export function ema({
  averages,
  parameters,
  decay,
}: {
  averages: readonly tf.Tensor[]
  parameters: readonly tf.Tensor[]
  decay: number
}): void {
  refuseTape('ema')
  expectAligned('ema', { averages, parameters })
  expect('ema', decay >= 0 && decay <= 1, () => `decay is ${decay}, expected 0 … 1`)
  emaOperation.run(named({ a: averages, p: parameters }), { count: averages.length, decay })
}
