// Whether layers are good enough. A step runs once what it sees is there and the layers of that are known to be good: as soon
// as their answers suffice, or when their last step is done. So which steps run does not depend on which reply came first,
// and a replay, where replies come in another order, gives the same result.
import type { Missing, StepResult } from './result.ts'
import type { Topology } from './topology.ts'

interface Layer {
  readonly steps: readonly string[]
  /** Answers that suffice. */
  readonly enough: number
  readonly quorum: number
  readonly results: Map<string, StepResult>
  readonly good: Promise<boolean>
  readonly decide: (good: boolean) => void
}

export interface LayerVerdicts {
  /** A step of the layer is done, or was not run. */
  add(result: StepResult): void
  /** Waits until it is known of all of them; false where one is not good. */
  areGood(layers: Iterable<number>): Promise<boolean>
  /** Why the first layer that is not good is not; undefined where all are. To be asked at the end. */
  failure(): string | undefined
}

/** Layers without missing answers are good whatever they gave: a route or an early end gives what it gives. */
export function layerVerdicts({ steps, layers: policies = {} }: Topology): LayerVerdicts {
  const layers = new Map<number, Layer>()
  for (const number of new Set(steps.map(({ layer }) => layer))) {
    const own = steps.filter(({ layer }) => layer === number)
    const { quorum, below = 'fail' } = policies[number] ?? {}
    const needed = quorum ?? (own.every(({ mayFail }) => mayFail === true) ? 0 : 1)
    const { promise: good, resolve: decide } = Promise.withResolvers<boolean>()
    const enough = below === 'degrade' ? Math.min(1, needed) : needed
    if (enough === 0) decide(true)
    layers.set(number, { steps: own.map(({ id }) => id), enough, quorum: needed, results: new Map(), good, decide })
  }
  const answersOf = ({ results }: Layer): number =>
    [...results.values()].reduce((sum, { answers }) => sum + answers.length, 0)
  const missingOf = ({ steps: ids, results }: Layer): readonly Missing[] =>
    ids.flatMap((id) => results.get(id)?.missing ?? [])
  const isGood = (layer: Layer): boolean => answersOf(layer) >= layer.enough || missingOf(layer).length === 0
  return {
    add(result) {
      const layer = layers.get(result.layer)!
      layer.results.set(result.id, result)
      if (answersOf(layer) >= layer.enough) layer.decide(true)
      else if (layer.results.size === layer.steps.length) layer.decide(isGood(layer))
    },
    async areGood(numbers) {
      const good = await Promise.all([...new Set(numbers)].map((number) => layers.get(number)!.good))
      return good.every(Boolean)
    },
    failure() {
      for (const [number, layer] of [...layers].toSorted(([a], [b]) => a - b)) {
        if (isGood(layer)) continue
        const missing = missingOf(layer)
        const [{ agent, kind, message }] = missing as [Missing]
        return `layer ${number} gave ${answersOf(layer)} of at least ${layer.quorum} answers; ${missing.length} missing, the first: ${agent}, ${kind}: ${message}`
      }
      return undefined
    },
  }
}
