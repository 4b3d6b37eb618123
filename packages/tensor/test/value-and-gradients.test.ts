import { beforeAll, expect, test } from 'vitest'
import { addInto, linear, rmsNorm, swiglu, tf, useEngine, valueAndGradients } from '../src/index.ts'

beforeAll(() => useEngine('reference'))

const variable = (shape: number[], seed: number): tf.Variable =>
  tf.variable(tf.randomNormal(shape, 0, 1, 'float32', seed))

/** Buffers behind live tensors, clones counted once, at their most while `body` runs, beyond those before. */
function peakBuffers(body: () => void): number {
  const engine = tf.engine()
  const runKernel = engine.runKernel.bind(engine)
  const before = tf.memory().numDataBuffers
  let peak = 0
  engine.runKernel = (name, inputs, attributes) => {
    const result = runKernel(name, inputs, attributes)
    peak = Math.max(peak, tf.memory().numDataBuffers - before)
    return result as never
  }
  try {
    body()
  } finally {
    delete (engine as Partial<typeof engine>).runKernel
  }
  return peak
}

const x = () => tf.randomNormal<tf.Rank.R2>([3, 4], 0, 1, 'float32', 9)

test('values and gradients are those of tf.variableGrads, bit for bit', () => {
  const [norm, up, down, unused] = [variable([4], 1), variable([6, 4], 2), variable([4, 3], 3), variable([2], 4)]
  // One tensor is used twice, one not at all, one input is no variable.
  const loss = () => {
    const hidden = rmsNorm(x(), norm)
    const y = linear(swiglu(linear(hidden, up)), down)
    return tf.mean<tf.Scalar>(tf.square(tf.add(y, tf.mul(hidden, tf.sum(norm)))))
  }
  const variables = [norm, up, down, unused]
  const expected = tf.variableGrads(loss, variables)
  const { numTensors } = tf.memory()
  const actual = valueAndGradients(loss, variables)
  expect(tf.memory().numTensors - numTensors).toBe(4)
  expect(actual.value.dataSync()).toEqual(expected.value.dataSync())
  for (const [i, { name }] of variables.entries()) {
    expect(actual.gradients[i]?.dataSync(), name).toEqual(expected.grads[name]?.dataSync())
  }
  expect(actual.gradients[3]).toBeUndefined()
})

test('a custom gradient may return its dy, what it saved, or a constant', () => {
  const w = variable([3], 5)
  const constant = tf.tensor1d([7, 8, 9])
  const pass = tf.customGrad((a) => ({ value: tf.clone(a as tf.Tensor), gradFunc: (dy) => dy }))
  const both = tf.customGrad((a, b, save) => {
    ;(save as tf.GradSaveFunc)([a as tf.Tensor])
    return {
      value: tf.add(a as tf.Tensor, b as tf.Tensor),
      gradFunc: (_, saved) => [saved[0]!, constant],
    }
  })
  const { gradients } = valueAndGradients(() => tf.sum(both(pass(w), pass(w))), [w])
  expect([...gradients[0]!.dataSync()]).toEqual([...w.dataSync()].map((value, i) => Math.fround(value + 7 + i)))
  expect([...constant.dataSync()]).toEqual([7, 8, 9])
})

test('activations and gradients are freed on the way', () => {
  const w = variable([32, 32], 6)
  const loss = () => {
    let y: tf.Tensor = tf.ones([32, 32])
    for (let layer = 0; layer < 16; layer++) y = tf.tanh(tf.matMul(y as tf.Tensor2D, w as unknown as tf.Tensor2D))
    return tf.sum<tf.Scalar>(y)
  }
  const stock = peakBuffers(() => tf.dispose(tf.variableGrads(loss, [w])))
  const lean = peakBuffers(() => tf.dispose(valueAndGradients(loss, [w]) as never))
  expect(lean).toBeLessThan(0.5 * stock)
})

test('what fails leaves neither a tape nor tensors', () => {
  const w = variable([2], 7)
  const { numTensors } = tf.memory()
  const fail = () => {
    tf.square(w)
    throw new Error('in the middle')
  }
  expect(() => valueAndGradients(fail, [w])).toThrow('in the middle')
  expect(() => valueAndGradients(() => tf.square(w) as unknown as tf.Scalar, [w])).toThrow(
    'The loss has shape [2], expected a scalar',
  )
  expect(() => tf.grad(() => valueAndGradients(() => tf.sum(w), [w]).value)(w)).toThrow(
    'cannot run inside another gradient',
  )
  tf.dispose(valueAndGradients(() => tf.sum(w), [w]) as never)
  expect(tf.memory().numTensors - numTensors).toBeLessThanOrEqual(1)
  // Nothing is being recorded any more.
  const counter = tf.zeros([2])
  addInto(counter, w)
  expect(counter.dataSync()).toEqual(w.dataSync())
})
