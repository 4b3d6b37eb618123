// Both gradients of a matrix product, as one kernel: an engine runs them as one list of products.
import { runKernel } from '../engine-inside.ts'
import { defineOperation } from '../operation.ts'
import { tf } from '../tf.ts'

interface Transposition {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

const product = (a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): tf.Tensor =>
  runKernel(tf.BatchMatMul, { a, b }, { transposeA, transposeB })

/** The gradient by one operand from that of the product and the other operand, as TensorFlow.js computes it. */
export const matMulGradient = {
  a: (dy: tf.Tensor, b: tf.Tensor, { transposeA, transposeB }: Transposition): tf.Tensor =>
    transposeA ? product(b, dy, transposeB, true) : product(dy, b, false, !transposeB),
  b: (dy: tf.Tensor, a: tf.Tensor, { transposeA, transposeB }: Transposition): tf.Tensor =>
    transposeB ? product(dy, a, true, transposeA) : product(a, dy, !transposeA, false),
}

export const matMulGradOperation = defineOperation<
  { dy: tf.Tensor; a: tf.Tensor; b: tf.Tensor },
  Transposition,
  [tf.Tensor, tf.Tensor]
>({
  name: 'MatMulGrad',
  summary: 'Gradients of a matrix product',
  reference: ({ dy, a, b }, transposition) => [
    matMulGradient.a(dy, b, transposition),
    matMulGradient.b(dy, a, transposition),
  ],
})
