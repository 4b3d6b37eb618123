// Topologies are composed of parts. A part is given its place (its layer, and what was before it) and gives steps; the
// next part sees those of them that nobody in the part itself sees: the ends.
//
//   topology('mine', propose(['a', 'b', 'c']), propose(['a', 'b', 'c']), aggregate('a'))
//
// is two layers of three proposers, the second seeing the first, and an aggregator that sees the second.
import { MixlabError } from '@mixlab/core'
import { validateTopology } from './validate-topology.ts'
import type { LayerPolicy, Step, Topology } from './topology.ts'

export interface Place {
  /** Of the part's first steps, from 1. */
  readonly layer: number
  /** What the part sees: the ends of the part before it. */
  readonly before: readonly Step[]
}

/** Gives steps of one or more layers, numbered from its place's. */
export type Part = (place: Place) => readonly Step[]

/** Those that no other one of them sees. */
export function endsOf(steps: readonly Step[]): readonly Step[] {
  const seen = new Set(steps.flatMap((step) => step.from))
  return steps.filter((step) => !seen.has(step.id))
}

export const idsOf = (steps: readonly Step[]): readonly string[] => steps.map((step) => step.id)

/** The id of a step by its place: `layer-2/proposer-3`, or `layer-3/aggregator` where the layer has one of its role. */
export const idAt = (layer: number, role: string, number?: number): string =>
  `layer-${layer}/${role}${number === undefined ? '' : `-${number}`}`

/** One part after the other, as one part. */
export const sequence =
  (...parts: readonly Part[]): Part =>
  (place) => {
    const steps: Step[] = []
    let { layer, before } = place
    for (const part of parts) {
      const made = part({ layer, before })
      if (made.length === 0) continue
      steps.push(...made)
      before = endsOf(made)
      layer = Math.max(...made.map((step) => step.layer)) + 1
    }
    return steps
  }

/** The part `count` times, one after the other. */
export const repeat = (count: number, part: (index: number) => Part): Part =>
  sequence(...Array.from({ length: count }, (_, index) => part(index)))

/** Parts side by side: each sees what was before, and what comes after sees all of them. */
export const beside =
  (...parts: readonly Part[]): Part =>
  (place) =>
    parts.flatMap((part) => part(place))

/**
 * A topology of parts, the first of which sees the question alone. The end of the last one is its output.
 * @throws MixlabError where the last part has several ends, or the steps do not fit together
 */
export function topology(name: string, ...parts: readonly Part[]): Topology {
  const steps = sequence(...parts)({ layer: 1, before: [] })
  const ends = endsOf(steps)
  if (ends.length !== 1)
    throw new MixlabError(
      `topology ${name} ends in ${ends.length === 0 ? 'nothing' : idsOf(ends).join(', ')}; expected one step: end it with an aggregate, a vote or a selection`,
      { code: 'invalid-topology' },
    )
  const made = { name, steps, output: ends[0]!.id }
  validateTopology(made)
  return made
}

/** The same policy for every layer: a layer of fewer steps than the quorum needs an answer of each, one that may fail none. */
export function withPolicy(made: Topology, policy: LayerPolicy): Topology {
  const { quorum, ...rest } = policy
  const layers = new Map<number, LayerPolicy>()
  for (const layer of new Set(made.steps.map((step) => step.layer))) {
    const steps = made.steps.filter((step) => step.layer === layer)
    const needed = steps.filter(({ mayFail }) => mayFail !== true).length
    layers.set(layer, { ...rest, ...(quorum !== undefined && needed > 0 && { quorum: Math.min(quorum, needed) }) })
  }
  return { ...made, layers: { ...Object.fromEntries(layers), ...made.layers } }
}
