import { route } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { agentField, definePreset, proposing } from './define-preset.ts'

export const routeLlmTopology = definePreset({
  name: 'route-llm',
  summary: 'A router sends each question to the strong agent or to the weak one: 1 call',
  source: 'https://arxiv.org/abs/2406.18665',
  fields: {
    strong: agentField('The better one'),
    weak: agentField('The cheaper one', 'the second agent'),
    router: z
      .string()
      .default('router')
      .describe('Name of the run’s router. Its scores are of the strong agent, then the weak one.'),
    threshold: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'The strong agent is asked where σ(its score − the weak one’s) reaches it. Default: the router chooses.',
      ),
    proposing,
  },
  compose({ strong, weak, router, threshold, proposing }, agents) {
    const second = weak ?? agents[1]
    if (second === undefined)
      throw new MixlabError('topology route-llm routes between two agents, and there is one: name another as weak')
    return route([strong ?? agents[0]!, second], { ...proposing, router, threshold })
  },
})
