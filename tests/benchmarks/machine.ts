// What the machine can do, as far as our engine gets it to: its best matrix product and its memory's bandwidth, taken in
// the same process as the workloads whose floors they give.
import { RandomStream } from '@mixlab/core'
import { tf } from '@mixlab/tensor'
import { medianMilliseconds } from './timing.ts'

export interface MachineFigures {
  /** GFLOP/s by shape. */
  readonly products: Readonly<Record<string, number>>
  /** GB/s; a copy counts what it reads and what it writes. */
  readonly copy: number
  readonly read: number
}

/** [m, k, n] of products as steps have them, and the square one. */
const productShapes = [
  [1024, 1024, 1024],
  [2048, 512, 512],
  [2048, 512, 2048],
  [512, 2048, 512],
] as const

/** 128 MB, four times a large cache. */
const floats = 32 << 20

export function measureMachine(): MachineFigures {
  const rng = new RandomStream(0)
  const products = productShapes.map(([m, k, n]) => {
    const a = tf.tensor2d(rng.normals(m * k), [m, k])
    const b = tf.tensor2d(rng.normals(k * n), [k, n])
    const milliseconds = medianMilliseconds(() => tf.matMul(a, b).dispose(), { warm: 3, count: 20 })
    tf.dispose([a, b])
    return [`${m}×${k}×${n}`, (2 * m * k * n) / milliseconds / 1e6] as const
  })
  const large = tf.ones([floats])
  // Not an elementwise function, which would wait for somebody who wants its result.
  const copy = medianMilliseconds(() => tf.pad(large, [[0, 16]]).dispose(), { warm: 3, count: 20 })
  const read = medianMilliseconds(() => tf.sum(large).dispose(), { warm: 3, count: 20 })
  large.dispose()
  return { products: Object.fromEntries(products), copy: (8 * floats) / copy / 1e6, read: (4 * floats) / read / 1e6 }
}
