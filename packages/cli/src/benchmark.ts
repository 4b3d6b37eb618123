// Two seconds of an engine: how fast it multiplies matrices and how fast it moves memory. The best of many repetitions,
// for what the machine can do when nothing else is in the way.
import { tf } from '@mixlab/tensor'

export interface Speed {
  /** Billions of floating-point operations a second, in a 1024³ product of float32 matrices. */
  readonly gigaflops: number
  /** Billions of bytes a second, read plus written, in an element-wise operation on 64 MB. */
  readonly gigabytes: number
}

/** Operations between two looks at a result: looking has a cost of its own, on some engines that of a copy. */
const TOGETHER = 8

async function best(seconds: number, operation: () => tf.Tensor): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  const end = performance.now() + seconds * 1000
  do {
    const start = performance.now()
    for (let i = 1; i < TOGETHER; i++) operation().dispose()
    const result = operation()
    const element = result.flatten().slice([0], [1])
    await element.data()
    least = Math.min(least, (performance.now() - start) / 1000 / TOGETHER)
    tf.dispose([result, element])
  } while (performance.now() < end)
  return least
}

/** Measures the active engine. */
export async function measureSpeed(): Promise<Speed> {
  const size = 1024
  const elements = 2 ** 24
  const a = tf.randomUniform([size, size])
  const b = tf.randomUniform([size, size])
  const long = tf.ones([elements])
  const product = await best(1, () => tf.matMul(a, b))
  const copy = await best(1, () => tf.neg(long))
  tf.dispose([a, b, long])
  return { gigaflops: (2 * size ** 3) / product / 1e9, gigabytes: (2 * 4 * elements) / copy / 1e9 }
}
