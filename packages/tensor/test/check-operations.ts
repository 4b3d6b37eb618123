// Runs the table of cases on an engine: values against the naive loops, gradients of the public functions against
// central differences of those loops in float64, which kernels ran, and that no tensor is left behind.
import { RandomStream } from '@mixlab/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { catalogue, tf } from '../src/index.ts'
import { type Arrays, type Numbers, type OperationCase, type Tensors, toTensor } from './cases/case.ts'
import { operationCases } from './cases/index.ts'

const toTensors = (arrays: Arrays): Tensors =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, toTensor(array)]))

/** Catalogue kernels that ran within `body`, by TensorFlow.js's own entry point. */
function kernelsRun(body: () => void): Set<string> {
  const engine = tf.engine()
  const ran = new Set<string>()
  const runKernel = engine.runKernel.bind(engine)
  engine.runKernel = (name, inputs, attributes) => {
    if (name.startsWith('mixlab.')) ran.add(name.slice('mixlab.'.length))
    return runKernel(name, inputs, attributes)
  }
  try {
    body()
  } finally {
    // The method of the prototype again.
    delete (engine as Partial<typeof engine>).runKernel
  }
  return ran
}

function expectClose(label: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length, `${label}: size`).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    if (Object.is(a, e) || a === e) continue
    const error = Math.abs(a - e) / Math.max(1, Math.abs(e))
    if (!(error <= tolerance))
      expect.fail(`${label}: element ${i} is ${a}, expected ${e} (error ${error}, allowed ${tolerance})`)
  }
}

function checkValues(operation: OperationCase, arrays: Arrays): void {
  const expected = operation.naive(arrays)
  tf.tidy(() => {
    const outputs = operation.run(toTensors(arrays))
    expect(outputs.length, 'outputs').toBe(expected.length)
    for (const [index, output] of outputs.entries()) {
      const { shape, values, dtype } = expected[index]!
      expect(output.shape, `output ${index}: shape`).toEqual([...shape])
      expect(output.dtype, `output ${index}: type`).toBe(dtype)
      const tolerance = dtype === 'int32' ? 0 : (operation.tolerance ?? 1e-5)
      expectClose(`output ${index}`, output.dataSync(), values, tolerance)
    }
  })
}

/** The first output's elements times fixed random numbers, summed: one scalar that every element has a part in. */
function checkGradients(operation: OperationCase, arrays: Arrays, rng: RandomStream): void {
  const names = operation.gradients!
  const first = operation.naive(arrays)[0]!
  const factors = Float64Array.from(rng.normals(first.values.length))
  const scalar = (inputs: Arrays) =>
    operation.naive(inputs)[0]!.values.reduce((a, value, i) => a + value * factors[i]!, 0)
  tf.tidy(() => {
    const fixed = toTensors(arrays)
    const weights = tf.tensor(Float32Array.from(factors), [...first.shape])
    const gradients = tf.grads((...xs: tf.Tensor[]) => {
      const inputs = { ...fixed, ...Object.fromEntries(names.map((name, i) => [name, xs[i]!])) }
      return tf.sum(tf.mul(operation.run(inputs)[0]!, weights))
    })(names.map((name) => fixed[name]!))
    for (const [index, name] of names.entries()) {
      const { shape } = arrays[name]!
      expect(gradients[index]!.shape, `gradient by ${name}: shape`).toEqual([...shape])
      const actual = gradients[index]!.dataSync()
      const elements = sample(actual.length)
      const expected = differences(arrays, name, elements, scalar)
      const picked = elements.map((i) => actual[i]!)
      expectClose(`gradient by ${name}`, picked, expected, 10 * (operation.tolerance ?? 1e-5))
    }
  })
}

/** All elements of a small tensor, some 200 spread over a large one: each costs two evaluations of the naive loops. */
function sample(size: number): number[] {
  const stride = Math.max(1, Math.floor(size / 200))
  return Array.from({ length: Math.ceil(size / stride) }, (_, i) => i * stride)
}

function differences(
  arrays: Arrays,
  name: string,
  elements: readonly number[],
  scalar: (inputs: Arrays) => number,
): number[] {
  const step = 1e-5
  const array: Numbers = arrays[name]!
  const moved = (i: number, by: number) =>
    scalar({ ...arrays, [name]: { ...array, values: array.values.map((value, j) => (i === j ? value + by : value)) } })
  return elements.map((i) => (moved(i, step) - moved(i, -step)) / (2 * step))
}

/**
 * Declares the tests of one engine.
 * @param start makes the engine's backend the active one.
 */
export function checkOperations(engine: string, start: () => Promise<unknown>): void {
  describe(`operations on ${engine}`, () => {
    beforeAll(async () => {
      await start()
    })

    test.for(operationCases.map((operation, index) => [operation.name, operation, index] as const))(
      '%s',
      ([, operation, index]) => {
        const rng = new RandomStream(2026, operation.name)
        const arrays = operation.inputs(rng)
        const tensors = tf.memory().numTensors
        const ran = kernelsRun(() => {
          checkValues(operation, arrays)
          if (operation.gradients) checkGradients(operation, arrays, rng)
        })
        expect(tf.memory().numTensors, `tensors left by case ${index}`).toBe(tensors)
        for (const kernel of operation.kernels) expect([...ran], 'kernels that ran').toContain(kernel)
      },
    )

    test('the table covers the catalogue', () => {
      const covered = new Set(operationCases.flatMap(({ kernels }) => kernels))
      expect([...covered].toSorted()).toEqual(
        catalogue.map(({ kernelName }) => kernelName.slice('mixlab.'.length)).toSorted(),
      )
    })
  })
}
