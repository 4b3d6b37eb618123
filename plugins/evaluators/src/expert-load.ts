// How evenly the members of each mixture layer are used on held-out text.
import { fixedBatches } from '@mixlab/data'
import { countsOf, loadStatistics } from '@mixlab/core'
import { defineEvaluator } from '@mixlab/training'
import { z } from 'zod'
import { mean, observeRouting } from './observe-routing.ts'

export const expertLoad = defineEvaluator({
  name: 'expert-load',
  summary: 'Coefficient of variation, MaxVio, normalised entropy, dead experts and drops of each mixture layer',
  source: 'https://arxiv.org/abs/2408.15664',
  config: z.object({ batches: z.number().int().min(1).default(10).describe('Batches of validation windows') }),
  create: ({ batches }) => ({
    async evaluate({ model, corpus, batchSize, contextLength }) {
      const counts: number[][] = []
      const requested: number[] = []
      const names: (readonly string[])[] = []
      for await (const { layers } of observeRouting(
        model,
        fixedBatches(corpus.validation, { batches, batchSize, contextLength }),
      )) {
        for (const [index, { offsets, members, requested: asked }] of layers.entries()) {
          names[index] = members
          counts[index] = countsOf(offsets).map((count, member) => count + (counts[index]?.[member] ?? 0))
          requested[index] = (requested[index] ?? 0) + asked
        }
      }
      const statistics = counts.map(loadStatistics)
      if (statistics.length === 0) return { metrics: {} }
      const perLayer = statistics.map(({ variation, maxViolation, entropy, dead }, layer) => ({
        variation,
        maxViolation,
        entropy,
        dead,
        dropped: 1 - counts[layer]!.reduce((sum, count) => sum + count, 0) / requested[layer]!,
      }))
      const metrics: Record<string, number> = {}
      for (const name of ['variation', 'maxViolation', 'entropy', 'dead', 'dropped'] as const) {
        metrics[name] = mean(perLayer.map((layer) => layer[name]))
        for (const [layer, values] of perLayer.entries()) metrics[`layer-${layer}/${name}`] = values[name]
      }
      const widest = names.reduce((longest, members) => (members.length > longest.length ? members : longest), [])
      return {
        metrics,
        matrices: {
          load: {
            title: 'Share of the routed pairs that each expert receives',
            rows: statistics.map((_, layer) => `layer ${layer}`),
            columns: [...widest],
            values: statistics.map(({ load }) => widest.map((_, member) => load[member] ?? null)),
            rowTitle: 'layer',
            columnTitle: 'expert',
            baseline: 1 / widest.length,
          },
        },
      }
    },
  }),
})
