// Each token goes to the k members with the highest logits: Mixtral, OLMoE, Qwen-MoE and GPT-OSS are settings of it.
import { defineRouter } from '@mixlab/nn'
import { tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { balanceField, choicesField, routerLosses, zField } from './coefficients.ts'
import { checkChoices, createGate } from './gate.ts'

export const topKRouter = defineRouter({
  name: 'top-k',
  summary: 'The k members with the highest logits, weighted by their softmax',
  source: 'https://arxiv.org/abs/2401.04088',
  config: z.object({
    k: choicesField,
    softmax: z
      .enum(['before', 'after'])
      .default('before')
      .describe('Weights are the softmax over all members (OLMoE), or over the chosen ones (GPT-OSS)'),
    renormalize: z
      .boolean()
      .default(true)
      .describe(
        'Softmax before: divide the weights by their sum (Mixtral). Not for k = 1, where the weight would be 1 and teach the gate nothing',
      ),
    balance: balanceField(0.01),
    z: zField,
  }),
  create: ({ k, softmax, renormalize, ...coefficients }, context) => {
    checkChoices('top-k', k, context.members)
    const gate = createGate(context)
    return {
      choices: k,
      route: ({ x_TD }) => {
        const logits_TE = gate(x_TD)
        const probabilities_TE = tf.softmax(logits_TE)
        const { values, indices: members_Tk } = topK(softmax === 'before' ? probabilities_TE : logits_TE, k)
        const raw_Tk = softmax === 'before' ? values : tf.softmax(values)
        const weights_Tk =
          softmax === 'before' && renormalize && k > 1 ? tf.div<tf.Tensor2D>(raw_Tk, tf.sum(raw_Tk, 1, true)) : raw_Tk
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
