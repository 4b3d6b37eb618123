// A network with one hidden layer, which the members share: what makes a question hard is learned once for all of them.
import { defineRouter, kaimingUniform, zeros } from '@mixlab/nn'
import { dropout as drop, gelu, linear, tf } from '@mixlab/tensor'
import { z } from 'zod'
import { checkChoices } from './gate.ts'
import { agentChoicesField, bestPredicted, fromOutcomes } from './predicted-quality.ts'

export const mlpRouter = defineRouter({
  name: 'mlp',
  summary: 'Quality predicted by a small network with one hidden layer; learns from outcomes',
  source: 'https://doi.org/10.1038/323533a0',
  traits: fromOutcomes,
  config: z.object({
    k: agentChoicesField,
    hidden: z.int().min(1).default(64).describe('Hidden units'),
    dropout: z.number().min(0).lt(1).default(0.2).describe('Share of the hidden units that training leaves out'),
  }),
  create: ({ k, hidden, dropout }, { members, width, store }) => {
    checkChoices('mlp', k, members)
    const inner = store.parameter<tf.Rank.R2>('hidden.weight', [hidden, width], kaimingUniform())
    const innerBias = store.parameter<tf.Rank.R1>('hidden.bias', [hidden], zeros)
    // Starts at even odds for all.
    const weight = store.parameter<tf.Rank.R2>('weight', [members, hidden], zeros)
    const bias = store.parameter<tf.Rank.R1>('bias', [members], zeros)
    return {
      choices: k,
      route: ({ x_TD, training, rng }) => {
        const units_TH = gelu(linear(x_TD, inner, innerBias))
        const kept_TH = training ? drop(units_TH, dropout, { key: rng.stream('dropout').key, offset: 0 }) : units_TH
        return bestPredicted(linear(kept_TH, weight, bias) as tf.Tensor2D, k)
      },
    }
  },
})
