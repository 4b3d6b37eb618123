// What of a model follows the precision, and what does not: routers choose in float32, the products around them follow.
import { RandomStream } from '@mixlab/core'
import { linear, tf, valueAndGradients, withPrecision } from '@mixlab/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { defineRouter, Mixture, mixtureConfig, normal } from '../src/index.ts'
import { experts } from '../../../plugins/experts/src/index.ts'
import { routers } from '../../../plugins/routers/src/index.ts'
import { startEngine } from './engines.ts'
import { build, integers, normals, tiny } from './models.ts'
import { tableOf } from './plugin-table.ts'

const [T, D, E, k] = [64, 24, 4, 2]

/** Two gates, one with the catalogue's product and one with TensorFlow.js's; a loss that is linear in their logits. */
const twoGates = defineRouter({
  name: 'two-gates',
  summary: 'Chooses by the sum of two gates',
  create: (_, { members, width, initializer, store }) => {
    const first = store.parameter<tf.Rank.R2>('first', [members, width], initializer)
    const second = store.parameter<tf.Rank.R2>('second', [width, members], initializer)
    return {
      choices: k,
      route: ({ x_TD }) => {
        const logits_TE = tf.add<tf.Tensor2D>(linear(x_TD, first), tf.matMul(x_TD, second))
        const { indices, values } = tf.topk(logits_TE, k)
        const value = tf.sum<tf.Scalar>(tf.mul(logits_TE, tf.tensor2d(normals(T * members, 8), [T, members])))
        return {
          members_Tk: indices as tf.Tensor2D,
          weights_Tk: tf.softmax(values) as tf.Tensor2D,
          losses: { linear: { value, coefficient: 1 } },
          scores_TE: logits_TE,
        }
      },
    }
  },
})

const layer = () =>
  new Mixture(new RandomStream(2), {
    width: D,
    innerWidth: 20,
    vocabulary: 7,
    layer: 0,
    config: mixtureConfig.parse({ router: 'two-gates', experts: { name: 'swiglu', count: E } }),
    initializer: normal(0.7),
    residualInitializer: normal(0.7),
    plugins: tableOf([...routers, ...experts, twoGates]),
  })

beforeAll(() => startEngine('cpu'))

describe('a mixture in bf16', () => {
  const x = normals(T * D)

  function run(precision: string) {
    using mixture = layer()
    const parameters = [...mixture.parameters()]
    let [scores, y, scoresAgain]: Float32Array[] = []
    const forward = (observe: (scores: Float32Array) => void) =>
      mixture.forward({
        x_TD: tf.tensor2d(x, [T, D]),
        tokens_T: tf.zeros([T], 'int32'),
        batch: 1,
        length: T,
        training: true,
        rng: new RandomStream(3),
        observe: ({ routing }) => observe(routing.scores_TE!.dataSync<'float32'>()),
      })
    return withPrecision(precision, () => {
      const { gradients } = valueAndGradients(
        () => {
          const output = forward((values) => (scores = values))
          y = output.y_TD.dataSync<'float32'>()
          return output.losses['linear']!.value
        },
        parameters.map(([, parameter]) => parameter),
      )
      const whole = valueAndGradients(
        () => tf.sum(tf.square(forward((values) => (scoresAgain = values)).y_TD)),
        parameters.map(([, parameter]) => parameter),
      )
      expect(scoresAgain).toEqual(scores)
      const byName = (all: readonly (tf.Tensor | undefined)[]) =>
        new Map(parameters.map(([name], index) => [name, all[index]?.dataSync()]))
      return { scores, y, routers: byName(gradients), whole: byName(whole.gradients) }
    })
  }

  test('routes in float32, bit for bit, gradients included; its experts do not', () => {
    const [low, high] = [run('bf16'), run('float32')]
    expect(low.scores).toEqual(high.scores)
    for (const name of ['gate.first', 'gate.second']) {
      expect(high.routers.get(name)).toBeDefined()
      expect(low.routers.get(name), name).toEqual(high.routers.get(name))
    }
    expect(low.y).not.toEqual(high.y)
    const expertNames = [...high.whole.keys()].filter((name) => name.startsWith('experts.'))
    expect(expertNames.length).toBeGreaterThan(0)
    for (const name of expertNames) expect(low.whole.get(name), name).not.toEqual(high.whole.get(name))
  })
})

test.each([true, false])("a language model's head follows the precision (tied: %s)", (tied) => {
  using model = build({ ...tiny, layers: 1, tied, initializerRange: 0.5 })
  // The block adds nothing, so that the head is the only product on the way.
  for (const [name, weight] of model.parameters())
    if (/(o_proj|down_proj).weight$/.test(name)) weight.assign(tf.zeros(weight.shape))
  const tokens = tf.tensor2d(integers(12, 11), [1, 12], 'int32')
  const logits = (precision: string) =>
    withPrecision(precision, () => model.forward(tokens, { training: false }).logits.dataSync())
  const [low, high] = [logits('bf16'), logits('float32')]
  expect(low).not.toEqual(high)
  for (const [index, value] of high.entries()) expect(Math.abs(low[index]! - value)).toBeLessThan(0.05)
})
