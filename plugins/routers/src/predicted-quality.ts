// What routers share that predict how good each member's output will be: they send a row to the members with the highest
// prediction. They learn from outcomes, which mixtures of experts do not have: they are meant for agents.
//
// Axes: T rows (questions), D features, E members, k choices a row.
import type { TokenChoice } from '@mixlab/nn'
import { tf, topK } from '@mixlab/tensor'
import { z } from 'zod'

/** The trait of routers that learn from outcomes. */
export const fromOutcomes = { outcomes: true } as const

export const agentChoicesField = z.int().min(1).default(1).describe('Members a row goes to')

/** The k members with the best predicted quality; for k > 1 their predictions, divided by their sum, are the weights. */
export function bestPredicted(quality_TE: tf.Tensor2D, k: number): TokenChoice {
  const { values, indices: members_Tk } = topK(quality_TE, k)
  const predicted_Tk = tf.sigmoid(values)
  const weights_Tk = k > 1 ? tf.div<tf.Tensor2D>(predicted_Tk, tf.sum(predicted_Tk, 1, true)) : predicted_Tk
  return { members_Tk, weights_Tk, losses: {}, scores_TE: tf.sigmoid(quality_TE), quality_TE }
}
