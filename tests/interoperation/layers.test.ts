// TensorFlow.js's layers API, unchanged, on the cpu engine: small models of the kinds that its users have learn their task,
// epoch by epoch with the losses that TensorFlow.js's JavaScript kernels give.
import { RandomStream } from '@mixlab/core'
import { registerEngines } from '@mixlab/lab'
import { tf } from '@mixlab/tensor'
import { initializers, layers, type LayersModel, sequential } from '@tensorflow/tfjs-layers'
import { expect, test } from 'vitest'

interface Task {
  readonly model: () => LayersModel
  readonly x: () => tf.Tensor
  readonly labels: Float32Array
  readonly epochs: number
}

const seeded = (seed: number) => initializers.glorotUniform({ seed })
const verdict = () => layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: seeded(9) })

/** Is the line in an image upright? */
function lines(): Task {
  const rng = new RandomStream(1)
  const [count, size] = [384, 8]
  const images = rng.normals(count * size * size).map((value) => 0.3 * value)
  const labels = Float32Array.from({ length: count }, (_, image) => {
    const upright = rng.integer(2)
    const at = rng.integer(size)
    for (let i = 0; i < size; i++) images[image * size * size + (upright ? i * size + at : at * size + i)]! += 1
    return upright
  })
  const convolution = { filters: 8, kernelSize: 3, activation: 'relu', kernelInitializer: seeded(2) } as const
  return {
    model: () =>
      sequential({
        layers: [
          layers.conv2d({ inputShape: [size, size, 1], ...convolution }),
          layers.batchNormalization({ momentum: 0.8 }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.flatten(),
          verdict(),
        ],
      }),
    x: () => tf.tensor4d(images, [count, size, size, 1]),
    labels,
    epochs: 16,
  }
}

/** Is the first number of a sequence larger than its last? */
function sequences(cell: typeof layers.lstm | typeof layers.gru): Task {
  const rng = new RandomStream(4)
  const [count, length] = [512, 6]
  const values = Float32Array.from({ length: count * length }, () => 2 * rng.uniform() - 1)
  const recurrent = { units: 12, kernelInitializer: seeded(5), recurrentInitializer: seeded(6) }
  return {
    model: () => sequential({ layers: [cell({ inputShape: [length, 1], ...recurrent }), verdict()] }),
    x: () => tf.tensor3d(values, [count, length, 1]),
    labels: Float32Array.from({ length: count }, (_, i) => Number(values[i * length]! > values[(i + 1) * length - 1]!)),
    epochs: 30,
  }
}

/** Trains on one half of the examples: the losses of the epochs, and the accuracy on the other half. */
async function learn({ model: create, x, labels, epochs }: Task): Promise<{ losses: number[]; accuracy: number }> {
  const half = labels.length / 2
  const [trainX, testX] = tf.split(x(), 2)
  const [trainY, testY] = tf.split(tf.tensor2d(labels, [labels.length, 1]), [half, half])
  const model = create()
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  // Silent: the type is an enum that the package does not export.
  const silent = 0 as never
  const { history } = await model.fit(trainX!, trainY!, { epochs, batchSize: 16, shuffle: false, verbose: silent })
  const [, accuracy] = model.evaluate(testX!, testY!) as tf.Scalar[]
  return { losses: history['loss'] as number[], accuracy: (await accuracy!.data())[0]! }
}

test.each([
  ['a convolutional model', lines()],
  ['an LSTM', sequences(layers.lstm)],
  ['a GRU', sequences(layers.gru)],
])('%s learns', async (_, task) => {
  const { useEngine } = await registerEngines()
  await useEngine('reference')
  const wanted = await learn({ ...task, epochs: 3 })
  await useEngine('cpu')
  const { losses, accuracy } = await learn(task)
  for (const [epoch, loss] of wanted.losses.entries()) expect(losses[epoch]).toBeCloseTo(loss, 3)
  expect(losses.at(-1)!).toBeLessThan(0.5 * losses[0]!)
  expect(accuracy).toBeGreaterThan(0.9)
})
