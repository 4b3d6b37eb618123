// Each member takes the tokens that score highest for it (Zhou et al. 2022): perfect balance by construction, no loss; a
// token may get many members or none. A token's members depend on the other tokens, later ones too: not causal.
//
// Axes: T tokens, E members, C tokens a member takes.
import { defineRouter } from '@mixlab/nn'
import { tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { checkChoices, createGate } from './gate.ts'

export const expertChoiceRouter = defineRouter({
  name: 'expert-choice',
  summary: 'Each member takes the tokens that score highest for it',
  source: 'https://arxiv.org/abs/2202.09368',
  traits: { causal: false },
  config: z.object({
    k: z
      .number()
      .positive()
      .default(2)
      .describe('Members a token gets on average: a member takes ⌈k · tokens / members⌉ (the paper’s capacity factor)'),
  }),
  create: ({ k }, context) => {
    const { members } = context
    checkChoices('expert-choice', k, members)
    const gate = createGate(context)
    return {
      choices: k,
      route: ({ x_TD }) => {
        const tokens = x_TD.shape[0]
        const capacity = Math.min(tokens, Math.ceil((tokens * k) / members))
        const scores_TE = tf.softmax(gate(x_TD))
        const { values: weights_EC, indices: rows_EC } = topK(tf.transpose(scores_TE), capacity)
        const slots = members * capacity
        return {
          rows_N: rows_EC.reshape<tf.Tensor1D>([slots]),
          offsets: tf.tensor1d(Int32Array.from({ length: members + 1 }, (_, member) => member * capacity)),
          weights_N: weights_EC.reshape<tf.Tensor1D>([slots]),
          losses: {},
          scores_TE,
        }
      },
    }
  },
})
