// How evenly members are used: what a `mixture.routing` event and the expert-load evaluator report. Members are experts or
// agents.
import type { MixlabEvents } from './events.ts'

export interface LoadStatistics {
  /** Share of the routed pairs that each member received; sums to 1 (all 0 where nothing was routed). */
  readonly load: readonly number[]
  /** Entropy of the load divided by log(members): 1 is perfect balance. */
  readonly entropy: number
  /** max / mean − 1 (MaxVio, https://arxiv.org/abs/2408.15664). */
  readonly maxViolation: number
  /** Standard deviation / mean, over the members as a population. */
  readonly variation: number
  /** Members that received nothing. */
  readonly dead: number
}

/** Statistics of how many pairs each member received. */
export function loadStatistics(counts: readonly number[]): LoadStatistics {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const members = counts.length
  const load = counts.map((count) => (total === 0 ? 0 : count / total))
  const nats = load.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0)
  const variance = load.reduce((sum, share) => sum + (share - 1 / members) ** 2, 0) / members
  return {
    load,
    entropy: members > 1 ? nats / Math.log(members) : 1,
    maxViolation: total === 0 ? 0 : Math.max(...load) * members - 1,
    variation: total === 0 ? 0 : Math.sqrt(variance) * members,
    dead: counts.filter((count) => count === 0).length,
  }
}

/** How many slots each member owns: the differences of `offsets` [E+1]. */
export const countsOf = (offsets: ArrayLike<number>): number[] =>
  Array.from({ length: offsets.length - 1 }, (_, member) => offsets[member + 1]! - offsets[member]!)

/** How often each member of a layer was chosen. */
export interface LayerLoad {
  readonly layer: number
  readonly router: string
  readonly members: readonly string[]
  /** Pairs that each member received. */
  readonly counts: readonly number[]
  /** Pairs that the router asked for, those included that a capacity limit dropped. */
  readonly requested: number
}

/** The `mixture.routing` event of a layer. */
export function routingEvent(
  step: number,
  { layer, router, members, counts, requested }: LayerLoad,
): MixlabEvents['mixture.routing'] {
  const { load, entropy, maxViolation } = loadStatistics(counts)
  const received = counts.reduce((sum, count) => sum + count, 0)
  const dropped = requested > 0 ? 1 - received / requested : 0
  return { step, layer, router, members, load, entropy, maxViolation, dropped }
}
