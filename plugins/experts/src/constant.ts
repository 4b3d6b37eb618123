// A member that mixes its token with a learned vector, α₁·x + α₂·v with [α₁, α₂] = softmax(W x) (MoE++, eq. 5).
//
// Axes: N slots, D width, E members.
import { defineExpert, zeros } from '@mixlab/nn'
import { groupedMatMul, tf } from '@mixlab/tensor'
import { ownSlots, vectorOfMember } from './slots.ts'

export const constantExpert = defineExpert({
  name: 'constant',
  summary: 'α₁·x + α₂·v: the token mixed with a learned vector',
  source: 'https://arxiv.org/abs/2410.07348',
  create: (_, { members, width, store, initializer }) => {
    const mix = store.parameter<tf.Rank.R3>('mix', [members, 2, width], initializer)
    const vector = store.parameter<tf.Rank.R2>('vector', [members, width], zeros)
    return {
      parametersPerMember: 3 * width,
      forward: ({ xs_ND, offsets }) => {
        const slots = xs_ND.shape[0]
        const shares_N2 = tf.softmax(groupedMatMul(xs_ND, mix, offsets))
        const [ofToken, ofVector] = tf.split(shares_N2, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
        const token_ND = tf.mul(tf.mul(xs_ND, ownSlots(slots, offsets)), ofToken)
        return tf.add<tf.Tensor2D>(token_ND, tf.mul(vectorOfMember(slots, vector, offsets), ofVector))
      },
    }
  },
})
