import { aggregate, sample, sequence, synthesiseInWindows } from '@mixlab/agents'
import { agentField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

const source = 'https://arxiv.org/abs/2502.00674'

export const selfMoaTopology = definePreset({
  name: 'self-moa',
  summary: 'Samples of one agent, merged by an aggregator: n + 1 calls',
  source,
  fields: {
    agent: agentField('Who is sampled; the paper’s temperature is 0.7'),
    aggregator: agentField('Who merges', 'the one that is sampled'),
    samples: countField(1, 6, 'n.'),
    proposing,
    aggregating,
  },
  compose: ({ agent, aggregator, samples, proposing, aggregating }, agents) => {
    const sampled = agent ?? agents[0]!
    return sequence(sample(sampled, samples, proposing), aggregate(aggregator ?? sampled, aggregating))
  },
})

export const selfMoaSeqTopology = definePreset({
  name: 'self-moa-seq',
  summary: 'Samples of one agent, merged a window at a time: n + ⌈(n − 1) / (W − 1)⌉ calls',
  source,
  fields: {
    agent: agentField('Who is sampled; the paper’s temperature is 0.7'),
    aggregator: agentField('Who merges', 'the one that is sampled'),
    samples: countField(2, 6, 'n.'),
    window: countField(2, 3, 'W: answers in one prompt, the synthesis so far among them.'),
    proposing,
    aggregating,
  },
  compose: ({ agent, aggregator, samples, window, proposing, aggregating }, agents) => {
    const sampled = agent ?? agents[0]!
    return sequence(
      sample(sampled, samples, proposing),
      synthesiseInWindows(aggregator ?? sampled, window, aggregating),
    )
  },
})
