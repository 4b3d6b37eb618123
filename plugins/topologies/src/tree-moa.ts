import { tree } from '@mixlab/agents'
import { z } from 'zod'
import { agentField, agentsField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

export const treeMoaTopology = definePreset({
  name: 'tree-moa',
  summary:
    'Answers merged along a tree; branches are skipped once their siblings agree: 13 calls at most for 3 × 3 leaves',
  source: 'https://arxiv.org/abs/2512.18126',
  fields: {
    branching: countField(
      2,
      3,
      'Children of a node; the first two run at once, each further one only where those do not agree.',
    ),
    depth: z.int().min(1).max(6).default(2).describe('Levels below the root.'),
    agreement: z
      .number()
      .min(0)
      .max(1)
      .default(0.8)
      .describe('How alike in words siblings must be to agree, from 0 to 1 (no embedding model is needed).'),
    confidence: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'Geometric mean of the probabilities of an answer’s tokens that is needed, too; for agents that give them.',
      ),
    proposers: agentsField('Who answers at the leaves, in turn'),
    aggregator: agentField('Who merges at every inner node'),
    proposing,
    aggregating,
  },
  compose: ({ branching, depth, agreement, confidence, proposers, aggregator, proposing, aggregating }, agents) =>
    tree(proposers ?? agents, aggregator ?? agents[0]!, {
      branching,
      depth,
      agreement,
      confidence,
      ...proposing,
      merging: aggregating,
    }),
})
