// FrugalGPT's cascade. The paper trains a scorer on each model's answers; here the scorer is one that needs no training.
import { cascade, type CascadeScorer } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { agentField, agentsField, countField, definePreset, proposing } from './define-preset.ts'

const threshold = z.number().min(0).max(1)

export const frugalGptTopology = definePreset({
  name: 'frugal-gpt',
  summary: 'Cheap agents first, the next one where a scorer is not satisfied: from one tier’s calls to all',
  source: 'https://arxiv.org/abs/2305.05176',
  fields: {
    tiers: agentsField('Agents, the cheapest first', 'all agents in order'),
    scorer: z
      .enum(['agreement', 'log-probability', 'verifier'])
      .default('agreement')
      .describe('What an answer’s confidence is: samples that agree, its tokens’ probabilities, the mark of an agent.'),
    samples: countField(2, 3, 'Of each tier but the last, for the scorer agreement.'),
    verifier: agentField('For the scorer verifier', 'the last tier'),
    threshold: threshold.default(1).describe('A tier’s answer of at least this confidence is final.'),
    thresholds: z
      .array(threshold)
      .min(1)
      .optional()
      .describe('The same for each tier but the last. Default: threshold for all.'),
    proposing,
  },
  compose({ tiers, scorer: by, samples, verifier, threshold, thresholds, proposing }, agents) {
    const members = tiers ?? agents
    if (thresholds !== undefined && thresholds.length !== members.length - 1)
      throw new MixlabError(
        `topology frugal-gpt: ${thresholds.length} thresholds for ${members.length} tiers; expected ${members.length - 1}, one for each tier but the last`,
      )
    const scorers: Readonly<Record<typeof by, CascadeScorer>> = {
      agreement: { by: 'agreement', samples },
      'log-probability': { by: 'log-probability' },
      verifier: { by: 'verifier', verifier: verifier ?? members.at(-1)! },
    }
    return cascade(
      members.map((agent, index) => ({ agent, threshold: thresholds?.[index] ?? threshold })),
      scorers[by],
      proposing,
    )
  },
})
