// Two linear layers with an activation between them, as a stack without biases (GPT-2's feed-forward, Switch's experts).
import { defineExpert } from '@mixlab/nn'
import { activation, groupedMatMul, type tf } from '@mixlab/tensor'
import { z } from 'zod'

export const mlpExpert = defineExpert({
  name: 'mlp',
  summary: 'proj(activation(fc(x)))',
  source: 'https://arxiv.org/abs/2101.03961',
  config: z.object({
    width: z.int().min(1).nullable().default(null).describe("Inner width; null: the model's feed-forward width"),
    activation: z
      .enum(['gelu', 'relu', 'relu2'])
      .default('gelu')
      .describe('relu2 is the square of relu (https://arxiv.org/abs/2109.08668)'),
  }),
  create: (
    { width: given, activation: name },
    { members, width, innerWidth, store, initializer, residualInitializer },
  ) => {
    const inner = given ?? innerWidth
    const first = store.parameter<tf.Rank.R3>('c_fc', [members, inner, width], initializer)
    const second = store.parameter<tf.Rank.R3>('c_proj', [members, width, inner], residualInitializer)
    return {
      parametersPerMember: 2 * inner * width,
      forward: ({ xs_ND, offsets }) =>
        groupedMatMul(activation(groupedMatMul(xs_ND, first, offsets), name), second, offsets),
    }
  },
})
