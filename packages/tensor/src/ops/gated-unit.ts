// Gated linear units after their joint projection: the gate's half of the last axis is activated and multiplies the
// other half.
import { activations, type GateActivation } from '../activation-functions.ts'
import { expect, expectTensor } from '../check.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

type Attributes = { activation: GateActivation }

const halves = (x: tf.Tensor): [tf.Tensor, tf.Tensor] => {
  const size = x.shape.at(-1)! / 2
  const start = x.shape.map(() => 0)
  return [
    tf.slice(x, start, [...x.shape.slice(0, -1), size]),
    tf.slice(x, [...start.slice(1), size], [...x.shape.slice(0, -1), size]),
  ]
}

export const gatedUnitGradOperation = defineOperation<{ dy: tf.Tensor; x: tf.Tensor }, Attributes, tf.Tensor>({
  name: 'GatedUnitGrad',
  summary: 'Gradient of GatedUnit',
  reference({ dy, x }, { activation }) {
    const [gate, up] = halves(x)
    const { value, derivative } = activations[activation]
    return tf.concat([tf.mul(tf.mul(dy, up), derivative(gate)), tf.mul(dy, value(gate))], -1)
  },
})

export const gatedUnitOperation = defineOperation<{ x: tf.Tensor }, Attributes, tf.Tensor, 'x'>({
  name: 'GatedUnit',
  summary: 'act(gate) · up of a joint projection gate ‖ up',
  source: 'https://arxiv.org/abs/2002.05202',
  reference({ x }, { activation }) {
    const [gate, up] = halves(x)
    return tf.mul(activations[activation].value(gate), up)
  },
  gradient: {
    inputs: ['x'],
    backward: (dy, { x }, _, attributes) => ({ x: gatedUnitGradOperation.run({ dy, x }, attributes) }),
  },
})

/**
 * act(gate) · up (Shazeer 2020).
 * @param x [..., 2F]: gate ‖ up along the last axis.
 * @returns [..., F].
 */
export function gatedUnit(x: tf.Tensor, activation: GateActivation): tf.Tensor {
  expectTensor('gatedUnit', 'x', x, ['...', '2F'])
  expect(
    'gatedUnit',
    x.shape.at(-1)! % 2 === 0,
    () => `the last axis is gate ‖ up and must be even, it is ${x.shape.at(-1)}`,
  )
  expect(
    'gatedUnit',
    activation in activations,
    () => `unknown activation ${activation}; known: silu, gelu, geluTanh, relu`,
  )
  return gatedUnitOperation.run({ x }, { activation })
}

/** silu(gate) · up; x [..., 2F] = gate ‖ up. */
export const swiglu = (x: tf.Tensor): tf.Tensor => gatedUnit(x, 'silu')
/** gelu(gate) · up; x [..., 2F] = gate ‖ up. */
export const geglu = (x: tf.Tensor): tf.Tensor => gatedUnit(x, 'gelu')
