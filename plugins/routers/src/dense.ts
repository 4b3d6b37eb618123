// Every token goes to every member, weighted by the softmax (Jacobs et al. 1991, Shazeer et al. 2017 eq. 2): the soft
// mixture that sparse ones approximate, at E times the cost of one member.
import { defineRouter, zLoss } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { z } from 'zod'
import { zField } from './coefficients.ts'
import { createGate } from './gate.ts'

export const denseRouter = defineRouter({
  name: 'dense',
  summary: 'All members, with soft weights',
  source: 'https://arxiv.org/abs/1701.06538',
  config: z.object({ z: zField }),
  create: ({ z: coefficient }, context) => {
    const { members } = context
    const gate = createGate(context)
    return {
      choices: members,
      route: ({ x_TD }) => {
        const logits_TE = gate(x_TD)
        const weights_Tk = tf.softmax(logits_TE)
        const order = tf.tensor2d(
          Int32Array.from({ length: members }, (_, member) => member),
          [1, members],
        )
        return {
          members_Tk: tf.tile(order, [x_TD.shape[0], 1]),
          weights_Tk,
          losses: coefficient > 0 ? { z: { value: zLoss(logits_TE), coefficient } } : {},
          scores_TE: weights_Tk,
        }
      },
    }
  },
})
