// Rotary position embedding. The two conventions differ in which elements of a head make a pair: `half` (Hugging Face,
// GPT-NeoX) pairs i with i + R/2, `interleaved` (the paper, GPT-J) pairs 2i with 2i + 1. Its gradient is the rotation by
// the opposite angle.
import { expect, expectTensor } from '../check.ts'
import { defineOperation, type Gradients } from '../operation.ts'
import { tf } from '../tf.ts'

type Attributes = { interleaved: boolean; inverse: boolean }

export const rotaryOperation = defineOperation<
  { x: tf.Tensor; cos: tf.Tensor; sin: tf.Tensor },
  Attributes,
  tf.Tensor,
  'cos' | 'sin'
>({
  name: 'Rotary',
  summary: 'Rotates pairs of elements of each head by the angle of their position',
  source: 'https://arxiv.org/abs/2104.09864',
  reference({ x, cos, sin }, { interleaved, inverse }) {
    const [batch, length, heads, width] = x.shape as [number, number, number, number]
    const pairs = cos.shape[1]!
    const part = (from: number, size: number) => tf.slice(x, [0, 0, 0, from], [batch, length, heads, size])
    const c = tf.reshape(cos, [1, length, 1, pairs])
    const s = tf.reshape(inverse ? tf.neg(sin) : sin, [1, length, 1, pairs])
    let [a, b] = [part(0, pairs), part(pairs, pairs)]
    if (interleaved) {
      const both = tf.reshape(part(0, 2 * pairs), [batch, length, heads, pairs, 2])
      const side = (index: number) =>
        tf.reshape(tf.slice(both, [0, 0, 0, 0, index], [batch, length, heads, pairs, 1]), [batch, length, heads, pairs])
      ;[a, b] = [side(0), side(1)]
    }
    const first = tf.sub(tf.mul(a, c), tf.mul(b, s))
    const second = tf.add(tf.mul(b, c), tf.mul(a, s))
    const rotated = interleaved
      ? tf.reshape(tf.stack([first, second], 4), [batch, length, heads, 2 * pairs])
      : tf.concat([first, second], 3)
    return width === 2 * pairs ? rotated : tf.concat([rotated, part(2 * pairs, width - 2 * pairs)], 3)
  },
  gradient: {
    inputs: ['cos', 'sin'],
    backward: (dy, { cos, sin }, _, { interleaved, inverse }): Gradients => ({
      x: rotaryOperation.run({ x: dy, cos, sin }, { interleaved, inverse: !inverse }),
    }),
  },
})

export interface RotaryTables {
  /** [T, R/2]: row t belongs to the t-th row of what is rotated. */
  readonly cos: tf.Tensor2D
  readonly sin: tf.Tensor2D
}

/**
 * Rotary position embedding (Su et al. 2021, eq. 34). The tables get no gradient.
 * @param x [B, T, H, D].
 * @param tables of T rows, from `rotaryTables`; the first R elements of a head rotate, the other D − R are copied.
 */
export function rotary(x: tf.Tensor4D, { cos, sin }: RotaryTables, { interleaved = false } = {}): tf.Tensor4D {
  expectTensor('rotary', 'x', x, ['B', 'T', 'H', 'D'])
  expectTensor('rotary', 'cos', cos, [x.shape[1], 'R/2'])
  expectTensor('rotary', 'sin', sin, cos.shape)
  expect(
    'rotary',
    2 * cos.shape[1] <= x.shape[3],
    () => `the tables rotate ${2 * cos.shape[1]} elements, a head has ${x.shape[3]}`,
  )
  return rotaryOperation.run({ x, cos, sin }, { interleaved, inverse: false }) as tf.Tensor4D
}
