// The first half of a mixture's gated experts, as one operation: each member's slots times its own joint projection, then
// the gated unit. One kernel forward and one backward, where an engine can keep what lies between as it likes.
import { activations, type GateActivation } from '../activation-functions.ts'
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { isTaping } from '../tape.ts'
import { tf } from '../tf.ts'
import { gatedUnitGradOperation, gatedUnitOperation } from './gated-unit.ts'
import { groupedMatMulGradWOperation, groupedMatMulOperation } from './grouped-matmul.ts'

type Attributes = { activation: GateActivation }

const transposed = { transposeB: true }

/** Gradients by x and w. */
export const groupedGatedUnitGradOperation = defineOperation<
  { dy: tf.Tensor; x: tf.Tensor; w: tf.Tensor; pre: tf.Tensor; offsets: tf.Tensor },
  Attributes,
  [tf.Tensor, tf.Tensor]
>({
  name: 'GroupedGatedUnitGrad',
  summary: 'Gradients of GroupedGatedUnit',
  reference({ dy, x, w, pre, offsets }, attributes) {
    const d = gatedUnitGradOperation.run({ dy, x: pre }, attributes)
    return [
      groupedMatMulOperation.run({ x: d, w, offsets }, { transposeB: false }),
      groupedMatMulGradWOperation.run({ x, dy: d, offsets }, transposed),
    ]
  },
})

/** Also returns the joint projection, which the gradient needs. */
export const groupedGatedUnitOperation = defineOperation<
  { x: tf.Tensor; w: tf.Tensor; offsets: tf.Tensor },
  Attributes,
  [tf.Tensor, tf.Tensor],
  'x' | 'w' | 'offsets'
>({
  name: 'GroupedGatedUnit',
  summary: "The gated unit of each member's slots times its own matrix",
  source: 'https://arxiv.org/abs/2002.05202',
  reference(inputs, attributes) {
    const pre = groupedMatMulOperation.run(inputs, transposed)
    return [gatedUnitOperation.run({ x: pre }, attributes), pre]
  },
  gradient: {
    inputs: ['x', 'w', 'offsets'],
    outputs: [1],
    backward(dy, saved, [pre], attributes) {
      const [x, w] = groupedGatedUnitGradOperation.run({ dy, ...saved, pre: pre! }, attributes)
      return { x, w }
    },
  },
})

/**
 * act(gate) · up of gate ‖ up = x[n] · w[e]ᵀ, for slots n in offsets[e] … offsets[e+1]; other slots are zero.
 * @param x [N, K], sorted by member.
 * @param w [E, 2F, K]: the gate's rows, then those of up.
 * @param offsets int32 [E+1], ascending, within 0 … N.
 * @returns [N, F].
 */
export function groupedGatedUnit(
  x: tf.Tensor2D,
  w: tf.Tensor,
  offsets: tf.Tensor1D,
  activation: GateActivation,
): tf.Tensor2D {
  expectTensor('groupedGatedUnit', 'x', x, ['N', 'K'])
  expectTensor('groupedGatedUnit', 'w', w, ['E', '2F', x.shape[1]])
  expect(
    'groupedGatedUnit',
    w.shape[1]! % 2 === 0,
    () => `the second axis of w is gate ‖ up and must be even, it is ${w.shape[1]}`,
  )
  expectTensor('groupedGatedUnit', 'offsets', offsets, [w.shape[0]! + 1], 'int32')
  expect(
    'groupedGatedUnit',
    activation in activations,
    () => `unknown activation ${activation}; known: ${Object.keys(activations).join(', ')}`,
  )
  const [y, pre] = groupedGatedUnitOperation.run({ x, w, offsets }, { activation })
  if (!isTaping()) pre.dispose()
  return y as tf.Tensor2D
}
