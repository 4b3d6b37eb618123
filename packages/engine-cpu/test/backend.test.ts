import { rmsNorm } from '@mixlab/tensor'
import { expect, test } from 'vitest'
import { backend, randomValues, tf } from './start.ts'

test('values come back as they were written, in every dtype', async () => {
  expect(tf.tensor([1.5, NaN, -Infinity, 1e-40]).dataSync()).toEqual(Float32Array.from([1.5, NaN, -Infinity, 1e-40]))
  expect(tf.tensor([1, -2, 2 ** 31 - 1], [3], 'int32').dataSync()).toEqual(Int32Array.from([1, -2, 2 ** 31 - 1]))
  expect(tf.tensor([true, false, true]).dataSync()).toEqual(Uint8Array.from([1, 0, 1]))
  expect(await tf.tensor(['mixture', 'été']).data()).toEqual(['mixture', 'été'])
  expect(tf.zeros([0, 4]).dataSync()).toEqual(new Float32Array(0))
  expect(tf.scalar(7).arraySync()).toBe(7)
})

test('what is read is a copy, and what was given is copied', () => {
  const values = new Float32Array([1, 2, 3])
  const x = tf.tensor(values)
  values[0] = 9
  const read = x.dataSync()
  read[1] = 9
  expect(x.dataSync()).toEqual(Float32Array.from([1, 2, 3]))
})

test('a reshaped tensor shares its data until the last of them is disposed', () => {
  const before = backend.usage().allocatedBytes
  const x = tf.tensor(new Float32Array(1000))
  const y = tf.reshape(x, [10, 100])
  expect(backend.usage().allocatedBytes - before).toBe(4096)
  x.dispose()
  expect(y.dataSync()).toEqual(new Float32Array(1000))
  y.dispose()
  expect(backend.usage().allocatedBytes).toBe(before)
})

test('complex tensors: parts, arithmetic and a Fourier transform against its definition', () => {
  const before = { tensors: tf.memory().numTensors, bytes: backend.usage().allocatedBytes }
  const spectrum = tf.tidy(() => {
    const signal = tf.complex(tf.tensor([1, 2, 3, 4]), tf.tensor([0, 1, 0, -1]))
    expect(tf.real(signal).dataSync()).toEqual(Float32Array.from([1, 2, 3, 4]))
    expect(tf.imag(signal).dataSync()).toEqual(Float32Array.from([0, 1, 0, -1]))
    return Array.from(tf.fft(signal).dataSync())
  })
  const expected = [0, 1, 2, 3].flatMap((f) => {
    let [re, im] = [0, 0]
    for (const [t, [a, b]] of [
      [1, 0],
      [2, 1],
      [3, 0],
      [4, -1],
    ].entries()) {
      const angle = (-2 * Math.PI * f * t) / 4
      re += a! * Math.cos(angle) - b! * Math.sin(angle)
      im += a! * Math.sin(angle) + b! * Math.cos(angle)
    }
    return [re, im]
  })
  for (const [i, value] of spectrum.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
  expect({ tensors: tf.memory().numTensors, bytes: backend.usage().allocatedBytes }).toEqual(before)
})

test('a thousand steps leave the tensors and the bytes where they were', () => {
  const x = tf.tensor2d(new Float32Array(64 * 32).fill(0.1), [64, 32])
  const w = tf.variable(tf.tensor2d(new Float32Array(32 * 8).fill(0.2), [32, 8]))
  const step = () =>
    tf.tidy(() => {
      const scores = tf.softmax(tf.matMul(x, w))
      const top = tf.topk(scores, 2)
      const once = tf.cumsum(tf.relu(scores), 1)
      return tf.add(tf.sum(tf.mul(once, once)), tf.sum(top.values)).dataSync()[0]!
    })
  const first = step()
  const before = { ...tf.memory(), ...backend.usage() }
  for (let i = 0; i < 1000; i++) expect(step()).toBe(first)
  expect({ ...tf.memory(), ...backend.usage() }).toEqual(before)
  tf.dispose([x, w])
})

test('a tensor of another backend moves over when it is used', async () => {
  await tf.setBackend('cpu')
  const x = tf.tensor([1, 2, 3])
  await tf.setBackend('mixlab-cpu')
  expect(tf.matMul(tf.reshape(x, [1, 3]), tf.reshape(x, [3, 1])).dataSync()).toEqual(Float32Array.from([14]))
})

test('asking for more than there is names both amounts, and changes nothing', () => {
  const before = backend.usage().allocatedBytes
  expect(() => backend.output([1 << 30, 4], 'float32')).toThrow(
    /17\.2 GB asked for \(float32 \[1073741824, 4\]\), [\d.]+ [kM]B allocated/,
  )
  expect(backend.usage().allocatedBytes).toBe(before)
})

test('ten thousand steps of training leave the tensors and the bytes where they were, and memory does not grow', () => {
  const x = tf.tensor2d(randomValues(32 * 16, 1), [32, 16])
  const labels = tf
    .oneHot(
      tf.tensor1d(
        Int32Array.from({ length: 32 }, (_, i) => i % 4),
        'int32',
      ),
      4,
    )
    .toFloat()
  const weights = [16 * 24, 24 * 4].map((size, i) =>
    tf.variable(tf.tensor2d(randomValues(size, i + 2), i === 0 ? [16, 24] : [24, 4])),
  )
  const scale = tf.variable(tf.ones([24]))
  const step = () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const hidden = rmsNorm(tf.relu(tf.matMul(x, weights[0]!)), scale)
        const logits = tf.matMul(hidden, weights[1]!)
        return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1)))
      })
      for (const weight of [...weights, scale]) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.1)))
      return value.dataSync()[0]!
    })
  const first = step()
  for (let i = 0; i < 10; i++) step()
  const before = { tensors: tf.memory().numTensors, ids: backend.numDataIds(), ...backend.usage() }
  let last = first
  for (let i = 0; i < 10_000; i++) last = step()
  expect({ tensors: tf.memory().numTensors, ids: backend.numDataIds(), ...backend.usage() }).toEqual(before)
  expect(last).toBeLessThan(first / 10)
  tf.dispose([x, labels, scale, ...weights])
}, 120_000)
