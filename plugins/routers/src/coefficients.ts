// Fields that routers with losses share.
import { balanceLoss, type RouterLoss, zLoss } from '@mixlab/nn'
import type { tf } from '@mixlab/tensor'
import { z } from 'zod'

export const choicesField = z.int().min(1).default(2).describe('Members a token goes to')

export const balanceField = (value: number) =>
  z
    .number()
    .min(0)
    .default(value)
    .describe('Coefficient of the load-balancing loss (per layer, summed over layers; 1 at balance)')

export const zField = z.number().min(0).default(0).describe('Coefficient of the mean squared log-sum-exp of the logits')

export interface LossInputs {
  readonly logits_TE: tf.Tensor2D
  /** Rows that sum to 1. */
  readonly probabilities_TE: tf.Tensor2D
  readonly members_Tk: tf.Tensor2D
}

/** The balance and z losses whose coefficients are not 0. */
export function routerLosses(
  coefficients: { readonly balance: number; readonly z: number },
  inputs: LossInputs,
): Record<string, RouterLoss> {
  const { balance, z: zCoefficient } = coefficients
  return {
    ...(balance > 0 && {
      balance: { value: balanceLoss(inputs.probabilities_TE, inputs.members_Tk), coefficient: balance },
    }),
    ...(zCoefficient > 0 && { z: { value: zLoss(inputs.logits_TE), coefficient: zCoefficient } }),
  }
}
