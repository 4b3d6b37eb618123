// DeepSeek-V3's router: sigmoid affinities, balanced without a loss by a bias that takes part in the choice only and is
// steered by the loads; the choice can be limited to a few groups of members.
//
// Axes: T tokens, E members, k choices a token, G groups; B sequences of L tokens.
import { MixlabError } from '@mixlab/core'
import { defineRouter, zLoss } from '@mixlab/nn'
import { addInto, gatherColumns, tf, topK, untaped } from '@mixlab/tensor'
import { z } from 'zod'
import { choicesField, zField } from './coefficients.ts'
import { checkChoices, createGate } from './gate.ts'

/** Scores with −∞ at members outside the `keep` best of `groups` groups; a group's score is the sum of its two highest. */
function limitToGroups(scores_TE: tf.Tensor2D, groups: number, keep: number): tf.Tensor2D {
  const [tokens, members] = scores_TE.shape
  const size = members / groups
  const byGroup = scores_TE.reshape<tf.Tensor2D>([tokens * groups, size])
  const groupScores_TG = tf.sum(topK(byGroup, Math.min(2, size)).values, 1).reshape<tf.Tensor2D>([tokens, groups])
  const best = topK(groupScores_TG, keep).indices
  const kept_TG = tf.sum(tf.oneHot(best, groups), 1)
  const kept = tf.tile(kept_TG.reshape([tokens, groups, 1]), [1, 1, size]).reshape([tokens, members])
  return tf.where(tf.greater(kept, 0), scores_TE, tf.fill([tokens, members], -Infinity))
}

/** Balance within each sequence, mean over sequences: Σ_e f_e P_e, eq. 17–20, with the affinities normalised to sum 1. */
function sequenceBalance(scores_TE: tf.Tensor2D, k: number, batch: number, length: number): tf.Scalar {
  const members = scores_TE.shape[1]
  const chosen = tf.sum(tf.oneHot(topK(scores_TE, k).indices, members), 1)
  const perSequence = (x: tf.Tensor) => tf.mean(x.reshape([batch, length, members]), 1)
  const f_BE = tf.mul(perSequence(tf.cast(chosen, 'float32')), members / k)
  const p_BE = perSequence(tf.div(scores_TE, tf.sum(scores_TE, 1, true)))
  return tf.div(tf.sum(tf.mul(f_BE, p_BE)), batch)
}

export const sigmoidBiasRouter = defineRouter({
  name: 'sigmoid-bias',
  summary: 'Sigmoid affinities, balanced by a bias that only selects (DeepSeek-V3)',
  source: 'https://arxiv.org/abs/2412.19437',
  config: z.object({
    k: choicesField,
    updateSpeed: z.number().min(0).default(1e-3).describe('How much a bias moves after each step; 0 freezes it'),
    groups: z.int().min(1).default(1).describe('Groups of members with consecutive indices'),
    topGroups: z.int().min(1).default(1).describe('Groups that a token may choose from'),
    renormalize: z
      .boolean()
      .default(true)
      .describe('Divide the weights by their sum; not for k = 1, where the weight would be 1'),
    routedScaling: z.number().positive().default(1).describe('The weights are multiplied by it (V3: 2.5)'),
    sequenceBalance: z
      .number()
      .min(0)
      .default(0)
      .describe('Coefficient of the balance loss within sequences (V3: 1e-4); 1 at balance'),
    z: zField,
  }),
  create: (config, context) => {
    const { k, updateSpeed, groups, topGroups, renormalize, routedScaling } = config
    const { members, store } = context
    checkChoices('sigmoid-bias', k, members)
    if (members % groups !== 0) {
      throw new MixlabError(
        `router sigmoid-bias: ${members} members do not divide into ${groups} groups; choose a divisor of ${members}`,
      )
    }
    if (topGroups > groups || topGroups * (members / groups) < k) {
      throw new MixlabError(
        `router sigmoid-bias: ${topGroups} of ${groups} groups of ${members / groups} members cannot give k = ${k}; change topGroups, groups or k`,
      )
    }
    const gate = createGate(context)
    const bias = store.buffer<tf.Rank.R1>('e_score_correction_bias', [members], () => new Float32Array(members))
    return {
      choices: k,
      route: ({ x_TD, batch, length }) => {
        const logits_TE = gate(x_TD)
        const scores_TE = tf.sigmoid(logits_TE)
        const members_Tk = untaped(() => {
          const biased_TE = tf.add<tf.Tensor2D>(scores_TE, bias)
          return topK(topGroups < groups ? limitToGroups(biased_TE, groups, topGroups) : biased_TE, k).indices
        })
        const raw_Tk = gatherColumns(scores_TE, members_Tk)
        const normed_Tk = renormalize && k > 1 ? tf.div(raw_Tk, tf.add(tf.sum(raw_Tk, 1, true), 1e-20)) : raw_Tk
        return {
          members_Tk,
          weights_Tk: tf.mul<tf.Tensor2D>(normed_Tk, routedScaling),
          losses: {
            ...(config.sequenceBalance > 0 && {
              balance: { value: sequenceBalance(scores_TE, k, batch, length), coefficient: config.sequenceBalance },
            }),
            ...(config.z > 0 && { z: { value: zLoss(logits_TE), coefficient: config.z } }),
          },
          scores_TE,
        }
      },
      // Section 2.1.2: overloaded members' biases fall, underloaded ones' rise, by the same amount.
      afterStep: (counts_E) => addInto(bias, tf.mul(tf.sign(tf.sub(tf.mean(counts_E), counts_E)), updateSpeed)),
    }
  },
})
