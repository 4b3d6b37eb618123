// Members drawn at random for each token and step: the baseline that a router has to beat. The draws of an evaluation are
// the same each time.
import { defineRouter } from '@mixlab/nn'
import { randomUniform, tf, topK } from '@mixlab/tensor'
import { z } from 'zod'
import { choicesField } from './coefficients.ts'
import { checkChoices } from './gate.ts'

export const randomRouter = defineRouter({
  name: 'random',
  summary: 'Members drawn at random: the baseline',
  config: z.object({ k: choicesField }),
  create: ({ k }, { members }) => {
    checkChoices('random', k, members)
    return {
      choices: k,
      route: ({ x_TD, rng }) => {
        const tokens = x_TD.shape[0]
        // The k largest of E uniform numbers: k of E members without replacement.
        const members_Tk = topK(
          randomUniform([tokens, members], { key: rng.stream('choice').key, offset: 0 }) as tf.Tensor2D,
          k,
        ).indices
        return { members_Tk, weights_Tk: tf.fill([tokens, k], 1 / k), losses: {} }
      },
    }
  },
})
