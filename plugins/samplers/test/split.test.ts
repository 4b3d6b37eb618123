import type { Direction, TrialState } from '@mixlab/studies'
import { describe, expect, it } from 'vitest'
import { groupsOf, intersectionOf } from '../src/tpe/groups.ts'
import { goodCount, goodTrials } from '../src/tpe/split.ts'
import { fixture, trial } from './fixtures.ts'

interface Case {
  readonly directions: Direction[]
  readonly trials: { state: TrialState; values: number[] | null; intermediate: Record<string, number> }[]
  readonly count: number
  readonly below: number[]
  readonly above: number[]
}

describe("good and other trials are Optuna's", () => {
  it.each(fixture<{ cases: Case[] }>('split').cases)('case %#', ({ directions, trials, count, below }) => {
    const finished = trials.filter(({ state }) => state !== 'running').length
    expect(goodCount(finished, directions.length)).toBe(count)
    const ours = goodTrials(
      trials.map(({ state, values, intermediate }, number) =>
        trial(number, {
          state,
          ...(values !== null && { values }),
          intermediate: new Map(Object.entries(intermediate).map(([step, value]) => [Number(step), value])),
        }),
      ),
      directions,
      count,
    )
    expect([...ours].toSorted((a, b) => a - b)).toEqual(below)
  })

  it('a tenth of the trials is good, of one objective at most 25', () => {
    expect([1, 11, 250, 1000].map((n) => goodCount(n, 1))).toEqual([1, 2, 25, 25])
    expect([11, 1000].map((n) => goodCount(n, 2))).toEqual([2, 100])
  })

  it('a pruned trial that reported no number is behind those that came as far, and before those that did not', () => {
    const pruned = (number: number, step: number, value: number) =>
      trial(number, { state: 'pruned', intermediate: new Map([[step, value]]) })
    const trials = [pruned(0, 2, -5), pruned(1, 3, NaN), pruned(2, 3, 9), trial(3, { state: 'pruned' })]
    const best = (count: number) => [...goodTrials(trials, ['minimize'], count)]
    expect([1, 2, 3, 4].map(best)).toEqual([[2], [2, 1], [2, 1, 0], [2, 1, 0, 3]])
  })

  it('a complete trial whose value is not a number is no good one', () => {
    const trials = [NaN, 3, 1].map((value, number) => trial(number, { values: [value] }))
    expect([...goodTrials(trials, ['minimize'], 3)]).toEqual([2, 1])
  })
})

describe("groups are Optuna's", () => {
  it.each(fixture<{ cases: { sets: string[]; groups: string[] }[] }>('groups').cases)('$sets', ({ sets, groups }) => {
    const names = [...new Set(sets.join(''))].toSorted()
    const columns = names.map((name) => Float64Array.from(sets, (set) => (set.includes(name) ? 1 : NaN)))
    expect(
      groupsOf(columns)
        .map((group) => group.map((p) => names[p]).join(''))
        .toSorted(),
    ).toEqual(groups)
    const common = names.filter((name) => sets.every((set) => set.includes(name)))
    expect(intersectionOf(columns).flatMap((group) => group.map((p) => names[p]))).toEqual(common)
  })

  it('a parameter that no trial had has no group', () => {
    expect(groupsOf([Float64Array.of(1, 1), Float64Array.of(NaN, NaN)])).toEqual([[0]])
  })
})
