// One logistic regression a member: the log-odds that its output will be good are linear in the features.
import { defineRouter, zeros } from '@mixlab/nn'
import { linear, tf } from '@mixlab/tensor'
import { z } from 'zod'
import { checkChoices } from './gate.ts'
import { agentChoicesField, bestPredicted, fromOutcomes } from './predicted-quality.ts'

export const logisticRouter = defineRouter({
  name: 'logistic',
  summary: 'Quality predicted by one logistic regression a member; learns from outcomes',
  source: 'https://doi.org/10.1111/j.2517-6161.1958.tb00292.x',
  traits: fromOutcomes,
  config: z.object({
    k: agentChoicesField,
    penalty: z
      .number()
      .min(0)
      .default(1e-3)
      .describe('Coefficient of half the squared norm of a member’s weights (scikit-learn: 1/(C · rows))'),
  }),
  create: ({ k, penalty }, { members, width, store }) => {
    checkChoices('logistic', k, members)
    // The problem is convex: where it starts does not matter.
    const weight = store.parameter<tf.Rank.R2>('weight', [members, width], zeros)
    const bias = store.parameter<tf.Rank.R1>('bias', [members], zeros)
    return {
      choices: k,
      route: ({ x_TD }) => {
        const choice = bestPredicted(linear(x_TD, weight, bias) as tf.Tensor2D, k)
        if (penalty === 0) return choice
        // The cross-entropy is a mean over members, and so is this.
        const value = tf.div<tf.Scalar>(tf.sum(tf.square(weight)), 2 * members)
        return { ...choice, losses: { penalty: { value, coefficient: penalty } } }
      },
    }
  },
})
