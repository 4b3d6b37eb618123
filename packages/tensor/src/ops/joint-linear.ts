// Linear maps that belong together, as one kernel call each: several of one x, a gated unit over two of them, one that adds
// to a residual stream. What they save is calls, which are most of what a token of generation costs beside its weights;
// gradients are taken of the plain products that they stand for.
import { activations, type GateActivation } from '../activation-functions.ts'
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { recordingTape } from '../recorded-tape.ts'
import { isTaping, untaped } from '../tape.ts'
import { tf } from '../tf.ts'
import { activation } from './activation.ts'
import { linear } from './linear.ts'

const product = (x: tf.Tensor, weight: tf.Tensor): tf.Tensor2D => tf.matMul(x, weight, false, true)

export const jointLinearOperation = defineOperation<
  { x: tf.Tensor } & Readonly<Record<`w${number}`, tf.Tensor>>,
  { count: number },
  tf.Tensor[]
>({
  name: 'JointLinear',
  summary: 'x · wᵀ for several weights',
  reference: (inputs, { count }) => Array.from({ length: count }, (_, i) => product(inputs.x, inputs[`w${i}`]!)),
})

export const gatedLinearOperation = defineOperation<
  { x: tf.Tensor; gate: tf.Tensor; up: tf.Tensor },
  { activation: GateActivation },
  tf.Tensor
>({
  name: 'GatedLinear',
  summary: 'act(x · gateᵀ) · (x · upᵀ)',
  source: 'https://arxiv.org/abs/2002.05202',
  reference: ({ x, gate, up }, attributes) =>
    tf.mul(activations[attributes.activation].value(product(x, gate)), product(x, up)),
})

export const addLinearOperation = defineOperation<
  { residual: tf.Tensor; x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor | undefined },
  Record<string, never>,
  tf.Tensor
>({
  name: 'AddLinear',
  summary: 'residual + (x · weightᵀ + bias)',
  reference({ residual, x, weight, bias }) {
    const y = product(x, weight)
    return tf.add(residual, bias ? tf.add(y, bias) : y)
  },
})

/**
 * x · wᵀ for each weight.
 * @param x [N, in].
 * @param weights [out, in] each.
 * @returns [N, out] each.
 */
export function jointLinear(x: tf.Tensor2D, weights: readonly tf.Tensor2D[]): tf.Tensor2D[] {
  expectTensor('jointLinear', 'x', x, ['N', 'in'])
  for (const weight of weights) expectTensor('jointLinear', 'a weight', weight, ['out', x.shape[1]])
  const inputs: { x: tf.Tensor } & Record<`w${number}`, tf.Tensor> = { x }
  for (const [i, weight] of weights.entries()) inputs[`w${i}`] = weight
  const run = () => jointLinearOperation.run(inputs, { count: weights.length }) as tf.Tensor2D[]
  if (!isTaping()) return run()
  const tape = recordingTape()
  if (!tape) return weights.map((weight) => linear(x, weight) as tf.Tensor2D)
  return untaped(() => {
    const outputs = run()
    tape.recordJointLinear(x, weights, outputs)
    return outputs
  })
}

/**
 * act(x · gateᵀ) · (x · upᵀ) (Shazeer 2020).
 * @param x [N, in].
 * @param gate [out, in].
 * @param up [out, in].
 * @returns [N, out].
 */
export function gatedLinear(x: tf.Tensor2D, gate: tf.Tensor2D, up: tf.Tensor2D, name: GateActivation): tf.Tensor2D {
  expectTensor('gatedLinear', 'x', x, ['N', 'in'])
  expectTensor('gatedLinear', 'gate', gate, ['out', x.shape[1]])
  expectTensor('gatedLinear', 'up', up, gate.shape)
  expect('gatedLinear', name in activations, () => `unknown activation ${name}; known: silu, gelu, geluTanh, relu`)
  if (isTaping()) {
    const [first, second] = jointLinear(x, [gate, up]) as [tf.Tensor2D, tf.Tensor2D]
    return tf.mul(activation(first, name), second)
  }
  return gatedLinearOperation.run({ x, gate, up }, { activation: name }) as tf.Tensor2D
}

/**
 * residual + (x · weightᵀ + bias).
 * @param residual [N, out].
 * @param x [N, in].
 * @param weight [out, in].
 * @param bias [out], or undefined for none.
 * @returns [N, out].
 */
export function addLinear(residual: tf.Tensor2D, x: tf.Tensor2D, weight: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor2D {
  expectTensor('addLinear', 'x', x, ['N', 'in'])
  expectTensor('addLinear', 'weight', weight, ['out', x.shape[1]])
  expectTensor('addLinear', 'residual', residual, [x.shape[0], weight.shape[0]])
  if (bias) expectTensor('addLinear', 'bias', bias, [weight.shape[0]])
  if (isTaping()) return tf.add(residual, linear(x, weight, bias))
  return addLinearOperation.run({ residual, x, weight, bias }, {}) as tf.Tensor2D
}
