// Which parameters matter: fANOVA. A parameter that exists in every one is judged on all of them; a
// conditional one only on the trials that have it (as Optuna does when it is asked for one), with the other parameters
// that all those trials have, so that its share is of the variance among them.
import { fenced, type ParameterAxis } from './axis.ts'
import type { Basis, Judged } from './basis.ts'
import { fanova } from './fanova.ts'
import type { Feature } from './forest.ts'

export interface Importance {
  readonly axis: ParameterAxis
  /** Of the variance among the trials that it was judged on; the shares of a space sum to at most 1. */
  readonly share: number
  /** Over the trees of the forest. */
  readonly deviation: number
  /** How many trials it was judged on. */
  readonly trials: number
  /** The mean objective along the axis; per choice of a categorical one. */
  readonly means: Float64Array
}

export interface Importances {
  /** Most important first, the conditional ones among them. */
  readonly parameters: readonly Importance[]
  /** What the forest explains of the variance of trials it has not seen; not above 0 means that it knows nothing. */
  readonly explained: number
  readonly trials: number
  /** What they have in common. */
  readonly kind: string
  /** How many far-out values were counted as the fence. */
  readonly fenced: number
}

/** Fewer trials than this say nothing. */
const FEWEST = 4

/** @returns undefined where there are fewer than four trials, or nothing varies */
export function importances(
  { entries: judged, direction, trials: kind }: Basis,
  axes: readonly ParameterAxis[],
): Importances | undefined {
  if (judged.length < FEWEST) return undefined
  const [low, high] = fenced(
    judged.map(({ value }) => value),
    direction,
  )
  const has = ({ trial }: Judged, axis: ParameterAxis): boolean =>
    axis.position(trial.parameters[axis.name]) !== undefined
  const forests = new Map<string, Importance[]>()
  let explained = NaN
  const found = axes.flatMap((axis): Importance[] => {
    const among = judged.filter((one) => has(one, axis))
    if (among.length < FEWEST) return []
    const key = among.map(({ trial }) => trial.number).join()
    if (!forests.has(key)) {
      const together = axes.filter((other) => among.every((one) => has(one, other)))
      const targets = Float64Array.from(among, ({ value }) => Math.max(low, Math.min(high, value)))
      const result = fanova(
        together.map((other) => feature(among, other)),
        targets,
      )
      if (result && among.length === judged.length) explained = result.explained
      forests.set(
        key,
        (result?.marginals ?? []).map((marginal, i) => ({ ...marginal, axis: together[i]!, trials: among.length })),
      )
    }
    return forests.get(key)!.filter((importance) => importance.axis === axis)
  })
  if (found.length === 0) return undefined
  return {
    parameters: found.toSorted((a, b) => b.share - a.share),
    explained,
    trials: judged.length,
    kind,
    fenced: judged.filter(({ value }) => value < low || value > high).length,
  }
}

const feature = (among: readonly Judged[], axis: ParameterAxis): Feature => {
  const count = axis.choices.length
  return {
    categories: count,
    values: Float64Array.from(among, ({ trial }) => {
      const position = axis.position(trial.parameters[axis.name])!
      return count > 0 ? Math.round(position * count - 0.5) : position
    }),
  }
}
