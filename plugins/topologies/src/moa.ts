// Mixture-of-Agents. `layers` counts as the paper does: the last layer is the aggregator alone, so 3 layers of 6 proposers are
// 6 + 6 + 1 calls.
import { aggregate, propose, repeat, sequence } from '@mixlab/agents'
import { agentField, agentsField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

const preset = (name: string, layers: number, summary: string) =>
  definePreset({
    name,
    summary,
    source: 'https://arxiv.org/abs/2406.04692',
    fields: {
      layers: countField(2, layers, 'As the paper counts: the last one is the aggregator.'),
      proposers: agentsField('Who answers in each layer before it; the paper has six models at temperature 0.7'),
      aggregator: agentField('Who writes the answer'),
      proposing,
      aggregating,
    },
    compose: ({ layers, proposers, aggregator, proposing, aggregating }, agents) =>
      sequence(
        repeat(layers - 1, () => propose(proposers ?? agents, proposing)),
        aggregate(aggregator ?? agents[0]!, aggregating),
      ),
  })

export const moaTopology = preset(
  'moa',
  3,
  'Layers of proposers that see the layer before, then an aggregator: 13 calls of 6 agents',
)
export const moaLiteTopology = preset('moa-lite', 2, 'One layer of proposers, then an aggregator: 7 calls of 6 agents')
