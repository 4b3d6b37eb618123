import { debate, sequence, vote } from '@mixlab/agents'
import { agentsField, countField, definePreset, inTurn, proposing } from './define-preset.ts'

export const debateTopology = definePreset({
  name: 'debate',
  summary: 'Agents see one another’s answers and answer again, then the majority: 6 calls of 3 agents in 2 rounds',
  source: 'https://arxiv.org/abs/2305.14325',
  fields: {
    agents: agentsField(
      'Who debates; the paper has one model three times',
      'the first three agents, in turn where there are fewer',
    ),
    rounds: countField(1, 2, 'The first one is each agent’s own answer.'),
    proposing,
  },
  compose: ({ agents: named, rounds, proposing }, agents) =>
    sequence(debate(named ?? inTurn(agents.slice(0, 3), 3), { ...proposing, rounds }), vote()),
})
