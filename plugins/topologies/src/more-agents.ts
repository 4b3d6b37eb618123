// Sampling and voting over any set of agents; texts that no grader can compare are voted on by their likeness.
import { propose, selectTypical, sequence, vote } from '@mixlab/agents'
import { z } from 'zod'
import { agentsField, countField, definePreset, inTurn, proposing } from './define-preset.ts'

export const moreAgentsTopology = definePreset({
  name: 'more-agents',
  summary: 'Samples of agents in turn; the majority, or the sample most like all others: n calls',
  source: 'https://arxiv.org/abs/2402.05120',
  fields: {
    agents: agentsField('Who is sampled, in turn', 'the first agent'),
    samples: countField(1, 15, 'n.'),
    by: z
      .enum(['vote', 'similarity'])
      .default('vote')
      .describe('The majority of parsed answers, or the largest sum of BLEU against all others.'),
    proposing,
  },
  compose: ({ agents: named, samples, by, proposing }, agents) =>
    sequence(
      propose(inTurn(named ?? agents.slice(0, 1), samples), proposing),
      by === 'vote' ? vote() : selectTypical(),
    ),
})
