// RouteLLM's bilinear form: δ(e, q) = w · (p_e/|p_e| ⊙ W q), each member one vector. RouteLLM fits σ(δ_a − δ_b) to who was
// preferred; here σ(δ + b_e) is fitted to whether the member was right, for which each member needs a level b_e.
//
// Axes: T rows, D features, E members, F factors.
import { defineRouter, kaimingUniform, normal, zeros } from '@mixlab/nn'
import { linear, tf } from '@mixlab/tensor'
import { z } from 'zod'
import { checkChoices } from './gate.ts'
import { agentChoicesField, bestPredicted, fromOutcomes } from './predicted-quality.ts'

export const matrixFactorizationRouter = defineRouter({
  name: 'matrix-factorization',
  summary: 'Quality as a bilinear form of a member’s vector and the features; learns from outcomes',
  source: 'https://arxiv.org/abs/2406.18665',
  traits: fromOutcomes,
  config: z.object({
    k: agentChoicesField,
    factors: z.int().min(1).default(32).describe('Length of a member’s vector (RouteLLM: 128)'),
  }),
  create: ({ k, factors }, { members, width, store }) => {
    checkChoices('matrix-factorization', k, members)
    const vectors_EF = store.parameter<tf.Rank.R2>('members', [members, factors], normal(1))
    const projection_FD = store.parameter<tf.Rank.R2>('projection', [factors, width], kaimingUniform(1 / Math.sqrt(3)))
    const classifier_F = store.parameter<tf.Rank.R1>('classifier', [factors], kaimingUniform(1 / Math.sqrt(3)))
    const bias = store.parameter<tf.Rank.R1>('bias', [members], zeros)
    return {
      choices: k,
      route: ({ x_TD }) => {
        const norms = tf.sqrt(tf.sum(tf.square(vectors_EF), 1, true))
        const read_EF = tf.mul(tf.div(vectors_EF, norms), classifier_F)
        return bestPredicted(linear(linear(x_TD, projection_FD), read_EF, bias) as tf.Tensor2D, k)
      },
    }
  },
})
