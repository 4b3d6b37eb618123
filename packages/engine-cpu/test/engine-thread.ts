// A user's own worker thread with an engine in it: computes the same again and again, and posts a digest of each round.
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs-core'
import '@mixlab/tensor' // gradients
import { cpuEngine } from '../src/index.ts'

/** Products, a softmax, gradients and sums over data that do not depend on where they are computed. */
export function digest(): string {
  const hash = createHash('sha256')
  tf.tidy(() => {
    const fill = (rows: number, columns: number, step: number) =>
      tf.tensor2d(
        Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(i * step))),
        [rows, columns],
      )
    const [x, w, v] = [fill(192, 160, 0.37), fill(160, 320, 0.11), fill(320, 48, 0.23)]
    const loss = (a: tf.Tensor2D, b: tf.Tensor2D) =>
      tf.sum(tf.square(tf.softmax(tf.matMul(tf.relu(tf.matMul(x, a)), b)))) as tf.Scalar
    const { value, grads } = tf.valueAndGrads(loss as (...inputs: tf.Tensor[]) => tf.Scalar)([w, v])
    for (const tensor of [value, ...grads]) hash.update(new Uint8Array(tensor.dataSync().slice().buffer))
  })
  return hash.digest('hex')
}

if (parentPort && (workerData as { rounds?: number } | null)?.rounds) {
  const { rounds } = workerData as { rounds: number }
  const post = parentPort.postMessage.bind(parentPort)
  const { threads, describe } = await cpuEngine.start()
  const found = new Set<string>()
  for (let round = 0; round < rounds; round++) {
    found.add(digest())
    if (round === 2) post('computing')
  }
  post({ found: [...found], threads, kernels: describe()['kernels'] })
}
