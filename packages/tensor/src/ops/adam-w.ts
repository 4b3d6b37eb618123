// AdamW over all parameters in one kernel, in place: no new tensors in a step.
import { expect } from '../check.ts'
import { elementsInPlace } from '../in-place.ts'
import { defineOperation } from '../operation.ts'
import { refuseTape } from '../tape.ts'
import type { tf } from '../tf.ts'
import { expectAligned, listed, named, type NamedTensors, perTensor } from './tensor-lists.ts'

type Attributes = {
  count: number
  learningRate: number
  beta1: number
  beta2: number
  eps: number
  weightDecay: number[]
  step: number
}

export const adamWOperation = defineOperation<NamedTensors, Attributes, []>({
  name: 'AdamW',
  summary: 'AdamW over a list of tensors, in place',
  source: 'https://arxiv.org/abs/1711.05101',
  reference(inputs, { count, learningRate, beta1, beta2, eps, weightDecay, step }) {
    const scale = inputs['scale']?.dataSync<'float32'>()[0] ?? 1
    const correction1 = 1 - beta1 ** step
    const correction2 = 1 - beta2 ** step
    const lists = ['p', 'g', 'm', 'v'].map((letter) => listed(inputs, letter, count))
    for (let n = 0; n < count; n++) {
      const [p, , m, v] = lists.map((list) => elementsInPlace(list[n]!)) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ]
      const gradient = lists[1]![n]!.dataSync<'float32'>()
      const decay = 1 - learningRate * weightDecay[n]!
      for (let i = 0; i < p.length; i++) {
        const g = gradient[i]! * scale
        m[i] = beta1 * m[i]! + (1 - beta1) * g
        v[i] = beta2 * v[i]! + (1 - beta2) * g * g
        p[i] = p[i]! * decay - (learningRate * (m[i]! / correction1)) / (Math.sqrt(v[i]! / correction2) + eps)
      }
    }
    return []
  },
})

export interface AdamWStep {
  /** Changed in place. */
  readonly parameters: readonly tf.Tensor[]
  readonly gradients: readonly tf.Tensor[]
  /** First moments, like the parameters; changed in place. */
  readonly m: readonly tf.Tensor[]
  /** Second moments, like the parameters; changed in place. */
  readonly v: readonly tf.Tensor[]
  readonly learningRate: number
  readonly beta1?: number
  readonly beta2?: number
  readonly eps?: number
  /** Decoupled; one for all or one for each parameter. Default 0.01. */
  readonly weightDecay?: number | readonly number[]
  /** 1-based. */
  readonly step: number
  /** Multiplies the gradients: a clipping factor, on the device. */
  readonly scale?: tf.Tensor | undefined
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2, as in torch.optim.AdamW), in place.
 * @throws MixlabError on lists that do not match, or while a gradient is being taken.
 */
export function adamW({ parameters, gradients, m, v, scale, ...options }: AdamWStep): void {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01, step } = options
  refuseTape('adamW')
  expectAligned('adamW', { parameters, gradients, m, v })
  expect('adamW', Number.isInteger(step) && step >= 1, () => `step is ${step}, expected 1 or more`)
  const count = parameters.length
  const decays = perTensor('adamW', 'weightDecay', weightDecay, count)
  adamWOperation.run(
    { ...named({ p: parameters, g: gradients, m, v }), scale },
    { count, learningRate, beta1, beta2, eps, weightDecay: decays, step },
  )
}
