// LinUCB with a ridge regression for each member (Li et al. 2010, algorithm 1): expected quality is linear in the features;
// while it learns, a member is preferred by as much as its estimate is uncertain. A and b are sums over what is known, so
// that outcomes may come one by one or all at once; A is inverted anew each time, in float64.
//
// Axes: T rows, D features, E members.
import { defineRouter, type RouterOutcomes } from '@mixlab/nn'
import { addInto, tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { checkChoices } from './gate.ts'
import { positiveDefiniteInverse } from './positive-definite-inverse.ts'
import { agentChoicesField, fromOutcomes } from './predicted-quality.ts'

export const linUcbRouter = defineRouter({
  name: 'lin-ucb',
  summary: 'The highest upper confidence bound of a linear estimate of quality; learns from outcomes, online too',
  source: 'https://arxiv.org/abs/1003.0146',
  traits: fromOutcomes,
  config: z.object({
    k: agentChoicesField,
    exploration: z.number().min(0).default(1).describe('Deviations above the estimate that count, in training (α)'),
    ridge: z.number().positive().default(1).describe('What A starts as, times the identity'),
  }),
  create: ({ k, exploration, ridge }, { members, width, store }) => {
    checkChoices('lin-ucb', k, members)
    const diagonal = (value: number) => () =>
      Float32Array.from({ length: members * width * width }, (_, i) =>
        (i % (width * width)) % (width + 1) ? 0 : value,
      )
    const a_EDD = store.buffer<tf.Rank.R3>('a', [members, width, width], diagonal(ridge))
    const inverse_EDD = store.buffer<tf.Rank.R3>('inverse', [members, width, width], diagonal(1 / ridge))
    const b_ED = store.buffer<tf.Rank.R2>('b', [members, width], () => new Float32Array(members * width))

    const fit = ({ x_TD, quality_TE, known_TE }: RouterOutcomes): void =>
      tf.tidy(() => {
        const weighted = (by_TE: tf.Tensor2D) =>
          tf.mul(tf.expandDims(x_TD, 0), tf.expandDims(tf.transpose(by_TE), 2)) as tf.Tensor3D
        const x_ETD = weighted(known_TE)
        addInto(a_EDD, tf.matMul(x_ETD, x_ETD, true, false))
        addInto(b_ED, tf.sum(weighted(tf.mul(quality_TE, known_TE)), 1))
        const sums = a_EDD.dataSync<'float32'>()
        const inverses = new Float32Array(sums.length)
        const size = width * width
        for (let e = 0; e < members; e++)
          inverses.set(positiveDefiniteInverse(sums.subarray(e * size, (e + 1) * size), width), e * size)
        inverse_EDD.assign(tf.tensor3d(inverses, [members, width, width]))
      })

    return {
      choices: k,
      fit,
      route: ({ x_TD, training }) => {
        const theta_ED = tf.squeeze(tf.matMul(inverse_EDD, tf.expandDims(b_ED, 2)), [2]) as tf.Tensor2D
        const estimate_TE: tf.Tensor2D = tf.matMul(x_TD, theta_ED, false, true)
        const bound = (): tf.Tensor2D => {
          const x_ETD = tf.tile(tf.expandDims(x_TD, 0), [members, 1, 1])
          const variance_ET = tf.sum(tf.mul(tf.matMul(x_ETD, inverse_EDD), x_ETD), 2)
          return tf.add(estimate_TE, tf.mul(tf.sqrt(tf.transpose(variance_ET)), exploration))
        }
        const scores_TE = training ? bound() : estimate_TE
        const members_Tk = topK(scores_TE, k).indices
        return { members_Tk, weights_Tk: tf.fill([x_TD.shape[0], k], 1 / k), losses: {}, scores_TE }
      },
    }
  },
})
