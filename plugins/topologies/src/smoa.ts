// Sparse Mixture-of-Agents: distinct roles, and after each round a moderator that lets the best answers on and may stop.
import { aggregate, moderate, propose, rounds, sequence } from '@mixlab/agents'
import { z } from 'zod'
import { agentField, agentsField, aggregating, countField, definePreset, inTurn, proposing } from './define-preset.ts'

/** Where an experiment names none. The paper has a model write them for a task. */
export const defaultRoles: readonly string[] = [
  'You are the analyst of a group: take the question apart and reason step by step before you answer.',
  'You are the expert of a group: answer from knowledge of the field, precisely and with its terms.',
  'You are the sceptic of a group: look for traps in the question and for the mistake that others would make.',
  'You are the calculator of a group: write down every quantity and every intermediate result, and check each.',
  'You are the teacher of a group: answer so that a beginner can follow every step.',
  'You are the generalist of a group: find the simplest way to the answer and check it by another way.',
]

export const smoaTopology = definePreset({
  name: 'smoa',
  summary:
    'Proposers with roles, a moderator that keeps k answers and may stop, an aggregator: rounds · (n + 1) + 1 calls at most',
  source: 'https://arxiv.org/abs/2411.03284',
  fields: {
    rounds: countField(1, 2, 'At most.'),
    proposers: agentsField('Who answers in each round'),
    roles: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('System messages of the proposers, in turn. Default: six general ones.'),
    keep: countField(1, 2, 'k: answers of a round that go on.'),
    moderator: agentField('Who chooses'),
    aggregator: agentField('Who writes the answer', 'the moderator'),
    proposing,
    aggregating,
  },
  compose: ({ rounds: count, proposers, roles, keep, moderator, aggregator, proposing, aggregating }, agents) => {
    const members = proposers ?? agents
    const chooser = moderator ?? agents[0]!
    const options = { ...proposing, roles: inTurn(roles ?? defaultRoles, members.length) }
    return sequence(
      rounds(count, () => sequence(propose(members, options), moderate(chooser, { keep, temperature: 0 }))),
      aggregate(aggregator ?? chooser, aggregating),
    )
  },
})
