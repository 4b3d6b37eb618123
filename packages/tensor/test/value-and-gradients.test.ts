import { beforeAll, expect, test } from 'vitest'
import {
  addInto,
  gatedLinear,
  jointLinear,
  linear,
  rmsNorm,
  swiglu,
  tf,
  useEngine,
  valueAndGradients,
} from '../src/index.ts'

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

const column = () => tf.reshape(x(), [3, 4, 1])

/** Of three matrices [4, 4] and a row [4]. */
const functions: Record<string, (a: tf.Tensor2D, b: tf.Tensor2D, c: tf.Tensor2D, row: tf.Tensor) => tf.Tensor> = {
  'sums and differences of other shapes': (a, b, _, row) => tf.sub(tf.add(tf.add(a, row), 3), tf.sub(row, b)),
  'products and quotients of other shapes': (a, b, _, row) =>
    tf.div(tf.mul(tf.mul(a, row), 3), tf.add(tf.square(tf.div(row, tf.add(tf.square(b), 1))), 1)),
  'a factor that is no variable': (a) => tf.mul(tf.add(column(), a), tf.mul(column(), 2)),
  'all transpositions': (a, b, c) =>
    tf.add(
      tf.matMul(tf.matMul(a, b, true, true), c, true, false),
      tf.matMul(tf.matMul(a, b, false, true), tf.matMul(c, a)),
    ),
  'a batch of products': (a, b) =>
    tf.matMul(tf.reshape(tf.concat([a, b]), [2, 4, 4]), tf.reshape(tf.concat([b, b]), [2, 4, 4]), true, true),
  'sums and means over axes': (a, b, c) =>
    tf.addN([tf.sum(tf.square(a), 0), tf.mean(tf.square(b), 1), tf.mean(tf.sum(tf.square(c), [1], true), -1)]),
  'sums and means of all': (a, b) => tf.add(tf.sum(tf.square(a)), tf.mean(tf.square(b))),
  softmax: (a, b) => tf.mul(tf.softmax(a), b),
  'integers and casts': (a, b) => tf.mul(tf.cast(tf.cast(tf.mul(a, 9), 'int32'), 'float32'), tf.cast(b, 'float32')),
  'a tensor with itself': (a) => tf.add(tf.add(a, a), tf.matMul(tf.mul(a, a), a)),
}

test.for(Object.entries(functions))('%s: as of tf.variableGrads, bit for bit', ([, f]) => {
  const variables = [variable([4, 4], 10), variable([4, 4], 11), variable([4, 4], 12), variable([4], 13)]
  const loss = () => {
    const y = f(...(variables as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor]))
    return tf.sum<tf.Scalar>(tf.mul(y, tf.randomNormal(y.shape, 0, 1, 'float32', 14)))
  }
  const expected = tf.variableGrads(loss)
  const { numTensors } = tf.memory()
  const { value, gradients } = valueAndGradients(loss, variables)
  expect(tf.memory().numTensors - numTensors).toBe(1 + gradients.filter((each) => each !== undefined).length)
  expect(value.dataSync()).toEqual(expected.value.dataSync())
  for (const [i, { name }] of variables.entries())
    expect(gradients[i]?.dataSync(), `variable ${i}`).toEqual(expected.grads[name]?.dataSync())
  tf.dispose([...variables, value, expected] as never)
  tf.dispose(gradients.filter((each) => each !== undefined))
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

test('a gradient inside the loss is differentiated', () => {
  // The gradient of Σ w·(a·x)³ by x is 3·w·a³·x²; the squares of that sum to 9·w²·a⁶·x⁴.
  const [w, a] = [tf.variable(tf.tensor1d([1, -2, 0.5])), tf.variable(tf.scalar(1.5))]
  const inputs = [2, 1, -1]
  const loss = () => {
    const given = tf.tensor1d(inputs)
    const scaled = tf.mul(w, tf.tensor1d([1, 1, 1]))
    const f = (point: tf.Tensor) => {
      const scale = tf.mul(a, point)
      return tf.sum(tf.mul(scaled, tf.mul(scale, tf.square(scale))))
    }
    return tf.sum<tf.Scalar>(tf.square(tf.grad(f)(given)))
  }
  const { numTensors } = tf.memory()
  const { gradients } = valueAndGradients(loss, [w, a])
  expect(tf.memory().numTensors - numTensors).toBe(3)
  const [byW, byA] = gradients.map((gradient) => gradient!.dataSync())
  const values = [...w.dataSync()]
  for (const [i, x] of inputs.entries()) expect(byW![i]).toBeCloseTo(18 * values[i]! * 1.5 ** 6 * x ** 4, 2)
  const expected = inputs.reduce((sum, x, i) => sum + 54 * values[i]! ** 2 * 1.5 ** 5 * x ** 4, 0)
  expect(byA![0]! / expected).toBeCloseTo(1, 5)
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

const joined: Record<string, (a: tf.Tensor2D, b: tf.Tensor2D, c: tf.Tensor2D) => tf.Tensor> = {
  'all of one x': (a, b, c) => tf.addN(jointLinear(tf.square(a), [b, c, a]).map((y, i) => tf.mul(y, i + 1))),
  'an x that is used before and after': (a, b, c) => {
    const x = tf.square(a)
    const [first, second] = jointLinear(tf.mul(x, 3), [b, c]) as [tf.Tensor2D, tf.Tensor2D]
    return tf.mul(tf.add(first, tf.square(x)), tf.add(x, second))
  },
  'an output that is not used': (a, b, c) => tf.square(jointLinear(a, [b, c, b])[1]!),
  'an x that is no variable': (_, b, c) => tf.addN(jointLinear(x(), [b, c]).map(tf.square)),
  'a weight that is no variable': (a, b) => tf.addN(jointLinear(a, [b, tf.ones([4, 4])]).map(tf.square)),
  'one weight twice': (a, b) => tf.addN(jointLinear(a, [b, b]).map((y, i) => tf.mul(y, i + 1))),
  'a gated unit': (a, b, c) => gatedLinear(a, b, c, 'silu'),
}

test.for(Object.entries(joined))('joint linear maps, %s: as of tf.variableGrads, bit for bit', ([, f]) => {
  const variables = [variable([4, 4], 10), variable([4, 4], 11), variable([4, 4], 12)] as const
  const [a, b, c] = variables as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
  const loss = () => tf.sum<tf.Scalar>(f(a, b, c))
  const expected = tf.variableGrads(loss)
  const { numTensors } = tf.memory()
  const { value, gradients } = valueAndGradients(loss, variables)
  expect(tf.memory().numTensors - numTensors).toBe(1 + gradients.filter((each) => each !== undefined).length)
  expect(value.dataSync()).toEqual(expected.value.dataSync())
  for (const [i, { name }] of variables.entries())
    expect(gradients[i]?.dataSync(), `variable ${i}`).toEqual(expected.grads[name]?.dataSync())
  tf.dispose([...variables, value, expected] as never)
  tf.dispose(gradients.filter((each) => each !== undefined))
})
