// One member a token (Fedus, Zoph & Shazeer 2021, Switch Transformer). The jitter multiplies what the router reads and
// never reaches the experts.
import { defineRouter } from '@mixlab/nn'
import { randomUniform, tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { balanceField, routerLosses, zField } from './coefficients.ts'
import { createGate } from './gate.ts'

export const switchRouter = defineRouter({
  name: 'switch',
  summary: 'The one likeliest member, weighted by its probability, with a load-balancing loss',
  source: 'https://arxiv.org/abs/2101.03961',
  config: z.object({
    jitter: z
      .number()
      .min(0)
      .lt(1)
      .default(0.01)
      .describe("When training, the router's input is multiplied by U(1 − jitter, 1 + jitter)"),
    balance: balanceField(0.01),
    z: zField,
  }),
  create: ({ jitter, ...coefficients }, context) => {
    const gate = createGate(context)
    return {
      choices: 1,
      route: ({ x_TD, training, rng }) => {
        const noisy = training && jitter > 0
        const factor = () =>
          tf.add(
            tf.mul(randomUniform(x_TD.shape, { key: rng.stream('jitter').key, offset: 0 }), 2 * jitter),
            1 - jitter,
          )
        const logits_TE = gate(noisy ? tf.mul(x_TD, factor()) : x_TD)
        const probabilities_TE = tf.softmax(logits_TE)
        const { values: weights_Tk, indices: members_Tk } = topK(probabilities_TE, 1)
        return {
          members_Tk,
          weights_Tk,
          losses: routerLosses(coefficients, { logits_TE, probabilities_TE, members_Tk }),
          scores_TE: probabilities_TE,
        }
      },
    }
  },
})
