// Every pair of arms that answered the same questions, compared by question. Arms of different data sets have nothing to
// compare: they are set apart first, and each set has its own correction.
import { compareArms, type PairComparison } from '@mixlab/agent-evaluation'
import { RandomStream } from '@mixlab/core'
import type { Scored } from './intervals.ts'

export interface Compared {
  readonly name: string
  readonly scores: readonly Scored[]
}

export interface Comparisons {
  readonly pairs: readonly PairComparison[]
  /** Arms that won against every other one that they were compared with, where all could be. */
  readonly winners: ReadonlySet<string>
}

/** Draws of all pairs' bootstraps together: a second or two. */
const DRAWS = 4e7

/** Sets of arms any two of which have questions in common. */
function comparable(arms: readonly Compared[]): Compared[][] {
  const sets: { readonly arms: Compared[]; readonly ids: ReadonlySet<string>[] }[] = []
  for (const arm of arms) {
    if (arm.scores.length === 0) continue
    const ids = new Set(arm.scores.map(({ id }) => id))
    const set = sets.find((one) => one.ids.every((other) => [...other].some((id) => ids.has(id))))
    if (set) {
      set.arms.push(arm)
      set.ids.push(ids)
    } else sets.push({ arms: [arm], ids: [ids] })
  }
  return sets.map((set) => set.arms).filter((set) => set.length > 1)
}

export function compareAll(arms: readonly Compared[]): Comparisons {
  const compared = comparable(arms).map((set) => {
    const pairs = (set.length * (set.length - 1)) / 2
    const questions = Math.max(...set.map(({ scores }) => scores.length))
    const resamples = Math.round(Math.max(400, Math.min(2000, DRAWS / (pairs * questions))))
    return compareArms(
      set.map(({ name, scores }) => ({
        name,
        scores: new Map(scores.map(({ id, score, group }) => [id, { score, ...(group !== undefined && { group }) }])),
        unparseable: 0,
      })),
      { rng: new RandomStream(1).stream('report/comparisons'), resamples },
    )
  })
  return {
    pairs: compared.flatMap(({ pairs }) => pairs),
    winners: new Set(compared.length === 1 ? compared.flatMap(({ winner }) => winner ?? []) : []),
  }
}
