import { chain } from '@mixlab/agents'
import { agentField, agentsField, aggregating, countField, definePreset, inTurn, proposing } from './define-preset.ts'

export const chainOfAgentsTopology = definePreset({
  name: 'chain-of-agents',
  summary: 'Workers read a long text part by part and hand on notes, a manager answers: parts + 1 calls at most',
  source: 'https://arxiv.org/abs/2406.02818',
  fields: {
    workers: agentsField('Who reads, in turn', 'the first agent'),
    parts: countField(
      1,
      4,
      'Parts of the text, one for each reading. The text is the question up to its last paragraph, the query.',
    ),
    manager: agentField('Who answers'),
    proposing,
    aggregating,
  },
  compose: ({ workers, parts, manager, proposing, aggregating }, agents) =>
    chain(inTurn(workers ?? agents.slice(0, 1), parts), manager ?? agents[0]!, { ...proposing, managing: aggregating }),
})
