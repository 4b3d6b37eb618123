// Which sample a call is. Two calls of one layer that send one model the same request must get different samples, and
// the same call must get the same one in every run, in whatever order calls happen: so samples are counted by place.
// The first three of six proposers have the samples of three: a recording of six serves both.
import type { Topology } from './topology.ts'

export interface AgentIdentity {
  readonly provider: string
  readonly model: string
}

/** (step, agent) → its first sample: calls before it in its layer whose agents are the same model there. */
export function sampleOrdinals(
  { steps }: Topology,
  identity: (agent: string) => AgentIdentity,
): (step: string, agent: string) => number {
  const first = new Map<string, number>()
  const counts = new Map<string, number>()
  for (const step of steps) {
    for (const agent of step.agents) {
      const { provider, model } = identity(agent)
      const group = JSON.stringify([step.layer, provider, model])
      const count = counts.get(group) ?? 0
      counts.set(group, count + 1)
      const place = JSON.stringify([step.id, agent])
      if (!first.has(place)) first.set(place, count)
    }
  }
  return (step, agent) => first.get(JSON.stringify([step, agent]))!
}
