// What routers are held against: chance, everything known beforehand, the subject alone, and learning from outcomes that have
// nothing to do with the questions.
import { oracleGains, type Outcomes, type PairOutcomes } from '@mixlab/agent-routing'
import type { RandomStream } from 'mixlab'

export const baselines = ['random', 'oracle', 'subject'] as const
export type Baseline = (typeof baselines)[number]

/** Mean gain of the strong model in each subject of the training part; that of all of them where a subject is new. */
function subjectGains(train: Outcomes, test: Outcomes): number[] {
  const sums = new Map<string, { sum: number; count: number }>()
  const all = { sum: 0, count: 0 }
  for (const [n, { group = '' }] of train.questions.entries()) {
    const gain = train.quality[n]![1]! - train.quality[n]![0]!
    const subject = sums.get(group) ?? { sum: 0, count: 0 }
    for (const total of [subject, all]) {
      total.sum += gain
      total.count++
    }
    sums.set(group, subject)
  }
  return test.questions.map(({ group = '' }) => {
    const { sum, count } = sums.get(group) ?? all
    return sum / count
  })
}

/** Gains as a baseline predicts them for the test part. */
export function baselineGains(
  name: Baseline,
  {
    train,
    test,
    outcomes,
    rng,
  }: { train: Outcomes; test: Outcomes; outcomes: Omit<PairOutcomes, 'gains'>; rng: RandomStream },
): number[] {
  switch (name) {
    case 'random':
      return test.questions.map(() => rng.uniform())
    case 'oracle':
      return oracleGains(outcomes)
    case 'subject':
      return subjectGains(train, test)
    default:
      return name satisfies never
  }
}

/** The same outcomes, given to other questions. */
export const shuffledOutcomes = (outcomes: Outcomes, rng: RandomStream): Outcomes => ({
  ...outcomes,
  quality: rng.shuffled(outcomes.quality),
})
