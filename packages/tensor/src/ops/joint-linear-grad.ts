// The gradients of linear maps of one x, as one kernel: an engine runs them as one list of products.
import { defineOperation } from '../operation.ts'
import type { tf } from '../tf.ts'
import { matMulGradient } from './matmul-grad.ts'

const transposition = { transposeA: false, transposeB: true }

/** Of each map its own gradient by x, and that by its weight: the tape adds up those by x, in its own order. */
export const jointLinearGradOperation = defineOperation<
  { x: tf.Tensor } & Readonly<Record<`w${number}` | `dy${number}`, tf.Tensor>>,
  { count: number },
  tf.Tensor[]
>({
  name: 'JointLinearGrad',
  summary: 'Gradients of x · wᵀ for several weights',
  reference: (inputs, { count }) =>
    Array.from({ length: count }, (_, i) => {
      const dy = inputs[`dy${i}`]!
      return [matMulGradient.a(dy, inputs[`w${i}`]!, transposition), matMulGradient.b(dy, inputs.x, transposition)]
    }).flat(),
})
