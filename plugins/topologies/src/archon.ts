// Archon's layers, in any order that makes sense: generators, a critic, a ranker, a verifier, fusers. The paper searches over
// such lists; here a list is a field like others, which a sweep can vary.
import { aggregate, critique, type Part, propose, rank, sequence, verify } from '@mixlab/agents'
import { MixlabError } from '@mixlab/core'
import { z } from 'zod'
import { aggregating, countField, definePreset, inTurn, proposing } from './define-preset.ts'

const layer = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('generator'),
    agents: z.array(z.string()).min(1).optional(),
    samples: countField(1, 1, 'Of each agent.'),
  }),
  z.strictObject({ type: z.literal('critic'), agent: z.string().optional() }),
  z.strictObject({
    type: z.literal('ranker'),
    agent: z.string().optional(),
    top: countField(1, 5, 'Answers that go on.'),
  }),
  z.strictObject({ type: z.literal('verifier'), agent: z.string().optional() }),
  z.strictObject({ type: z.literal('fuser'), agents: z.array(z.string()).min(1).optional() }),
])
type Layer = z.output<typeof layer>

const standard: readonly z.input<typeof layer>[] = [
  { type: 'generator' },
  { type: 'critic' },
  { type: 'ranker' },
  { type: 'fuser' },
]

function part(
  layer: Layer,
  agents: readonly string[],
  settings: { readonly proposing: object; readonly aggregating: object },
): Part {
  const first = agents[0]!
  switch (layer.type) {
    case 'generator': {
      const members = layer.agents ?? agents
      return propose(
        members.flatMap((agent) => inTurn([agent], layer.samples)),
        settings.proposing,
      )
    }
    case 'critic':
      return critique([layer.agent ?? first])
    case 'ranker':
      return rank(layer.agent ?? first, { top: layer.top })
    case 'verifier':
      return verify(layer.agent ?? first)
    case 'fuser': {
      const fusers = layer.agents ?? [first]
      return fusers.length === 1
        ? aggregate(fusers[0]!, { ...settings.aggregating, role: 'fuser' })
        : propose(fusers, settings.aggregating)
    }
    default:
      return layer satisfies never
  }
}

export const archonTopology = definePreset({
  name: 'archon',
  summary: 'Layers of generators, critics, rankers, verifiers and fusers, as listed: 43 calls of 6 agents by default',
  source: 'https://arxiv.org/abs/2409.15254',
  fields: {
    layers: z
      .array(layer)
      .min(1)
      .prefault([...standard])
      .describe(
        'In order: generator {agents, samples}, critic {agent}, ranker {agent, top}, verifier {agent}, fuser {agents}.',
      ),
    proposing,
    aggregating,
  },
  compose({ layers, ...settings }, agents) {
    if (layers[0]!.type !== 'generator')
      throw new MixlabError(
        `topology archon: its first layer is a ${layers[0]!.type}; expected a generator, there is nothing yet to work on`,
      )
    return sequence(...layers.map((layer) => part(layer, agents, settings)))
  },
})
