// Gradients of TensorFlow.js's own operations that a model's training step is full of, as the tape of
// `valueAndGradients` takes them. Each computes what TensorFlow.js's own does, in the same order and bit for bit, but
// keeps no tensor of which only the shape is read, copies nothing, and multiplies by no tensor of ones.
import { alias, runKernel } from './engine-inside.ts'
import { matMulGradient, matMulGradOperation } from './ops/matmul-grad.ts'
import { type Gradients, registerTapeGradient } from './recorded-tape.ts'
import { tf } from './tf.ts'

type Saved = Readonly<Record<string, tf.Tensor>>
type Pair = Readonly<Record<'a' | 'b', tf.Tensor>>

const { getReductionAxes } = tf.broadcast_util

const multiply = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => runKernel(tf.Multiply, { a, b })
const divide = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => runKernel(tf.RealDiv, { a, b })
const asFloat = (x: tf.Tensor): tf.Tensor => (x.dtype === 'float32' ? x : tf.cast(x, 'float32'))

/** Sums a gradient over the axes along which an operand of this shape was repeated. */
function unbroadcast(dy: tf.Tensor, shape: number[]): tf.Tensor {
  if (tf.util.arraysEqual(dy.shape, shape)) return dy
  const axes = getReductionAxes(shape, dy.shape)
  return axes.length === 0 ? alias(dy, shape) : alias(runKernel(tf.Sum, { x: dy }, { axis: axes }), shape)
}

registerTapeGradient(tf.Add, {
  inputs: [],
  shapes: ['a', 'b'],
  backward: (dy, saved): Gradients => {
    const { a, b } = saved as Pair
    return { a: () => unbroadcast(dy, a.shape), b: () => unbroadcast(dy, b.shape) }
  },
})

registerTapeGradient(tf.Sub, {
  inputs: [],
  shapes: ['a', 'b'],
  backward: (dy, saved): Gradients => {
    const { a, b } = saved as Pair
    // TensorFlow.js negates after the sum.
    return { a: () => unbroadcast(dy, a.shape), b: () => runKernel(tf.Neg, { x: unbroadcast(dy, b.shape) }) }
  },
})

registerTapeGradient(tf.Multiply, {
  inputs: ['a', 'b'],
  crosswise: true,
  backward: (dy, saved): Gradients => {
    const { a, b } = saved as Pair
    return {
      a: () => unbroadcast(multiply(dy, asFloat(b)), a.shape),
      b: () => unbroadcast(multiply(dy, asFloat(a)), b.shape),
    }
  },
})

registerTapeGradient(tf.RealDiv, {
  inputs: ['a', 'b'],
  backward: (dy, saved): Gradients => {
    const { a, b } = saved as Pair
    return {
      a: () => unbroadcast(divide(dy, asFloat(b)), a.shape),
      b() {
        const sum = unbroadcast(multiply(dy, asFloat(a)), b.shape)
        return runKernel(tf.Neg, { x: divide(sum, asFloat(runKernel(tf.Square, { x: b }))) })
      },
    }
  },
})

registerTapeGradient(tf.BatchMatMul, {
  inputs: ['a', 'b'],
  crosswise: true,
  backward: (dy, saved, _, attrs: { transposeA: boolean; transposeB: boolean }, needed): Gradients => {
    const { a, b } = saved as Pair
    const isJoint = needed?.length === 2 && a.dtype === 'float32' && b.dtype === 'float32'
    if (!isJoint) return { a: () => matMulGradient.a(dy, b, attrs), b: () => matMulGradient.b(dy, a, attrs) }
    const [byA, byB] = matMulGradOperation.run({ dy, a, b }, attrs)
    return { a: byA, b: byB }
  },
})

registerTapeGradient(tf.Reshape, {
  inputs: [],
  shapes: ['x'],
  backward: (dy, { x }: Saved): Gradients => ({ x: () => alias(dy, x!.shape) }),
})

registerTapeGradient(tf.Square, {
  inputs: ['x'],
  backward: (dy, { x }: Saved): Gradients => ({
    x() {
      const float = asFloat(x!)
      // 2x.
      return multiply(dy, runKernel(tf.Add, { a: float, b: float }))
    },
  }),
})

/** The gradient of a sum, as if the reduced axes had been kept: repeated along them. */
function spread(dy: tf.Tensor, { shape }: tf.Tensor, axis: number | number[]): tf.Tensor {
  const axes = new Set(tf.util.parseAxisParam(axis, shape))
  const kept = shape.map((size, i) => (axes.has(i) ? 1 : size))
  const reps = shape.map((size, i) => (axes.has(i) ? size : 1))
  const x = alias(dy, kept)
  return reps.every((count) => count === 1) ? x : runKernel(tf.Tile, { x }, { reps })
}

registerTapeGradient(tf.Sum, {
  inputs: [],
  shapes: ['x'],
  backward: (dy, { x }: Saved, _, { axis }: { axis: number | number[] }): Gradients => ({
    x: () => spread(dy, x!, axis),
  }),
})

registerTapeGradient(tf.Mean, {
  inputs: [],
  shapes: ['x'],
  backward: (dy, { x }: Saved, _, { axis }: { axis: number | number[] }): Gradients => ({
    x() {
      const size = tf.util.parseAxisParam(axis, x!.shape).reduce((product, each) => product * x!.shape[each]!, 1)
      // The same quotients as of what was spread.
      return spread(divide(dy, tf.scalar(size)), x!, axis)
    },
  }),
})

registerTapeGradient(tf.Softmax, {
  inputs: [],
  outputs: [0],
  backward: (dy, _, [y], { dim }: { dim: number }): Gradients => {
    const weighted = multiply(dy, y!)
    const sum = runKernel(tf.Sum, { x: weighted }, { axis: [dim], keepDims: true })
    return { logits: () => runKernel(tf.Sub, { a: weighted, b: multiply(sum, y!) }) }
  },
})

registerTapeGradient(tf.Cast, {
  inputs: [],
  backward: (dy): Gradients => ({ x: dy }),
})
