import { attentionLayers } from '@mixlab/agents'
import { agentField, agentsField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

export const attentionMoaTopology = definePreset({
  name: 'attention-moa',
  summary: 'Layers in which agents review one another’s drafts and revise: L · (n² + 2n + 2) − 1 calls at most',
  source: 'https://arxiv.org/abs/2601.16596',
  fields: {
    layers: countField(1, 2, 'L, at most.'),
    proposers: agentsField('Who drafts, reviews and revises'),
    aggregator: agentField('Who writes each layer’s answer'),
    proposing,
    aggregating,
  },
  compose: ({ layers, proposers, aggregator, proposing, aggregating }, agents) =>
    attentionLayers({
      layers,
      members: proposers ?? agents,
      aggregator: aggregator ?? agents[0]!,
      proposing,
      aggregating,
    }),
})
