// Stochastic gradient descent with momentum over all parameters in one kernel, in place.
import { expect } from '../check.ts'
import { elementsInPlace } from '../in-place.ts'
import { defineOperation } from '../operation.ts'
import { refuseTape } from '../tape.ts'
import type { tf } from '../tf.ts'
import { expectAligned, listed, named, type NamedTensors, perTensor } from './tensor-lists.ts'

type Attributes = {
  count: number
  learningRate: number
  momentum: number
  nesterov: boolean
  weightDecay: number[]
  step: number
}

export const sgdOperation = defineOperation<NamedTensors, Attributes, []>({
  name: 'Sgd',
  summary: 'SGD with momentum over a list of tensors, in place',
  source: 'https://proceedings.mlr.press/v28/sutskever13.html',
  reference(inputs, { count, learningRate, momentum, nesterov, weightDecay, step }) {
    const scale = inputs['scale']?.dataSync<'float32'>()[0] ?? 1
    for (let n = 0; n < count; n++) {
      const p = elementsInPlace(inputs[`p${n}`]!)
      const buffer = momentum === 0 ? undefined : elementsInPlace(inputs[`b${n}`]!)
      const gradient = listed(inputs, 'g', count)[n]!.dataSync<'float32'>()
      for (let i = 0; i < p.length; i++) {
        let g = gradient[i]! * scale + weightDecay[n]! * p[i]!
        if (buffer) {
          buffer[i] = step === 1 ? g : momentum * buffer[i]! + g
          g = nesterov ? g + momentum * buffer[i]! : buffer[i]!
        }
        p[i]! -= learningRate * g
      }
    }
    return []
  },
})

export interface SgdStep {
  /** Changed in place. */
  readonly parameters: readonly tf.Tensor[]
  readonly gradients: readonly tf.Tensor[]
  /** Momentum buffers, like the parameters; changed in place. Needed if momentum ≠ 0. */
  readonly buffers?: readonly tf.Tensor[]
  readonly learningRate: number
  /** Default 0. */
  readonly momentum?: number
  readonly nesterov?: boolean
  /** Added to the gradient (L2); one for all or one for each parameter. Default 0. */
  readonly weightDecay?: number | readonly number[]
  /** 1-based; the buffer starts as the first gradient. */
  readonly step: number
  /** Multiplies the gradients: a clipping factor, on the device. */
  readonly scale?: tf.Tensor | undefined
}

/**
 * One step of SGD as in torch.optim.SGD (dampening 0), in place.
 * @throws MixlabError on lists that do not match, or while a gradient is being taken.
 */
export function sgd({ parameters, gradients, buffers = [], scale, ...options }: SgdStep): void {
  const { learningRate, momentum = 0, nesterov = false, weightDecay = 0, step } = options
  refuseTape('sgd')
  const lists = { parameters, gradients, ...(momentum !== 0 && { buffers }) }
  expectAligned('sgd', lists)
  expect('sgd', Number.isInteger(step) && step >= 1, () => `step is ${step}, expected 1 or more`)
  expect('sgd', momentum !== 0 || !nesterov, () => 'nesterov needs a momentum')
  const count = parameters.length
  const decays = perTensor('sgd', 'weightDecay', weightDecay, count)
  sgdOperation.run(
    { ...named({ p: parameters, g: gradients, b: momentum === 0 ? [] : buffers }), scale },
    { count, learningRate, momentum, nesterov, weightDecay: decays, step },
  )
}
