// The optimizers against recorded steps of torch.optim.AdamW and torch.optim.SGD (torch 2.13, fixtures/optimizers.py) with
// nanoGPT's two parameter groups: what has two or more axes decays, the rest does not.
import { tf } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { engines } from '../../nn/test/engines.ts'
import { createOptimizer, optimizerConfig } from '../src/index.ts'
import { assignAll } from '../src/optimizers.ts'
import recorded from './fixtures/optimizers.json' with { type: 'json' }
import { startEngine, valuesOf } from './tiny.ts'

const shapes = { matrix: [3, 2], bias: [4], cube: [2, 1, 3] }
const indexed = Object.entries(shapes).map(([name, shape], index) => ({ name, shape, index }))

const filled = (shape: number[], value: (i: number) => number): tf.Tensor => {
  const size = shape.reduce((product, axis) => product * axis, 1)
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => value(i)),
    shape,
  )
}

/** The parameters and gradients of the recording. */
const initialParameters = () =>
  new Map(
    indexed.map(({ name, shape, index }) => [
      name,
      tf.tidy(() => tf.variable(filled(shape, (i) => Math.cos(1.3 * i + index)))),
    ]),
  )
const gradientsAt = (step: number) =>
  new Map(
    indexed.map(({ name, shape, index }) => [name, filled(shape, (i) => 0.5 * Math.sin(0.7 * i + 1.9 * step + index))]),
  )

const adamw = { name: 'adamw', weightDecay: 0.3 }
const sgd = { name: 'sgd', weightDecay: 0.3 }
const cases: { readonly name: keyof typeof recorded; readonly config: object; readonly scale?: number }[] = [
  { name: 'adamw', config: { ...adamw, beta2: 0.99 } },
  { name: 'adamw, clipped', config: { ...adamw, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }, scale: 0.25 },
  { name: 'adamw, no decay', config: { ...adamw, beta2: 0.999, weightDecay: 0 } },
  { name: 'sgd', config: { ...sgd, momentum: 0, weightDecay: 0 } },
  { name: 'sgd, momentum', config: { ...sgd, momentum: 0.9 } },
  { name: 'sgd, nesterov, clipped', config: { ...sgd, momentum: 0.9, nesterov: true }, scale: 0.25 },
]

const optimizerFor = (config: object, parameters: ReadonlyMap<string, tf.Variable>) =>
  createOptimizer(optimizerConfig.parse(config), parameters)

/** A step with the recorded gradients of some of the parameters, at the recorded learning rate. */
function apply(
  optimizer: ReturnType<typeof optimizerFor>,
  step: number,
  { scale, only }: { readonly scale?: number | undefined; readonly only?: readonly string[] } = {},
): void {
  tf.tidy(() => {
    const gradients = new Map([...gradientsAt(step)].filter(([name]) => only?.includes(name) ?? true))
    const factor = scale === undefined ? {} : { scale: tf.scalar(scale) }
    optimizer.apply({ gradients, learningRate: 0.05 / step, step, ...factor })
  })
}

