// RouteMoA: a scorer predicts from the question which agents will do well, and only those are called. Each says how sure it is
// in its own reply (no extra call); the author of the best-valued answer marks all of them in one call and writes the answer.
// One round of the paper's loop, which corrects scores the same way between layers; price and latency are the router's affair.
import { aggregateByBest, assess, route, sequence } from '@mixlab/agents'
import { z } from 'zod'
import { agentsField, aggregating, countField, definePreset, proposing } from './define-preset.ts'

export const routeMoaTopology = definePreset({
  name: 'route-moa',
  summary: 'A router chooses k of many agents, one of them marks the answers and merges the best: k + 2 calls',
  source: 'https://arxiv.org/abs/2601.18130',
  fields: {
    agents: agentsField('Whom the router chooses from'),
    router: z.string().default('router').describe('Name of the run’s router. Scores from 0 to 1 mix best with marks.'),
    choices: countField(2, 3, 'k: agents that are asked, or all where there are fewer.'),
    keep: countField(1, 2, 'Answers that are merged.'),
    proposing,
    aggregating,
  },
  compose({ agents: named, router, choices, keep, proposing, aggregating }, agents) {
    const members = named ?? agents
    return sequence(
      route(members, { ...proposing, router, choices: Math.min(choices, members.length), confidence: true }),
      assess(members, { keep }),
      aggregateByBest(members, aggregating),
    )
  },
})
