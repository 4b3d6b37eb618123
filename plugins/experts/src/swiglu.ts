// The gated unit of Llama, Mixtral and OLMoE, as a stack: gate and up in one grouped product, down in another. Names and
// layout are those of Hugging Face's fused checkpoints.
//
// Axes: N slots, D width, E members, F inner width.
import { defineExpert } from '@mixlab/nn'
import { groupedGatedExperts, type tf } from '@mixlab/tensor'
import { z } from 'zod'

export const swigluExpert = defineExpert({
  name: 'swiglu',
  summary: 'down(silu(gate(x)) · up(x))',
  source: 'https://arxiv.org/abs/2002.05202',
  config: z.object({
    width: z.int().min(1).nullable().default(null).describe("Inner width; null: the model's feed-forward width"),
  }),
  create: ({ width: given }, { members, width, innerWidth, store, initializer, residualInitializer }) => {
    const inner = given ?? innerWidth
    const gateUp = store.parameter<tf.Rank.R3>('gate_up_proj', [members, 2 * inner, width], initializer)
    const down = store.parameter<tf.Rank.R3>('down_proj', [members, width, inner], residualInitializer)
    return {
      parametersPerMember: 3 * inner * width,
      forward: ({ xs_ND, offsets }) => groupedGatedExperts(xs_ND, gateUp, down, offsets, 'silu'),
    }
  },
})
