// The losses against the frameworks' own formulas, written as loops.
import { tf, useEngine } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { balanceLoss, convertBalanceCoefficient, squaredVariation, zLoss } from '../src/index.ts'
import { normals } from './models.ts'

const [T, E, k, L] = [12, 4, 2, 3]

interface Layer {
  readonly logits: number[][]
  readonly probabilities: number[][]
  readonly chosen: number[][]
}

function layerOf(logits: number[][]): Layer {
  const probabilities = logits.map((row) => {
    const weights = row.map(Math.exp)
    const total = weights.reduce((a, b) => a + b)
    return weights.map((weight) => weight / total)
  })
  const chosen = logits.map((row) => [...row.keys()].toSorted((a, b) => row[b]! - row[a]!).slice(0, k))
  return { logits, probabilities, chosen }
}

const randomLayer = (seed: number): Layer => {
  const values = normals(T * E, seed)
  return layerOf(Array.from({ length: T }, (_, t) => Array.from(values.subarray(t * E, (t + 1) * E))))
}

/** Token t prefers members t, t+1, … by the same margins: each member gets the same. */
const balancedLayer = layerOf(
  Array.from({ length: T }, (_, t) => Array.from({ length: E }, (__, e) => [2, 1, 0, -1][(e - t + 4 * T) % E]!)),
)

const counts = (layers: readonly Layer[]) =>
  Array.from(
    { length: E },
    (_, e) => layers.flatMap(({ chosen }) => chosen.flat()).filter((member) => member === e).length,
  )
const summed = (layers: readonly Layer[]) =>
  Array.from({ length: E }, (_, e) =>
    layers.flatMap(({ probabilities }) => probabilities.map((row) => row[e]!)).reduce((a, b) => a + b),
  )
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

/** Megatron, switch_load_balancing_loss_func: Σ probs_sum · tokens_per_expert · E·coefficient/(T·T·k), each layer's added. */
const megatron = (layers: readonly Layer[], coefficient: number) =>
  layers.reduce((sum, layer) => sum + (dot(summed([layer]), counts([layer])) * E * coefficient) / (T * T * k), 0)

/** MegaBlocks, batched_load_balancing_loss: E·coefficient/(L·T·k) · Σ over layers of tokens_per_expert · mean probabilities. */
const megablocks = (layers: readonly Layer[], coefficient: number) =>
  ((E * coefficient) / (L * T * k)) *
  layers.reduce(
    (sum, layer) =>
      sum +
      dot(
        counts([layer]),
        summed([layer]).map((p) => p / T),
      ),
    0,
  )

/** transformers, load_balancing_loss_func: E · Σ over choices and members of mean mask · mean probability, layers concatenated. */
const huggingface = (layers: readonly Layer[], coefficient: number) =>
  coefficient *
  E *
  dot(
    counts(layers).map((c) => c / (L * T)),
    summed(layers).map((p) => p / (L * T)),
  )

const ours = (layers: readonly Layer[], coefficient: number) =>
  tf.tidy(() =>
    layers.reduce(
      (sum, { probabilities, chosen }) =>
        sum +
        coefficient * balanceLoss(tf.tensor2d(probabilities), tf.tensor2d(chosen, [T, k], 'int32')).dataSync()[0]!,
      0,
    ),
  )

beforeAll(() => useEngine('reference'))

describe('balance', () => {
  test('is 1 at balance and E where one member takes all', () => {
    expect(ours([balancedLayer], 1)).toBeCloseTo(1, 6)
    const collapsed = tf.tidy(
      () => balanceLoss(tf.oneHot(tf.zeros([T], 'int32'), E) as tf.Tensor2D, tf.zeros([T, 1], 'int32')).dataSync()[0]!,
    )
    expect(collapsed).toBeCloseTo(E, 5)
  })

  test('its gradient flows through the probabilities: E · f / T', () => {
    const layer = randomLayer(1)
    const gradient = tf.tidy(() => {
      const chosen = tf.tensor2d(layer.chosen, [T, k], 'int32')
      return tf
        .grad((p) => balanceLoss(p as tf.Tensor2D, chosen))(tf.tensor2d(layer.probabilities))
        .dataSync()
    })
    for (const [i, value] of gradient.entries())
      expect(value).toBeCloseTo((E * counts([layer])[i % E]!) / (T * k) / T, 6)
  })

  const layers = [1, 2, 3].map(randomLayer)
  const alike = [layers[0]!, layers[0]!, layers[0]!]
  test.each([
    ['megatron', megatron, layers],
    ['megablocks', megablocks, layers],
    ['huggingface', huggingface, alike],
  ] as const)('a coefficient of %s gives the same loss here', (from, theirs, given) => {
    const coefficient = 0.037
    expect(ours(given, convertBalanceCoefficient(coefficient, { from, k, layers: L }))).toBeCloseTo(
      theirs(given, coefficient),
      6,
    )
  })

  test('Hugging Face’s pooled loss is another one where layers differ', () => {
    const coefficient = convertBalanceCoefficient(1, { from: 'huggingface', k, layers: L })
    expect(Math.abs(ours(layers, coefficient) - huggingface(layers, 1))).toBeGreaterThan(1e-3)
  })
})

test('z is the mean squared log-sum-exp', () => {
  const { logits } = randomLayer(4)
  const naive = logits.reduce((sum, row) => sum + Math.log(row.map(Math.exp).reduce((a, b) => a + b)) ** 2, 0) / T
  expect(tf.tidy(() => zLoss(tf.tensor2d(logits)).dataSync()[0]!)).toBeCloseTo(naive, 5)
})

test('squared variation: var/mean² with the unbiased variance', () => {
  // Mean 2.5, variance 5/3.
  expect(tf.tidy(() => squaredVariation(tf.tensor1d([1, 2, 3, 4])).dataSync()[0]!)).toBeCloseTo(5 / 3 / 6.25, 6)
  expect(tf.tidy(() => squaredVariation(tf.tensor1d([3, 3, 3])).dataSync()[0]!)).toBe(0)
  expect(tf.tidy(() => squaredVariation(tf.tensor1d([3])).dataSync()[0]!)).toBe(0)
})
