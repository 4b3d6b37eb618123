import { choose, sample, sequence } from '@mixlab/agents'
import { agentField, countField, definePreset, proposing } from './define-preset.ts'

export const bestOfNTopology = definePreset({
  name: 'best-of-n',
  summary: 'Several samples of one agent, of which a judge names the best: n + 1 calls',
  source: 'the LLM-ranker baseline of arXiv 2406.04692',
  fields: {
    agent: agentField('Who is sampled'),
    judge: agentField('Who names the best', 'the one that is sampled'),
    samples: countField(2, 6, 'n.'),
    proposing,
  },
  compose: ({ agent, judge, samples, proposing }, agents) => {
    const sampled = agent ?? agents[0]!
    return sequence(sample(sampled, samples, proposing), choose(judge ?? sampled))
  },
})
