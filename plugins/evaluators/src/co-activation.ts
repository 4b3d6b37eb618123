// Which experts are chosen together. OLMoE, section 5.2: co-activation(i, j) = N_ij / N_i, where N_ij tokens chose both.
// All pairs are counted; OLMoE's own script counts only pairs whose ranks are neighbours. Experts chosen at random would
// show (k − 1)/(E − 1) everywhere.
import type { LabelledMatrix } from '@mixlab/core'
import { fixedBatches } from '@mixlab/data'
import { defineEvaluator } from '@mixlab/training'
import { z } from 'zod'
import { mean, membersOfTokens, observeRouting } from './observe-routing.ts'

/** N_ij for every ordered pair of members, N_i on the diagonal. */
export function pairCounts(choices: Iterable<readonly number[]>, members: number): number[][] {
  const counts = Array.from({ length: members }, () => Array.from({ length: members }, () => 0))
  for (const chosen of choices) {
    const distinct = [...new Set(chosen)]
    for (const i of distinct) for (const j of distinct) counts[i]![j]!++
  }
  return counts
}

export const coActivation = defineEvaluator({
  name: 'co-activation',
  summary: 'How often two experts are chosen for the same token, for all pairs',
  source: 'https://arxiv.org/abs/2409.02060',
  config: z.object({ batches: z.number().int().min(1).default(10).describe('Batches of validation windows') }),
  create: ({ batches }) => ({
    async evaluate({ model, corpus, batchSize, contextLength }) {
      const totals: number[][][] = []
      const names: (readonly string[])[] = []
      for await (const { batch, layers } of observeRouting(
        model,
        fixedBatches(corpus.validation, { batches, batchSize, contextLength }),
      )) {
        for (const [index, layer] of layers.entries()) {
          names[index] = layer.members
          const counts = pairCounts(membersOfTokens(layer, batch.inputs.length), layer.members.length)
          totals[index] = counts.map((row, i) => row.map((count, j) => count + (totals[index]?.[i]?.[j] ?? 0)))
        }
      }
      const metrics: Record<string, number> = {}
      const matrices: Record<string, LabelledMatrix> = {}
      for (const [layer, counts] of totals.entries()) {
        const values = counts.map((row, i) => row.map((count, j) => (i === j || row[i] === 0 ? null : count / row[i]!)))
        const defined = values.flat().filter((value) => value !== null)
        const members = counts.length
        const chosen = counts.flatMap((row, i) => row[i]!).reduce((sum, count) => sum + count, 0)
        const together = counts
          .flatMap((row, i) => row.filter((_, j) => j !== i))
          .reduce((sum, count) => sum + count, 0)
        metrics[`layer-${layer}/strongest`] = defined.length > 0 ? Math.max(...defined) : 0
        metrics[`layer-${layer}/mean`] = defined.length > 0 ? mean(defined) : 0
        matrices[`layer-${layer}`] = {
          title: `Share of the tokens of one expert (row) that chose another one, too, layer ${layer}`,
          rows: [...names[layer]!],
          columns: [...names[layer]!],
          values,
          rowTitle: 'expert',
          columnTitle: 'chosen together with',
          // Σ_j N_ij over N_i is k − 1 for a token-choice router, whatever it prefers.
          baseline: chosen > 0 && members > 1 ? together / chosen / (members - 1) : 0,
        }
      }
      return { metrics, matrices }
    },
  }),
})
