import { residualLayers } from '@mixlab/agents'
import { agentField, agentsField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

export const rmoaTopology = definePreset({
  name: 'rmoa',
  summary:
    'Layers that hand on their k most unlike answers and what they added; stops when nothing is: L · (n + 2) − 1 calls at most',
  source: 'https://arxiv.org/abs/2505.24442',
  fields: {
    layers: countField(1, 4, 'L, at most.'),
    proposers: agentsField('Who answers in each layer'),
    keep: countField(
      1,
      2,
      'k: answers of a layer that go on, chosen by their likeness in words (no embedding model is needed).',
    ),
    extractor: agentField('Who says what a layer added', 'the aggregator'),
    aggregator: agentField('Who writes each layer’s answer'),
    proposing,
    aggregating,
  },
  compose: ({ layers, proposers, keep, extractor, aggregator, proposing, aggregating }, agents) => {
    const writer = aggregator ?? agents[0]!
    return residualLayers({
      layers,
      proposers: proposers ?? agents,
      keep,
      extractor: extractor ?? writer,
      aggregator: writer,
      proposing,
      aggregating,
    })
  },
})
