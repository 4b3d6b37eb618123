// Splits by the hash of the question: shares, copies, groups, and refusals.
import { RandomStream } from '@mixlab/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  fitThreshold,
  gatherOutcomes,
  judgePair,
  judgeThreshold,
  type Outcomes,
  parts,
  pickOutcomes,
  splitOutcomes,
  trainRouter,
} from '../src/index.ts'
import { normalRows, outcomesOf, routerOf, startEngine } from './support.ts'

beforeAll(startEngine)

const shares = { train: 0.5, thresholds: 0.2, test: 0.3 }
const pair = { weak: 'weak', strong: 'strong' }
const rows = normalRows(3000, 2, 1)
const outcomes = outcomesOf(
  rows,
  rows.map(([x]) => [Number(x! > 0), 1]),
  ['weak', 'strong'],
)

describe('splits', () => {
  test('have the shares asked for, within four binomial deviations, and share no question', () => {
    const split = splitOutcomes(outcomes, { seed: 1, shares })
    for (const part of parts) {
      const deviation = Math.sqrt(3000 * shares[part] * (1 - shares[part]))
      expect(Math.abs(split[part].questions.length - 3000 * shares[part])).toBeLessThan(4 * deviation)
    }
    const ids = parts.flatMap((part) => split[part].questions.map(({ id }) => id))
    expect(new Set(ids).size).toBe(3000)
    expect(ids).toHaveLength(3000)
  })

  test('a question is in the same part whatever else is there; another seed deals anew', () => {
    const place = (of: Outcomes, seed: number) => {
      const split = splitOutcomes(of, { seed, shares })
      return new Map(parts.flatMap((part) => split[part].questions.map(({ id }) => [id, part] as const)))
    }
    const all = place(outcomes, 1)
    const some = place(pickOutcomes(outcomes, [5, 100, 7, 2999]), 1)
    for (const [id, part] of some) expect(all.get(id)).toBe(part)
    const other = place(outcomes, 2)
    const moved = [...all].filter(([id, part]) => other.get(id) !== part).length / 3000
    // Σ p (1 − p) of the parts.
    expect(moved).toBeCloseTo(0.62, 1)
  })

  test('copies that differ in case and white space stay together', () => {
    const texts = Array.from({ length: 300 }, (_, i) => `What is ${i} plus ${i}?`)
    const copies: Outcomes = {
      members: ['weak', 'strong'],
      questions: texts.flatMap((text, i) => [
        { id: `a${i}`, text },
        { id: `b${i}`, text: ` ${text.toUpperCase().replaceAll(' ', '\n ')} ` },
      ]),
      quality: texts.flatMap(() => [
        [0, 1],
        [0, 1],
      ]),
    }
    const split = splitOutcomes(copies, { seed: 3, shares })
    for (const part of parts) {
      const ids = new Set(split[part].questions.map(({ id }) => id))
      for (const id of ids) expect(ids.has(id.replace(/^[ab]/, id.startsWith('a') ? 'b' : 'a'))).toBe(true)
    }
  })

  test('by group, no group is on both sides', () => {
    const grouped = { ...outcomes, questions: outcomes.questions.map((q, i) => ({ ...q, group: `g${i % 40}` })) }
    const split = splitOutcomes(grouped, { seed: 1, shares, by: 'group' })
    const groups = parts.map((part) => new Set(split[part].questions.map(({ group }) => group)))
    expect(groups.reduce((sum, { size }) => sum + size, 0)).toBe(40)
    expect(() => splitOutcomes(outcomes, { seed: 1, shares, by: 'group' })).toThrow('question q0 has no group')
  })

  test('shares that are negative or more than all are refused', () => {
    expect(() => splitOutcomes(outcomes, { seed: 1, shares: { ...shares, test: 0.4 } })).toThrow(
      'the shares are train 0.5, thresholds 0.2, test 0.4; expected none below 0 and at most 1 together',
    )
    expect(() => splitOutcomes(outcomes, { seed: 1, shares: { ...shares, test: -0.1 } })).toThrow('none below 0')
  })
})

test('what a router or a threshold has seen is refused', () => {
  const { train, thresholds, test: held } = splitOutcomes(outcomes, { seed: 1, shares })
  using router = routerOf('lin-ucb', 2)
  trainRouter(router, train, { rng: new RandomStream(1) })
  const overlapping = pickOutcomes(outcomes, [...outcomes.questions.keys()])
  expect(() => fitThreshold(router, overlapping, { ...pair, share: 0.5 })).toThrow(
    `fitting a threshold: ${train.questions.length} of 3000 questions were learnt from before (the first is ${train.questions[0]!.id})`,
  )
  expect(() => judgePair(router, train, pair)).toThrow('judging a router')
  const threshold = fitThreshold(router, thresholds, { ...pair, share: 0.5 })
  expect(() => judgeThreshold(router, thresholds, threshold)).toThrow('judging a threshold')
  // One question is enough, and another id does not hide it.
  const one = { ...pickOutcomes(held, [0, 1]), questions: [held.questions[0]!, { ...train.questions[0]!, id: 'new' }] }
  expect(() => judgeThreshold(router, one, threshold)).toThrow('1 of 2 questions')
  expect(judgeThreshold(router, held, threshold).questions).toBe(held.questions.length)
})

test('outcomes are gathered from graded answers in any order; several of one are averaged, the missing are null', () => {
  const [a, b] = ['first', 'second'].map((text, i) => ({ id: `q${i}`, text })) as [never, never]
  const gathered = gatherOutcomes(
    ['x', 'y'],
    [
      { agent: 'y', question: a, score: 1 },
      { agent: 'x', question: b, score: 0 },
      { agent: 'y', question: a, score: 0.5 },
    ],
  )
  expect(gathered.questions).toEqual([a, b])
  expect(gathered.quality).toEqual([
    [null, 0.75],
    [0, null],
  ])
  expect(() => gatherOutcomes(['x'], [{ agent: 'z', question: a, score: 1 }])).toThrow('the agent z is none of x')
  expect(() => gatherOutcomes(['x'], [{ agent: 'x', question: a, score: 2 }])).toThrow('is 2, expected 0 to 1')
})
