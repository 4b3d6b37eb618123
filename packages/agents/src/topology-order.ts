// The order in which steps can run: every step after those that it sees. Among steps that could come next, the one that
// was written first.
import { MixlabError, suggest } from '@mixlab/core'
import type { Step, Topology } from './topology.ts'

/** The steps on a way from `id` back to itself, for the message about a cycle. */
function cycleAmong(left: ReadonlyMap<string, Step>): string[] {
  const seen: string[] = []
  // Every step that is left waits for another one that is left: following them must come back to one that was passed.
  let id = left.keys().next().value!
  while (!seen.includes(id)) {
    seen.push(id)
    id = left.get(id)!.from.find((other) => left.has(other))!
  }
  return [...seen.slice(seen.indexOf(id)), id]
}

/**
 * Steps, those that are seen before those that see them.
 * @throws MixlabError on two steps of one id, a step that sees one that is not there, and a cycle
 */
export function stepsInOrder({ name, steps }: Topology): readonly Step[] {
  const byId = new Map<string, Step>()
  for (const step of steps) {
    if (byId.has(step.id))
      throw new MixlabError(`topology ${name}: two steps have the id ${step.id}; ids are unique in a topology`, {
        code: 'invalid-topology',
      })
    byId.set(step.id, step)
  }
  for (const step of steps) {
    const dangling = step.from.find((id) => !byId.has(id))
    if (dangling !== undefined)
      throw new MixlabError(
        `topology ${name}: step ${step.id} sees ${dangling}, and there is no such step.${suggest(dangling, byId.keys())}`,
        { code: 'invalid-topology' },
      )
  }
  const left = new Map(byId)
  const order: Step[] = []
  while (left.size > 0) {
    const next = [...left.values()].find((step) => step.from.every((id) => !left.has(id)))
    if (next === undefined)
      throw new MixlabError(
        `topology ${name}: a cycle: ${cycleAmong(left).join(' sees ')}; a step can only see steps before it`,
        { code: 'invalid-topology' },
      )
    left.delete(next.id)
    order.push(next)
  }
  return order
}
