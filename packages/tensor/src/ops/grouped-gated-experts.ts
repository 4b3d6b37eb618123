// A mixture's gated experts as one operation: each member's slots times its own joint projection, the gated unit, and the
// projection back. One kernel forward and one backward, where an engine can keep what lies between as it likes.
import { activations, type GateActivation } from '../activation-functions.ts'
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { isTaping } from '../tape.ts'
import { tf } from '../tf.ts'
import { gatedUnitGradOperation, gatedUnitOperation } from './gated-unit.ts'
import { groupedMatMulGradWOperation, groupedMatMulOperation } from './grouped-matmul.ts'

type Attributes = { activation: GateActivation }

const transposed = { transposeB: true }

/** Gradients by x, w and down. */
export const groupedGatedExpertsGradOperation = defineOperation<
  Record<'dy' | 'x' | 'w' | 'down' | 'pre' | 'hidden' | 'offsets', tf.Tensor>,
  Attributes,
  [tf.Tensor, tf.Tensor, tf.Tensor]
>({
  name: 'GroupedGatedExpertsGrad',
  summary: 'Gradients of GroupedGatedExperts',
  reference({ dy, x, w, down, pre, hidden, offsets }, attributes) {
    const dHidden = groupedMatMulOperation.run({ x: dy, w: down, offsets }, { transposeB: false })
    const d = gatedUnitGradOperation.run({ dy: dHidden, x: pre }, attributes)
    return [
      groupedMatMulOperation.run({ x: d, w, offsets }, { transposeB: false }),
      groupedMatMulGradWOperation.run({ x, dy: d, offsets }, transposed),
      groupedMatMulGradWOperation.run({ x: hidden, dy, offsets }, transposed),
    ]
  },
})

/** Also returns the joint projection and the gated unit, which the gradient needs; rows of no member are anything there. */
export const groupedGatedExpertsOperation = defineOperation<
  Record<'x' | 'w' | 'down' | 'offsets', tf.Tensor>,
  Attributes,
  [tf.Tensor, tf.Tensor, tf.Tensor],
  'x' | 'w' | 'down' | 'offsets'
>({
  name: 'GroupedGatedExperts',
  summary: "Each member's slots through its own gated expert",
  source: 'https://arxiv.org/abs/2002.05202',
  reference({ x, w, down, offsets }, attributes) {
    const pre = groupedMatMulOperation.run({ x, w, offsets }, transposed)
    const hidden = gatedUnitOperation.run({ x: pre }, attributes)
    return [groupedMatMulOperation.run({ x: hidden, w: down, offsets }, transposed), pre, hidden]
  },
  gradient: {
    inputs: ['x', 'w', 'down', 'offsets'],
    outputs: [1, 2],
    backward(dy, saved, [pre, hidden], attributes) {
      const inputs = { dy, ...saved, pre: pre!, hidden: hidden! }
      const [x, w, down] = groupedGatedExpertsGradOperation.run(inputs, attributes)
      return { x, w, down }
    },
  },
})

/**
 * (act(gate) · up) · down[e]ᵀ of gate ‖ up = x[n] · w[e]ᵀ, for slots n in offsets[e] … offsets[e+1]; other slots are zero.
 * @param x [N, K], sorted by member.
 * @param w [E, 2F, K]: the gate's rows, then those of up.
 * @param down [E, M, F].
 * @param offsets int32 [E+1], ascending, within 0 … N.
 * @returns [N, M].
 */
export function groupedGatedExperts(
  x: tf.Tensor2D,
  w: tf.Tensor,
  down: tf.Tensor,
  offsets: tf.Tensor1D,
  activation: GateActivation,
): tf.Tensor2D {
  expectTensor('groupedGatedExperts', 'x', x, ['N', 'K'])
  expectTensor('groupedGatedExperts', 'w', w, ['E', '2F', x.shape[1]])
  expect(
    'groupedGatedExperts',
    w.shape[1]! % 2 === 0,
    () => `the second axis of w is gate ‖ up and must be even, it is ${w.shape[1]}`,
  )
  expectTensor('groupedGatedExperts', 'down', down, [w.shape[0]!, 'M', w.shape[1]! / 2])
  expectTensor('groupedGatedExperts', 'offsets', offsets, [w.shape[0]! + 1], 'int32')
  expect(
    'groupedGatedExperts',
    activation in activations,
    () => `unknown activation ${activation}; known: ${Object.keys(activations).join(', ')}`,
  )
  const [y, ...between] = groupedGatedExpertsOperation.run({ x, w, down, offsets }, { activation })
  if (!isTaping()) for (const tensor of between) tensor.dispose()
  return y as tf.Tensor2D
}
