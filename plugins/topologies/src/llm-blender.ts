import { aggregate, propose, rank, sequence } from '@mixlab/agents'
import { agentField, agentsField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

export const llmBlenderTopology = definePreset({
  name: 'llm-blender',
  summary: 'Answers compared pair by pair in both orders, the best of them fused: n + n · (n − 1) + 1 calls',
  source: 'https://arxiv.org/abs/2306.02561',
  fields: {
    proposers: agentsField('Who answers'),
    judge: agentField('Who compares'),
    fuser: agentField('Who writes the answer from the best ones'),
    top: countField(1, 3, 'Answers that are fused.'),
    proposing,
    aggregating,
  },
  compose: ({ proposers, judge, fuser, top, proposing, aggregating }, agents) =>
    sequence(
      propose(proposers ?? agents, proposing),
      rank(judge ?? agents[0]!, { top }),
      aggregate(fuser ?? agents[0]!, { ...aggregating, role: 'fuser' }),
    ),
})
