// A step leaves nothing behind: not a tensor, not a byte of the engine's memory, over a thousand steps of everything that
// a step can do at once. The engine counts its blocks itself, so that a tensor's clone that was forgotten shows, too.
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, expect, test } from 'vitest'
import { createAverages } from '../src/averages.ts'
import { denseModel, mixtureModel, optimizerOf, readingsOf, startEngine, stepOptions } from './tiny.ts'

beforeAll(() => startEngine('cpu'))

async function usage(): Promise<{ tensors: number; bytes: number }> {
  const { bytes } = (await useEngine('cpu')).memory()
  return { tensors: tf.memory().numTensors, bytes }
}

const small = { width: 4, contextLength: 4, dropout: 0.1 }

const routers = [{ name: 'top-k', z: 0.01 }, { name: 'sigmoid-bias', sequenceBalance: 0.01 }, { name: 'noisy-top-k' }]

test('a thousand steps of three mixtures in turn', async () => {
  const before = await usage()
  {
    using stack = new DisposableStack()
    const steps = routers.map((router) => {
      const model = stack.use(mixtureModel(router, small))
      const optimizer = stack.use(optimizerOf(model, { name: 'adamw' }))
      const averages = stack.use(createAverages(model, 0.9))
      const { batches } = stepOptions(model, optimizer, { accumulation: 2 })
      return (step: number) => {
        const options = { accumulation: 2, clip: 0.5, observe: true, learningRate: 0.01, batches, step }
        const { loss, layers } = readingsOf(stepOptions(model, optimizer, options))
        averages.update()
        return Number.isFinite(loss) && layers.length === 1
      }
    })
    for (const step of steps) expect(step(1)).toBe(true)
    const warm = await usage()
    expect(warm.tensors).toBeGreaterThan(before.tensors)
    for (let number = 3; number < 1000; number++) steps[number % steps.length]!(Math.floor(number / steps.length) + 1)
    expect(await usage()).toEqual(warm)
  }
  expect(await usage()).toEqual(before)
})

test('a hundred steps of a dense model with SGD, without accumulation, clipping or observation', async () => {
  const before = await usage()
  {
    using model = denseModel(small)
    using optimizer = optimizerOf(model, { name: 'sgd' })
    readingsOf(stepOptions(model, optimizer))
    const warm = await usage()
    for (let step = 2; step <= 100; step++) readingsOf(stepOptions(model, optimizer, { step }))
    expect(await usage()).toEqual(warm)
  }
  expect(await usage()).toEqual(before)
})

test('looking at the averages leaves nothing behind, also when looking fails', async () => {
  using model = denseModel(small)
  using optimizer = optimizerOf(model, { name: 'sgd' })
  using averages = createAverages(model, 0.5)
  readingsOf(stepOptions(model, optimizer))
  averages.update()
  const before = await usage()
  await averages.inPlace(() => Promise.resolve())
  await expect(averages.inPlace(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await usage()).toEqual(before)
})
