// Which questions a router learns from, which thresholds are fitted on, and which it is judged by: drawn by a seeded hash of
// the question itself, so that a question is in the same part whatever else is in the data, and two copies of one never
// stand on both sides. What is fitted remembers what it has seen and refuses to be judged by it.
import { MixlabError } from '@mixlab/core'
import type { Question } from '@mixlab/agents'
import { type Outcomes, pickOutcomes, textOf } from './outcomes.ts'
import { textHash } from './text-hash.ts'

export const parts = ['train', 'thresholds', 'test'] as const
export type Part = (typeof parts)[number]

export interface SplitOptions {
  readonly seed: number
  /** Shares of the questions; they sum to at most 1, the rest is left out. */
  readonly shares: Readonly<Record<Part, number>>
  /** `group`: questions of one group stay together, so that a router is judged by groups that it has never seen. */
  readonly by?: 'question' | 'group'
}

/** What makes two questions the same one: the text, but for case and white space. */
export const identityOf = (question: Question): string => textOf(question).toLowerCase().split(/\s+/).join(' ').trim()

/**
 * Splits outcomes.
 * @throws MixlabError when shares are negative or sum to more than 1, or a question has no group though they are split by it
 */
export function splitOutcomes(
  outcomes: Outcomes,
  { seed, shares, by = 'question' }: SplitOptions,
): Record<Part, Outcomes> {
  const total = parts.reduce((sum, part) => sum + shares[part], 0)
  if (parts.some((part) => !(shares[part] >= 0)) || total > 1 + 1e-9)
    throw new MixlabError(
      `split: the shares are ${parts.map((part) => `${part} ${shares[part]}`).join(', ')}; expected none below 0 and at most 1 together`,
    )
  const indices: Record<Part, number[]> = { train: [], thresholds: [], test: [] }
  for (const [index, question] of outcomes.questions.entries()) {
    if (by === 'group' && question.group === undefined)
      throw new MixlabError(`split: question ${question.id} has no group; split by question, or give it one`)
    const place = textHash(by === 'group' ? question.group! : identityOf(question), seed) / 2 ** 32
    let edge = 0
    const part = parts.find((name) => place < (edge += shares[name]))
    if (part) indices[part].push(index)
  }
  return {
    train: pickOutcomes(outcomes, indices.train),
    thresholds: pickOutcomes(outcomes, indices.thresholds),
    test: pickOutcomes(outcomes, indices.test),
  }
}

export const identitiesOf = ({ questions }: Outcomes): ReadonlySet<string> => new Set(questions.map(identityOf))

/** @throws MixlabError when any of the questions was seen before: `purpose` needs others */
export function refuseSeen(outcomes: Outcomes, seen: ReadonlySet<string>, purpose: string): void {
  const known = outcomes.questions.filter((question) => seen.has(identityOf(question)))
  if (known.length > 0)
    throw new MixlabError(
      `${purpose}: ${known.length} of ${outcomes.questions.length} questions were learnt from before (the first is ${known[0]!.id}); give questions of another part of the split`,
      { code: 'overlapping-splits' },
    )
}
