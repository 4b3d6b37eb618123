// The state of CMA-ES, recomputed from the study's trials: each carries the generation that it was drawn from, as Optuna's do, so
// that either goes on with the other's study. Which trials moved the distribution on is written down by the first trial of
// the next generation; trials that end later do not change the past.
import type { Trial } from '@mixlab/studies'
import type { Strategy } from './constants.ts'
import { type CmaState, nextState, type Solution } from './state.ts'

export const generationAttribute = 'cma:generation'
export const parentsAttribute = 'cma:parents'

/** A trial with what it says to the optimiser. */
export interface Evaluated extends Solution {
  readonly trial: Trial
}

export interface Replay {
  readonly state: CmaState
  /** The numbers of the trials that the last step took, unless a trial of its generation has them written down already. */
  readonly parents?: readonly number[]
}

/** What was written down of the step from a generation to the next. */
function recordedParents(trials: readonly Trial[], generation: number): readonly number[] | undefined {
  const first = trials.find(
    ({ systemAttributes }) =>
      systemAttributes[generationAttribute] === generation + 1 && Array.isArray(systemAttributes[parentsAttribute]),
  )
  return first?.systemAttributes[parentsAttribute] as readonly number[] | undefined
}

/** The steps of an earlier replay: of a study that has only grown, they need not be taken again. */
export type Steps = { readonly taken: readonly number[]; readonly state: CmaState }[]

const sameNumbers = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((n, i) => n === b[i])

/**
 * @param trials all of the study, by number
 * @param evaluated those with a loss, by number
 * @param steps in and out
 */
export function replay(
  initial: CmaState,
  strategy: Strategy,
  trials: readonly Trial[],
  evaluated: readonly Evaluated[],
  steps: Steps = [],
): Replay {
  const byNumber = new Map(evaluated.map((each) => [each.trial.number, each]))
  let state = initial
  let parents: readonly number[] | undefined
  for (;;) {
    const { generation } = state
    const recorded = recordedParents(trials, generation)?.flatMap((number) => byNumber.get(number) ?? [])
    const ofGeneration = () =>
      evaluated
        .filter(({ trial }) => trial.systemAttributes[generationAttribute] === generation)
        .slice(0, strategy.populationSize)
    const taken = recorded?.length === strategy.populationSize ? recorded : ofGeneration()
    if (taken.length < strategy.populationSize) return { state, ...(parents !== undefined && { parents }) }
    const numbers = taken.map(({ trial }) => trial.number)
    parents = taken === recorded ? undefined : numbers
    if (!sameNumbers(steps[generation]?.taken ?? [], numbers))
      steps.splice(generation, Infinity, { taken: numbers, state: nextState(state, strategy, taken) })
    state = steps[generation]!.state
  }
}
