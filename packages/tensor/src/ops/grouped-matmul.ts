// The product at the heart of a mixture: slots sorted by member, each member's slots times its own matrix. The reference
// reads the offsets back and multiplies member by member; engines read them where they lie.
import { expectTensor } from '../check.ts'
import { defineOperation, type Gradients } from '../operation.ts'
import { tf } from '../tf.ts'

type Transposed = { transposeB: boolean }

/** Slices of the slots by member, from the offsets on the host. */
function memberRanges(offsets: tf.Tensor): { member: number; start: number; size: number }[] {
  const bounds = offsets.dataSync<'int32'>()
  return Array.from({ length: bounds.length - 1 }, (_, member) => ({
    member,
    start: bounds[member]!,
    size: bounds[member + 1]! - bounds[member]!,
  }))
}

const rowsOf = (x: tf.Tensor, start: number, size: number): tf.Tensor2D =>
  tf.slice(x as tf.Tensor2D, [start, 0], [size, x.shape[1]!])

export const groupedMatMulGradWOperation = defineOperation<
  { x: tf.Tensor; dy: tf.Tensor; offsets: tf.Tensor },
  Transposed,
  tf.Tensor
>({
  name: 'GroupedMatMulGradW',
  summary: 'Gradient of GroupedMatMul by the weights',
  reference({ x, dy, offsets }, { transposeB }) {
    const [k, m] = [x.shape[1]!, dy.shape[1]!]
    const parts = memberRanges(offsets).map(({ start, size }) => {
      const shape: [number, number] = transposeB ? [m, k] : [k, m]
      if (size === 0) return tf.zeros(shape)
      const [xs, dys] = [rowsOf(x, start, size), rowsOf(dy, start, size)]
      return transposeB ? tf.matMul(dys, xs, true) : tf.matMul(xs, dys, true)
    })
    return tf.stack(parts)
  },
})

export const groupedMatMulOperation = defineOperation<
  { x: tf.Tensor; w: tf.Tensor; offsets: tf.Tensor },
  Transposed,
  tf.Tensor,
  'x' | 'w' | 'offsets'
>({
  name: 'GroupedMatMul',
  summary: "Each member's slots times its own matrix",
  source: 'https://arxiv.org/abs/2211.15841',
  reference({ x, w, offsets }, { transposeB }) {
    const slots = x.shape[0]
    const [, a, b] = w.shape as [number, number, number]
    const m = transposeB ? a : b
    const ranges = memberRanges(offsets)
    const first = ranges[0]!.start
    const last = ranges.at(-1)!.start + ranges.at(-1)!.size
    const parts = ranges
      .filter(({ size }) => size > 0)
      .map(({ member, start, size }) => {
        const matrix = tf.reshape<tf.Rank.R2>(tf.slice(w, [member, 0, 0], [1, a, b]), [a, b])
        return tf.matMul(rowsOf(x, start, size), matrix, false, transposeB)
      })
    return tf.concat([tf.zeros([first, m]), ...parts, tf.zeros([slots - last, m])], 0)
  },
  gradient: {
    inputs: ['x', 'w', 'offsets'],
    backward(dy, { x, w, offsets }, _, { transposeB }, needed): Gradients {
      if (needed?.includes('x') && needed.includes('w')) {
        const [byX, byW] = groupedMatMulGradOperation.run({ dy, x, w, offsets }, { transposeB })
        return { x: byX, w: byW }
      }
      return {
        x: () => groupedMatMulOperation.run({ x: dy, w, offsets }, { transposeB: !transposeB }),
        w: () => groupedMatMulGradWOperation.run({ x, dy, offsets }, { transposeB }),
      }
    },
  },
})

export const groupedMatMulGradOperation = defineOperation<
  { dy: tf.Tensor; x: tf.Tensor; w: tf.Tensor; offsets: tf.Tensor },
  Transposed,
  [tf.Tensor, tf.Tensor]
>({
  name: 'GroupedMatMulGrad',
  summary: 'Gradients of GroupedMatMul',
  reference: ({ dy, x, w, offsets }, { transposeB }) => [
    groupedMatMulOperation.run({ x: dy, w, offsets }, { transposeB: !transposeB }),
    groupedMatMulGradWOperation.run({ x, dy, offsets }, { transposeB }),
  ],
})

/**
 * y[n] = x[n] · w[e]ᵀ for slots n in offsets[e] … offsets[e+1]; other slots are zero. Offsets are absolute, so that a
 * stack that owns some of a layer's members takes its part of the layer's offsets.
 * @param x [N, K], sorted by member.
 * @param w [E, M, K], or [E, K, M] with transposeB = false.
 * @param offsets int32 [E+1], ascending, within 0 … N.
 * @returns [N, M].
 */
export function groupedMatMul(
  x: tf.Tensor2D,
  w: tf.Tensor,
  offsets: tf.Tensor1D,
  { transposeB = true } = {},
): tf.Tensor2D {
  expectTensor('groupedMatMul', 'x', x, ['N', 'K'])
  expectTensor('groupedMatMul', 'w', w, transposeB ? ['E', 'M', x.shape[1]] : ['E', x.shape[1], 'M'])
  expectTensor('groupedMatMul', 'offsets', offsets, [w.shape[0] + 1], 'int32')
  return groupedMatMulOperation.run({ x, w, offsets }, { transposeB }) as tf.Tensor2D
}
