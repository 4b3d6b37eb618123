// Whether experts prefer domains. OLMoE, section 5.3: specialization(E_i, D) = N(E_i, D) / N_D, the share of the tokens of
// domain D that are routed to expert i. Without specialisation every share is k/E. The one-number summary is the mutual
// information of domain and expert (in bits, domains weighted equally): 0 if the expert says nothing about the domain.
import type { LabelledMatrix } from '@mixlab/core'
import { fixedBatches } from '@mixlab/data'
import { defineEvaluator } from '@mixlab/training'
import { z } from 'zod'
import { forEachPair, mean, observeRouting } from './observe-routing.ts'

/** I(domain; expert) in bits for counts [domain][expert] with each domain given the same weight. */
export function mutualInformation(counts: readonly (readonly number[])[]): number {
  const given = counts
    .map((row) => ({ row, total: row.reduce((sum, count) => sum + count, 0) }))
    .filter(({ total }) => total > 0)
    .map(({ row, total }) => row.map((count) => count / total))
  if (given.length === 0) return 0
  const marginal = given[0]!.map((_, expert) => mean(given.map((row) => row[expert]!)))
  const divergence = (row: readonly number[]) =>
    row.reduce((sum, share, expert) => sum + (share > 0 ? share * Math.log2(share / marginal[expert]!) : 0), 0)
  return mean(given.map(divergence))
}

export const domainSpecialization = defineEvaluator({
  name: 'domain-specialization',
  summary: "Share of each domain's tokens that each expert receives, and how much the expert says about the domain",
  source: 'https://arxiv.org/abs/2409.02060',
  config: z.object({ batches: z.number().int().min(1).default(20).describe('Batches of validation windows') }),
  create: ({ batches }) => ({
    async evaluate({ model, corpus, batchSize, contextLength }) {
      const { domains } = corpus
      const stream = corpus.validation
      const tokens = domains.map(() => 0)
      const pairs: number[][][] = []
      const names: (readonly string[])[] = []
      for await (const { batch, layers } of observeRouting(
        model,
        fixedBatches(stream, { batches, batchSize, contextLength }),
      )) {
        const domainOf = (token: number): number => {
          const row = Math.floor(token / batch.length)
          return stream.domains?.[batch.starts[row]! + (token % batch.length)] ?? 0
        }
        for (let token = 0; token < batch.inputs.length; token++) tokens[domainOf(token)]!++
        for (const [index, layer] of layers.entries()) {
          names[index] = layer.members
          const table = (pairs[index] ??= domains.map(() => layer.members.map(() => 0)))
          forEachPair(layer, (token, member) => table[domainOf(token)]![member]!++)
        }
      }
      const metrics: Record<string, number> = {}
      const matrices: Record<string, LabelledMatrix> = {}
      for (const [layer, table] of pairs.entries()) {
        const total = table.flat().reduce((sum, count) => sum + count, 0)
        const k = total / tokens.reduce((sum, count) => sum + count, 0)
        metrics[`layer-${layer}/mutualInformation`] = mutualInformation(table)
        matrices[`layer-${layer}`] = {
          title: `Share of each domain's tokens that each expert receives, layer ${layer}`,
          rows: domains.map((name) => name || 'all'),
          columns: [...names[layer]!],
          values: table.map((row, domain) =>
            row.map((count) => (tokens[domain]! > 0 ? count / tokens[domain]! : null)),
          ),
          rowTitle: 'domain',
          columnTitle: 'expert',
          baseline: k / names[layer]!.length,
        }
      }
      if (pairs.length > 0) metrics['mutualInformation'] = mean(pairs.map(mutualInformation))
      return { metrics, matrices }
    },
  }),
})
