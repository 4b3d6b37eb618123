// One optimizer step on tiny models: what accumulation, clipping and the routers' losses do to the parameters. Plain
// gradient descent (SGD without momentum or decay) makes the change of the parameters the gradient itself.
import { RandomStream } from '@mixlab/core'
import { type Batches, createBatches } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { batchTensors, meanLoss, type StepOptions, trainStep } from '../src/index.ts'
import type { StepReadings } from '../src/step-report.ts'
import {
  corpus,
  denseModel,
  mixtureModel,
  optimizerOf,
  readingsOf,
  startEngine,
  stepOptions,
  valuesOf,
} from './tiny.ts'

const plain = { name: 'sgd', momentum: 0, weightDecay: 0 }

type Amendments = Partial<StepOptions> & { readonly batchSize?: number }

interface Moved {
  readonly readings: StepReadings
  /** New minus old values of all parameters, one after another. */
  readonly change: number[]
}

/** Does a step of plain gradient descent with a fresh model, and disposes of it. */
function moved(create: () => LanguageModel, options: Amendments): Moved {
  using model = create()
  using optimizer = optimizerOf(model, plain)
  const before = [...valuesOf(model.parameters()).values()].flatMap((values) => [...values])
  const readings = readingsOf(stepOptions(model, optimizer, options))
  const after = [...valuesOf(model.parameters()).values()].flatMap((values) => [...values])
  return { readings, change: after.map((value, index) => value - before[index]!) }
}

const norm = (values: readonly number[]): number => Math.hypot(...values)

/** The largest difference, as a share of the largest wanted value. */
function deviation(actual: readonly number[], wanted: readonly number[]): number {
  const largest = Math.max(...wanted.map(Math.abs))
  return Math.max(...wanted.map((value, index) => Math.abs(value - actual[index]!))) / largest
}

/** The same batch at every step. */
const fixed = (contextLength: number): Batches => {
  const options = { batchSize: 4, contextLength, rng: new RandomStream(2) }
  const batch = createBatches(corpus.train, options).batch(1)
  return { batch: () => batch }
}

/** Mean cross-entropy in float64 from the logits, one token after another. */
function naiveCrossEntropy(model: LanguageModel, batches: Batches): number {
  const batch = batches.batch(1)
  const logits = tf.tidy(() => model.forward(batchTensors(batch).tokens_BT, { training: false }).logits.arraySync())
  const losses = logits.map((row, index) => {
    const highest = Math.max(...row)
    const total = row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)
    return Math.log(total) + highest - row[batch.targets[index]!]!
  })
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

beforeAll(() => startEngine('cpu'))

describe('accumulation', () => {
  test.each([2, 4])('%i micro-batches move the parameters as one batch of all their rows', (accumulation) => {
    const micro = moved(() => denseModel(), { accumulation, batchSize: 2 })
    const whole = moved(() => denseModel(), { accumulation: 1, batchSize: 2 * accumulation })
    const one = moved(() => denseModel(), { accumulation: 1, batchSize: 2 })
    expect(norm(whole.change)).toBeGreaterThan(1e-2)
    expect(deviation(micro.change, whole.change)).toBeLessThan(1e-5)
    expect(deviation(one.change, whole.change)).toBeGreaterThan(1e-2)
    expect(micro.readings.loss).toBeCloseTo(whole.readings.loss, 5)
    expect(micro.readings.losses['crossEntropy']).toBeCloseTo(whole.readings.loss, 5)
    expect(micro.readings.gradientNorm).toBeCloseTo(whole.readings.gradientNorm, 5)
  })

  test('what the mixture layers did is summed over the micro-batches', () => {
    const create = () => mixtureModel({ name: 'top-k' }, { layers: 2 })
    const { readings } = moved(create, { accumulation: 3, batchSize: 2, observe: true })
    const pairs = 3 * 2 * 8 * 2
    expect(readings.layers.map(({ layer, router }) => [layer, router])).toEqual([
      [0, 'top-k'],
      [1, 'top-k'],
    ])
    for (const { counts, requested } of readings.layers) {
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(pairs)
      expect(requested).toBe(pairs)
    }
  })
})

describe('clipping', () => {
  const learningRate = 0.25
  const free = () => moved(() => denseModel(), { learningRate })

  test('a gradient that is too long is shortened to the limit, in its own direction', () => {
    const { change, readings } = free()
    const clip = readings.gradientNorm / 3
    const clipped = moved(() => denseModel(), { learningRate, clip })
    expect(norm(clipped.change)).toBeCloseTo(learningRate * clip, 6)
    const shortened = change.map((value) => value / 3)
    expect(deviation(clipped.change, shortened)).toBeLessThan(1e-5)
    // What is reported is the norm before clipping.
    expect(clipped.readings.gradientNorm).toBe(readings.gradientNorm)
    expect(readings.gradientNorm).toBeCloseTo(norm(change) / learningRate, 5)
  })

  test('with accumulation it is the sum that is clipped', () => {
    const options = { learningRate, accumulation: 2 }
    const { gradientNorm } = moved(() => denseModel(), options).readings
    const clipped = moved(() => denseModel(), { ...options, clip: gradientNorm / 2 })
    expect(norm(clipped.change)).toBeCloseTo((learningRate * gradientNorm) / 2, 6)
  })

  test('a gradient below the limit is applied as it is, bit for bit', () => {
    const { change, readings } = free()
    expect(moved(() => denseModel(), { learningRate, clip: 2 * readings.gradientNorm }).change).toEqual(change)
  })
})