describe.each(engines)('on the %s engine', (engine) => {
  beforeAll(() => startEngine(engine))

  let tensors = 0
  beforeAll(() => void (tensors = tf.memory().numTensors))

  test.each(cases)('$name: four steps as in torch', ({ name, config, scale }) => {
    const parameters = initialParameters()
    using optimizer = optimizerFor(config, parameters)
    for (const [index, wanted] of recorded[name].entries()) {
      apply(optimizer, index + 1, { scale })
      for (const [parameter, values] of valuesOf(parameters)) {
        const expected = wanted[parameter as keyof typeof wanted]
        expect(values).toHaveLength(expected.length)
        for (const [i, value] of values.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6)
      }
    }
    tf.dispose([...parameters.values()])
  })

  test('the order of parameters and gradients does not matter', () => {
    const run = (order: <T>(list: T[]) => T[]) => {
      const parameters = new Map(order([...initialParameters()]))
      using optimizer = optimizerFor(adamw, parameters)
      tf.tidy(() => optimizer.apply({ gradients: new Map(gradientsAt(1)), learningRate: 0.1, step: 1 }))
      const values = valuesOf(parameters)
      tf.dispose([...parameters.values()])
      return Object.fromEntries(values)
    }
    expect(run((list) => list.toReversed())).toEqual(run((list) => list))
  })

  test.each([adamw, sgd])('$name: a parameter without a gradient stays, and so does its state', (config) => {
    const parameters = initialParameters()
    using optimizer = optimizerFor(config, parameters)
    apply(optimizer, 1)
    const [before, state] = [valuesOf(parameters), valuesOf(optimizer.state())]
    apply(optimizer, 2, { only: ['matrix', 'bias'] })
    const [after, stateAfter] = [valuesOf(parameters), valuesOf(optimizer.state())]
    expect(after.get('cube')).toEqual(before.get('cube'))
    expect(after.get('matrix')).not.toEqual(before.get('matrix'))
    for (const [name, values] of state) {
      if (name.endsWith('.cube')) expect(stateAfter.get(name)).toEqual(values)
      else expect(stateAfter.get(name)).not.toEqual(values)
    }
    tf.dispose([...parameters.values()])
  })

  test.each([
    [{ ...adamw }, ['m.matrix', 'm.bias', 'm.cube', 'v.matrix', 'v.bias', 'v.cube']],
    [{ ...sgd, momentum: 0.9 }, ['momentum.matrix', 'momentum.bias', 'momentum.cube']],
    [{ ...sgd, momentum: 0 }, []],
  ])('the state of %j is named after the parameters, starts at 0 and is disposed of', (config, names) => {
    const before = tf.memory().numTensors
    const parameters = initialParameters()
    {
      using optimizer = optimizerFor(config, parameters)
      expect([...optimizer.state().keys()]).toEqual(names)
      for (const [name, tensor] of optimizer.state()) {
        expect(tensor.shape).toEqual(parameters.get(name.slice(name.indexOf('.') + 1))!.shape)
        expect(tensor.dataSync().every((value) => value === 0)).toBe(true)
      }
    }
    tf.dispose([...parameters.values()])
    expect(tf.memory().numTensors).toBe(before)
  })

  test.each([adamw, { ...sgd, momentum: 0.9 }])(
    '$name: a copy of parameters and state goes on bit for bit',
    (config) => {
      const [parameters, copies] = [initialParameters(), initialParameters()]
      using optimizer = optimizerFor(config, parameters)
      using copy = optimizerFor(config, copies)
      apply(optimizer, 1)
      apply(optimizer, 2)
      assignAll(copies, parameters, 'copy')
      assignAll(copy.state(), optimizer.state(), 'copy')
      const before = valuesOf(parameters)
      apply(copy, 3)
      // The copy has memory of its own.
      expect(valuesOf(parameters)).toEqual(before)
      apply(optimizer, 3)
      expect(valuesOf(copies)).toEqual(valuesOf(parameters))
      expect(valuesOf(copy.state())).toEqual(valuesOf(optimizer.state()))
      tf.dispose([...parameters.values(), ...copies.values()])
    },
  )

  test('what is assigned has to fit', () => {
    const parameters = initialParameters()
    const tensor = tf.zeros([2, 3])
    expect(() => assignAll(parameters, new Map(), 'here')).toThrow(
      'here lacks matrix: it belongs to another model or optimizer',
    )
    expect(() => assignAll(parameters, new Map([['matrix', tensor]]), 'here')).toThrow(
      'here: matrix has shape [2, 3], expected [3, 2]',
    )
    tf.dispose([tensor, ...parameters.values()])
  })

  test('none of all this has left a tensor behind', () => {
    expect(tf.memory().numTensors).toBe(tensors)
  })
})
