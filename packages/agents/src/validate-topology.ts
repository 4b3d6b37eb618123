// What can be wrong with a topology before it runs, each in one line.
import { MixlabError, suggest } from '@mixlab/core'
import { stepsInOrder } from './topology-order.ts'
import type { Topology } from './topology.ts'

const invalid = (message: string): MixlabError => new MixlabError(message, { code: 'invalid-topology' })

/**
 * Checks ids, edges, the output, layers and, where they are given, the names of agents.
 * @param agents the experiment's agents
 * @throws MixlabError on a duplicate id, a dangling edge, a cycle, an output that is not there or cannot be reached from a
 * question, a step that nothing comes of, a layer out of order, a policy of no layer, and an unknown agent
 */
export function validateTopology(topology: Topology, agents?: Iterable<string>): void {
  const { name, steps, output, layers = {} } = topology
  if (steps.length === 0) throw invalid(`topology ${name} has no steps; expected at least one`)
  const order = stepsInOrder(topology)
  const byId = new Map(steps.map((step) => [step.id, step]))
  if (!byId.has(output))
    throw invalid(
      `topology ${name}: its output is ${output}, and there is no such step.${suggest(output, byId.keys())}`,
    )

  const reached = new Set([output])
  for (const step of order.toReversed()) if (reached.has(step.id)) for (const id of step.from) reached.add(id)
  const idle = order.find((step) => !reached.has(step.id))
  if (idle !== undefined)
    throw invalid(
      `topology ${name}: the output ${output} cannot be reached from step ${idle.id}: let a step see it, or drop it`,
    )

  for (const step of order) {
    const late = step.from.find((id) => byId.get(id)!.layer >= step.layer)
    if (late !== undefined)
      throw invalid(
        `topology ${name}: step ${step.id} of layer ${step.layer} sees ${late} of layer ${byId.get(late)!.layer}; a step sees layers before its own`,
      )
  }
  for (const [layer, policy] of Object.entries(layers)) {
    if (!steps.some((step) => step.layer === Number(layer)))
      throw invalid(
        `topology ${name}: a policy for layer ${layer}, and there is no such layer; it has ${Math.max(...steps.map((step) => step.layer))}`,
      )
    if (policy.quorum !== undefined && !(Number.isInteger(policy.quorum) && policy.quorum >= 1))
      throw invalid(`topology ${name}: layer ${layer} has a quorum of ${policy.quorum}; expected a whole number from 1`)
  }
  if (agents === undefined) return
  const known = new Set(agents)
  for (const step of order) {
    const unknown = step.agents.find((agent) => !known.has(agent))
    if (unknown !== undefined)
      throw new MixlabError(
        `topology ${name}: step ${step.id} calls ${unknown}, and there is no such agent.${suggest(unknown, known)}`,
        {
          code: 'unknown-agent',
        },
      )
  }
}
