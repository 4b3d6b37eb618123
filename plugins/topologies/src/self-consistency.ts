import { sample, sequence, vote } from '@mixlab/agents'
import { agentField, countField, definePreset, proposing } from './define-preset.ts'

export const selfConsistencyTopology = definePreset({
  name: 'self-consistency',
  summary: 'Several samples of one agent, the majority of their parsed answers: n calls',
  source: 'https://arxiv.org/abs/2203.11171',
  fields: {
    agent: agentField('Who is sampled; the paper’s temperature is 0.5 to 0.7'),
    samples: countField(1, 40, 'n; the paper’s largest.'),
    proposing,
  },
  compose: ({ agent, samples, proposing }, agents) => sequence(sample(agent ?? agents[0]!, samples, proposing), vote()),
})
