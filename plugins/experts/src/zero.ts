// A member that adds nothing: tokens that need no expert can be sent there at no cost (MoE++, eq. 3).
import { defineExpert } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'

export const zeroExpert = defineExpert({
  name: 'zero',
  summary: '0: adds nothing to the token',
  source: 'https://arxiv.org/abs/2410.07348',
  create: () => ({
    parametersPerMember: 0,
    forward: ({ xs_ND }) => tf.zeros<tf.Rank.R2>(xs_ND.shape),
  }),
})