describe('the loss', () => {
  test('moving against the gradient lowers it at the rate of the squared norm', () => {
    using model = denseModel()
    using optimizer = optimizerOf(model, plain)
    const batches = fixed(model.contextLength)
    const before = naiveCrossEntropy(model, batches)
    const learningRate = 2e-3
    const { gradientNorm } = readingsOf(stepOptions(model, optimizer, { batches, learningRate }))
    const slope = (before - naiveCrossEntropy(model, batches)) / (learningRate * gradientNorm ** 2)
    expect(Math.abs(slope - 1)).toBeLessThan(0.02)
  })

  test.each([1, 2])('is the cross-entropy plus each router loss times its coefficient (accumulation %i)', (m) => {
    const coefficients = { balance: 0.3, z: 0.07 }
    using model = mixtureModel({ name: 'top-k', ...coefficients }, { layers: 2 })
    using optimizer = optimizerOf(model, plain)
    const batches = fixed(model.contextLength)
    const wanted = naiveCrossEntropy(model, batches)
    const { loss, losses } = readingsOf(stepOptions(model, optimizer, { batches, accumulation: m }))
    expect(Object.keys(losses)).toEqual(['crossEntropy', 'balance', 'z'])
    expect(losses['crossEntropy']).toBeCloseTo(wanted, 5)
    // Losses are reported as means over the layers; the total has their sums.
    const { balance, z } = { balance: losses['balance']!, z: losses['z']! }
    expect(Math.min(balance, z)).toBeGreaterThan(0.1)
    expect(loss).toBeCloseTo(wanted + 2 * (coefficients.balance * balance + coefficients.z * z), 5)
  })

  test.each(['balance', 'z'])('the gradient is linear in the coefficient of %s', (name) => {
    const changeAt = (coefficient: number) =>
      moved(() => mixtureModel({ name: 'top-k', balance: 0, z: 0, [name]: coefficient }), { learningRate: 1 }).change
    const [none, once, twice] = [changeAt(0), changeAt(0.4), changeAt(0.8)]
    const difference = (a: readonly number[], b: readonly number[]) => a.map((value, index) => value - b[index]!)
    expect(norm(difference(once, none))).toBeGreaterThan(1e-3)
    const doubled = difference(once, none).map((value) => 2 * value)
    expect(deviation(difference(twice, none), doubled)).toBeLessThan(1e-3)
  })

  test.each([
    ['a dense model', () => denseModel()],
    ['top-k', () => mixtureModel({ name: 'top-k' })],
    ['noisy-top-k', () => mixtureModel({ name: 'noisy-top-k' })],
    ['sigmoid-bias', () => mixtureModel({ name: 'sigmoid-bias' })],
  ])('falls over 50 steps on one batch: %s', async (_, create) => {
    using model = create()
    using optimizer = optimizerOf(model, { name: 'adamw' })
    const batches = fixed(model.contextLength)
    const before = await meanLoss(model, [batches.batch(1)])
    expect(before).toBeCloseTo(naiveCrossEntropy(model, batches), 5)
    for (let step = 1; step <= 50; step++)
      readingsOf(stepOptions(model, optimizer, { batches, step, learningRate: 0.02, clip: 1 }))
    expect(await meanLoss(model, [batches.batch(1)])).toBeLessThan(0.4 * before)
  })
})

test('a sigmoid-bias router’s biases move by the update speed towards balance, once a step', () => {
  const updateSpeed = 0.125
  using model = mixtureModel({ name: 'sigmoid-bias', updateSpeed })
  using optimizer = optimizerOf(model, plain)
  const { layers } = readingsOf(stepOptions(model, optimizer, { accumulation: 2, observe: true, learningRate: 0 }))
  const { counts } = layers[0]!
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const [bias] = [...valuesOf(model.buffers()).entries()].filter(([name]) => name.endsWith('e_score_correction_bias'))
  expect([...bias![1]]).toEqual(counts.map((count) => updateSpeed * Math.sign(mean - count)))
  expect(new Set(counts).size).toBeGreaterThan(1)
})

test('the random numbers of a step follow from its number', () => {
  const at = (step: number, seed = 9) =>
    moved(() => mixtureModel({ name: 'noisy-top-k' }, { dropout: 0.3 }), {
      step,
      batches: fixed(8),
      rng: new RandomStream(seed),
    }).change
  expect(at(3)).toEqual(at(3))
  expect(at(4)).not.toEqual(at(3))
  expect(at(3, 10)).not.toEqual(at(3))
})

test('micro-batches of the same rows have random numbers of their own', () => {
  const at = (accumulation: number) =>
    moved(() => denseModel({ dropout: 0.5 }), { accumulation, batches: fixed(8) }).change
  expect(deviation(at(2), at(1))).toBeGreaterThan(1e-2)
})

test('a loss that does not depend on the parameters is an error', () => {
  using model = denseModel()
  using optimizer = optimizerOf(model, plain)
  const detached: Pick<LanguageModel, 'parameters' | 'forward'> = {
    parameters: () => model.parameters(),
    forward: ({ size }) => ({ logits: tf.zeros([size, model.vocabulary]), losses: [] }),
  }
  const options = stepOptions(model, optimizer)
  expect(() => trainStep({ ...options, model: detached as LanguageModel })).toThrow(
    'no parameter of the model has a gradient',
  )
})
