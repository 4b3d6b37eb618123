import { rotary } from '../../src/index.ts'
import type { tf } from '../../src/index.ts'
import { type Arrays, floats, normals, type Numbers, type OperationCase, zeros } from './case.ts'

/** x [B, T, H, D] turned by cos and sin [T, pairs]. */
export function naiveRotary({ x, cos, sin }: Arrays, interleaved: boolean): Numbers {
  const [batch, length, heads, width] = x!.shape as [number, number, number, number]
  const pairs = cos!.shape[1]!
  const y = zeros(...x!.shape)
  for (let head = 0; head < batch * length * heads; head++) {
    const t = Math.floor(head / heads) % length
    const from = head * width
    for (let i = 0; i < width; i++) y.values[from + i] = x!.values[from + i]!
    for (let i = 0; i < pairs; i++) {
      const first = from + (interleaved ? 2 * i : i)
      const second = from + (interleaved ? 2 * i + 1 : i + pairs)
      const [a, b] = [x!.values[first]!, x!.values[second]!]
      const [c, s] = [cos!.values[t * pairs + i]!, sin!.values[t * pairs + i]!]
      y.values[first] = a * c - b * s
      y.values[second] = b * c + a * s
    }
  }
  return y
}

const rotaryCase = (shape: [number, number, number, number], pairs: number, interleaved: boolean): OperationCase => ({
  name: `rotary [${shape.join(', ')}], ${pairs} pairs, ${interleaved ? 'interleaved' : 'half'}`,
  kernels: ['Rotary'],
  inputs(rng) {
    const angles = Array.from({ length: shape[1] * pairs }, () => 6 * rng.uniform())
    return {
      x: normals(rng, shape),
      cos: floats([shape[1], pairs], angles.map(Math.cos)),
      sin: floats([shape[1], pairs], angles.map(Math.sin)),
    }
  },
  run: ({ x, cos, sin }) => [
    rotary(x as tf.Tensor4D, { cos: cos as tf.Tensor2D, sin: sin as tf.Tensor2D }, { interleaved }),
  ],
  naive: (arrays) => [naiveRotary(arrays, interleaved)],
  gradients: ['x'],
})

export const rotaryCases: readonly OperationCase[] = [
  rotaryCase([2, 3, 2, 8], 4, false),
  rotaryCase([2, 3, 2, 8], 4, true),
  rotaryCase([1, 5, 3, 7], 2, false),
  rotaryCase([1, 5, 3, 7], 2, true),
  rotaryCase([1, 1, 1, 2], 1, false),
  rotaryCase([0, 3, 2, 4], 2, false),
]
