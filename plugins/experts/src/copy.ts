// A member that returns its token: a shortcut around the experts (MoE++, eq. 4).
import { defineExpert } from '@mixlab/nn'
import { tf } from '@mixlab/tensor'
import { ownSlots } from './slots.ts'

export const copyExpert = defineExpert({
  name: 'copy',
  summary: 'x: passes the token on',
  source: 'https://arxiv.org/abs/2410.07348',
  create: () => ({
    parametersPerMember: 0,
    forward: ({ xs_ND, offsets }) => tf.mul<tf.Tensor2D>(xs_ND, ownSlots(xs_ND.shape[0], offsets)),
  }),
})
