// Top-k of noisy logits (Shazeer et al. 2017): the noise's scale is learned, and a smooth estimate of each member's load
// makes balance differentiable.
//
// Axes: T tokens, E members, k choices a token.
import { defineRouter, squaredVariation } from '@mixlab/nn'
import { combine, linear, randomUniform, tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { choicesField } from './coefficients.ts'
import { checkChoices, createGate } from './gate.ts'

/** Standard normal numbers on the device (Box–Muller). */
function standardNormal([rows, columns]: readonly [number, number], key: readonly [number, number]): tf.Tensor2D {
  const uniforms = randomUniform([2, rows, columns], { key, offset: 0 })
  const [radius, angle] = tf.unstack(uniforms) as [tf.Tensor2D, tf.Tensor2D]
  return tf.mul(tf.sqrt(tf.mul(tf.log(tf.sub(1, radius)), -2)), tf.cos(tf.mul(angle, 2 * Math.PI)))
}

/**
 * P(x, e), eq. 9: the probability that member e is among the k highest if its own noise is drawn anew, the others' kept.
 * The threshold is the k-th highest of the others: the (k+1)-th of all if e is among the k, else the k-th.
 */
function chosenProbability(
  clean_TE: tf.Tensor2D,
  noisy_TE: tf.Tensor2D,
  deviation_TE: tf.Tensor2D,
  k: number,
): tf.Tensor2D {
  const highest = topK(noisy_TE, k + 1).values
  const rows = highest.shape[0]
  const ifOut = tf.slice(highest, [0, k - 1], [rows, 1])
  const ifIn = tf.slice(highest, [0, k], [rows, 1])
  const within = tf.cast(tf.greater(noisy_TE, ifIn), 'float32')
  const threshold = tf.add(tf.mul(within, ifIn), tf.mul(tf.sub(1, within), ifOut))
  const distance = tf.div(tf.sub(clean_TE, threshold), deviation_TE)
  return tf.mul(tf.add(tf.erf(tf.mul(distance, Math.SQRT1_2)), 1), 0.5)
}

export const noisyTopKRouter = defineRouter({
  name: 'noisy-top-k',
  summary: 'The k highest of logits with learned noise; importance and load losses',
  source: 'https://arxiv.org/abs/1701.06538',
  config: z.object({
    k: choicesField,
    importance: z
      .number()
      .min(0)
      .default(0.01)
      .describe("Coefficient of CV² of the members' summed weights; 0 at balance"),
    load: z
      .number()
      .min(0)
      .default(0.01)
      .describe("Coefficient of CV² of the members' smooth loads; 0 at balance; training only"),
    minimumNoise: z.number().positive().default(0.01).describe('Added to the softplus of the learned noise scale'),
  }),
  create: ({ k, importance, load, minimumNoise }, context) => {
    const { members, width, store } = context
    checkChoices('noisy-top-k', k, members)
    const gate = createGate(context)
    // The paper starts both at 0; the gate starts as other routers' do here, so that runs are comparable.
    const noiseWeight = store.parameter<tf.Rank.R2>(
      'noise_weight',
      [members, width],
      (shape) => new Float32Array(shape[0]! * shape[1]!),
    )
    return {
      choices: k,
      route: ({ x_TD, training, rng }) => {
        const tokens = x_TD.shape[0]
        const clean_TE = gate(x_TD)
        const deviation_TE = tf.add<tf.Tensor2D>(tf.softplus(linear(x_TD, noiseWeight)), minimumNoise)
        const noise = () => tf.mul(standardNormal([tokens, members], rng.stream('noise').key), deviation_TE)
        const noisy_TE = training ? tf.add<tf.Tensor2D>(clean_TE, noise()) : clean_TE
        const { values, indices: members_Tk } = topK(noisy_TE, k)
        const weights_Tk = tf.softmax(values)
        const pairs = tokens * k
        const summed = () =>
          combine(
            tf.ones([pairs, 1]),
            members_Tk.reshape<tf.Tensor1D>([pairs]),
            weights_Tk.reshape<tf.Tensor1D>([pairs]),
            members,
          )
        const loads = () => tf.sum<tf.Tensor1D>(chosenProbability(clean_TE, noisy_TE, deviation_TE, k), 0)
        return {
          members_Tk,
          weights_Tk,
          losses: {
            ...(importance > 0 && {
              importance: {
                value: squaredVariation(summed().reshape<tf.Tensor1D>([members])),
                coefficient: importance,
              },
            }),
            // With k = E every member is chosen whatever the noise.
            ...(load > 0 &&
              training &&
              k < members && { load: { value: squaredVariation(loads()), coefficient: load } }),
          },
          scores_TE: tf.softmax(noisy_TE),
        }
      },
    }
  },
})
