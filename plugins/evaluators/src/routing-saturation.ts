// When routing settles. OLMoE, section 5.1: saturation(t) is the mean over tokens of |S_t ∩ S_T| / k, where S_t are the
// experts that a checkpoint of step t chooses for the token and S_T those of the final model. It is 1 at the end, and k/E if
// the early router was no better than chance. Needs checkpoints that were kept (`training.checkpoint.keep`).
import { fixedBatches } from '@mixlab/data'
import { defineEvaluator, type EvaluationInput } from '@mixlab/training'
import { z } from 'zod'
import { mean, membersOfTokens, observeRouting } from './observe-routing.ts'

/** Mean over tokens of the share of `final`'s choice that `earlier` made, too; tokens without a final choice do not count. */
export function overlap(earlier: readonly (readonly number[])[], final: readonly (readonly number[])[]): number {
  let sum = 0
  let counted = 0
  for (const [token, members] of final.entries()) {
    if (members.length === 0) continue
    counted++
    sum += members.filter((member) => earlier[token]!.includes(member)).length / members.length
  }
  return counted === 0 ? 0 : sum / counted
}

interface LayerChoices {
  /** The members of every token of the windows. */
  readonly tokens: number[][]
  /** How many members the layer has. */
  readonly members: number
}

async function choices(
  { model, corpus, batchSize, contextLength }: EvaluationInput,
  batches: number,
): Promise<LayerChoices[]> {
  const layers: LayerChoices[] = []
  for await (const { batch, layers: routed } of observeRouting(
    model,
    fixedBatches(corpus.validation, { batches, batchSize, contextLength }),
  )) {
    for (const [index, layer] of routed.entries())
      (layers[index] ??= { tokens: [], members: layer.members.length }).tokens.push(
        ...membersOfTokens(layer, batch.inputs.length),
      )
  }
  return layers
}

/** k/E: the overlap with a choice at random. */
function chance({ tokens, members }: LayerChoices): number {
  const routed = tokens.filter((chosen) => chosen.length > 0)
  return routed.length === 0 ? 0 : mean(routed.map((chosen) => chosen.length)) / members
}

export const routingSaturation = defineEvaluator({
  name: 'routing-saturation',
  summary: "How much of the final model's routing each saved checkpoint already had",
  source: 'https://arxiv.org/abs/2409.02060',
  config: z.object({ batches: z.number().int().min(1).default(5).describe('Batches of validation windows') }),
  create: ({ batches }) => ({
    async evaluate(input) {
      const final = await choices(input, batches)
      if (final.length === 0) return { metrics: {} }
      const steps: number[] = []
      const shares: number[][] = []
      for await (const saved of input.checkpoints()) {
        await saved.load()
        const earlier = await choices(input, batches)
        steps.push(saved.step)
        shares.push(final.map(({ tokens }, layer) => overlap(earlier[layer]!.tokens, tokens)))
      }
      if (steps.length === 0) return { metrics: {} }
      const metrics: Record<string, number> = {}
      for (const [index, step] of steps.entries()) {
        metrics[`step-${step}`] = mean(shares[index]!)
        for (const [layer, share] of shares[index]!.entries()) metrics[`layer-${layer}/step-${step}`] = share
      }
      return {
        metrics,
        matrices: {
          saturation: {
            title: 'Share of the final routing that earlier checkpoints had',
            rows: final.map((_, layer) => `layer ${layer}`),
            columns: steps.map((step) => `step ${step}`),
            values: final.map((_, layer) => shares.map((share) => share[layer]!)),
            rowTitle: 'layer',
            columnTitle: 'checkpoint',
            baseline: mean(final.map(chance)),
          },
        },
      }
    },
  }),
})
