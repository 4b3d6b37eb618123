// Steps as drawings show them: those of a layer that do the same and see the same are one group, so that six proposers are
// one box in a text, and what a step sees has a short name.
import type { Step, Topology } from './topology.ts'

/** What is drawn of a topology: a run's `topology.json` has it, too. */
export interface Drawable extends Pick<Topology, 'name' | 'output'> {
  readonly steps: readonly DrawnStep[]
}
export type DrawnStep = Pick<Step, 'id' | 'kind' | 'layer' | 'agents' | 'from' | 'gates'>

export interface StepGroup {
  readonly layer: number
  readonly kind: string
  /** Its steps' common name: `proposer`. */
  readonly role: string
  readonly steps: readonly DrawnStep[]
  /** What they see, e.g. `layer 1`, in short. */
  readonly sees: readonly string[]
  /** What they wait for, since it may make them needless. */
  readonly gates: readonly string[]
}

const lastPart = (id: string): string => id.slice(id.lastIndexOf('/') + 1)
const numbering = /(?:-\d+)+$/

/** `proposer` of `layer-2/proposer-3`. */
export const roleOf = ({ id }: Pick<Step, 'id'>): string => lastPart(id).replace(numbering, '')
/** `proposer 3` of `layer-2/proposer-3`. */
export const titleOf = ({ id }: Pick<Step, 'id'>): string => {
  const number = numbering.exec(id)?.[0].slice(1)
  return number === undefined ? lastPart(id) : `${roleOf({ id })} ${number}`
}

/** The agents of steps, each once, with how often. */
export function agentCounts(steps: readonly DrawnStep[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const agent of steps.flatMap(({ agents }) => agents)) counts.set(agent, (counts.get(agent) ?? 0) + 1)
  return [...counts].map(([agent, count]) => (count === 1 ? agent : `${agent} ×${count}`))
}

/** `1–3, 5`: numbers of steps. */
function ranges(steps: readonly DrawnStep[]): string {
  const numbers = steps.map(({ id }) => numbering.exec(id)?.[0].slice(1) ?? '')
  if (numbers.some((number) => number.includes('-'))) return numbers.join(', ')
  const runs: [number, number][] = []
  for (const number of numbers.map(Number)) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else runs.push([number, number])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}

/** Short names of steps: whole layers, whole roles of a layer, the one of the same number, else single steps. */
function named(ids: readonly string[], own: DrawnStep, { steps }: Drawable): readonly string[] {
  const wanted = new Set(ids)
  const names: string[] = []
  for (const layer of new Set(steps.filter(({ id }) => wanted.has(id)).map((step) => step.layer))) {
    const there = steps.filter((step) => step.layer === layer)
    if (there.every(({ id }) => wanted.has(id))) {
      names.push(`layer ${layer}`)
      continue
    }
    for (const role of new Set(there.map(roleOf))) {
      const peers = there.filter((step) => roleOf(step) === role)
      const seen = peers.filter(({ id }) => wanted.has(id))
      if (seen.length === 0) continue
      if (seen.length === peers.length) names.push(`${role}${peers.length > 1 ? 's' : ''} of layer ${layer}`)
      else if (seen.length === 1 && numbering.exec(seen[0]!.id)?.[0] === numbering.exec(own.id)?.[0])
        names.push(`own ${role} of layer ${layer}`)
      else names.push(`${role}${seen.length > 1 ? 's' : ''} ${ranges(seen)} of layer ${layer}`)
    }
  }
  return names
}

/** Groups in the order of their first steps, layer by layer. */
export function stepGroups(drawable: Drawable): readonly StepGroup[] {
  const groups = new Map<string, { group: StepGroup; steps: DrawnStep[] }>()
  for (const step of drawable.steps.toSorted((a, b) => a.layer - b.layer)) {
    const gated = new Set(step.gates)
    const sees = named(
      step.from.filter((id) => !gated.has(id)),
      step,
      drawable,
    )
    const gates = named([...gated], step, drawable)
    const key = JSON.stringify([step.layer, step.kind, roleOf(step), sees, gates])
    const found = groups.get(key)
    if (found) found.steps.push(step)
    else {
      const steps = [step]
      groups.set(key, { steps, group: { layer: step.layer, kind: step.kind, role: roleOf(step), steps, sees, gates } })
    }
  }
  return [...groups.values()].map(({ group }) => group)
}
