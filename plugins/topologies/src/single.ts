// One call: what every mixture is compared with.
import { propose } from '@mixlab/agents'
import { agentField, definePreset, proposing } from './define-preset.ts'

export const singleTopology = definePreset({
  name: 'single',
  summary: 'One agent answers: 1 call',
  source: 'the baseline of arXiv 2406.04692',
  fields: { agent: agentField('Who answers'), proposing },
  compose: ({ agent, proposing }, agents) => propose([agent ?? agents[0]!], proposing),
})
