import type { Call, CallOutcome, Question } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aggregatedMembers, attribute, votingMembers } from '../src/index.ts'
import { gradeOf, madeRun, type MadeStep } from './recorded-layers.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`)

describe('Shapley values', () => {
  test('of the glove game: the owner of the scarce glove gets two thirds (Shapley & Shubik)', async () => {
    // Members 0 and 1 hold left gloves, member 2 a right one; a pair is worth 1.
    const worth = (subset: readonly number[]) => [subset.includes(2) && subset.some((each) => each < 2) ? 1 : 0]
    const { members, whole, none, exact, evaluations } = await attribute(names(3), worth)
    expect([whole, none, exact, evaluations]).toEqual([1, 0, true, 8])
    expect(members.map(({ shapley }) => shapley)).toEqual(
      [1 / 6, 1 / 6, 4 / 6].map((value) => expect.closeTo(value, 12)),
    )
    expect(members.map(({ leaveOneOut }) => leaveOneOut)).toEqual([0, 0, 1])
  })

  test('of a weighted vote [4; 3, 2, 1, 1]: the Shapley–Shubik indices 7/12, 3/12, 1/12, 1/12', async () => {
    const weights = [3, 2, 1, 1]
    const { members } = await attribute(names(4), (subset) => [
      Number(subset.reduce((sum, each) => sum + weights[each]!, 0) >= 4),
    ])
    const expected = byAllOrders(4, (subset) => Number([...subset].reduce((sum, each) => sum + weights[each]!, 0) >= 4))
    expect(members.map(({ shapley }) => shapley)).toEqual(expected.map((value) => expect.closeTo(value, 12)))
  })

  test('are the marginal values averaged over all orders, add up, and do not care about names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }),
        async (table) => {
          const at = (subset: readonly number[]) => table[subset.reduce((mask, each) => mask | (1 << each), 0)]!
          const { members, whole, none } = await attribute(names(4), (subset) => [at(subset)])
          const expected = byAllOrders(4, (subset) => at([...subset]))
          for (const [index, { shapley }] of members.entries()) expect(shapley).toBeCloseTo(expected[index]!, 10)
          expect(members.reduce((sum, { shapley }) => sum + shapley, 0)).toBeCloseTo(whole - none, 10)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('by random orders come near the exact ones, add up exactly, and are the same each time', async () => {
    const worth = (subset: readonly number[]) => [Math.sqrt(subset.reduce((sum, each) => sum + each + 1, 0))]
    const exact = await attribute(names(8), worth)
    const sampled = (seed: number) =>
      attribute(names(8), worth, { exactUpTo: 4, orders: 300, rng: new RandomStream(seed) })
    const { members, whole, exact: isExact } = await sampled(1)
    expect(isExact).toBe(false)
    for (const [index, { shapley }] of members.entries())
      expect(Math.abs(shapley - exact.members[index]!.shapley)).toBeLessThan(0.05)
    expect(members.reduce((sum, { shapley }) => sum + shapley, 0)).toBeCloseTo(whole, 10)
    expect(await sampled(1)).toEqual(await sampled(1))
    await expect(attribute(names(8), worth, { exactUpTo: 4 })).rejects.toThrow('give rng')
    await expect(attribute([], worth)).rejects.toThrow('at least one member')
  })
})

/** The definition: averages over every order. */
function byAllOrders(count: number, worth: (subset: ReadonlySet<number>) => number): number[] {
  const sums = Array.from({ length: count }, () => 0)
  let orders = 0
  const walk = (before: readonly number[]): void => {
    if (before.length === count) {
      orders++
      const present = new Set<number>()
      for (const member of before) {
        const without = worth(present)
        present.add(member)
        sums[member]! += worth(present) - without
      }
      return
    }
    for (let next = 0; next < count; next++) if (!before.includes(next)) walk([...before, next])
  }
  walk([])
  return sums.map((sum) => sum / orders)
}

const proposers = (...texts: string[]): MadeStep[] =>
  texts.map((text, index) => ({ id: `p${index}`, layer: 1, answers: [[`agent-${index}`, text]] }))

describe('members of a vote', () => {
  test('need no call: a subset scores what its majority had scored, ties to the first', async () => {
    const { results, grades } = madeRun([
      proposers('a =R', 'b =X', 'c =R'),
      proposers('a =X', 'b =R', 'c =R'),
      proposers('a =X', 'b =R', 'c'),
    ])
    const { members, value } = votingMembers(results, grades)
    expect(members).toEqual(['p0', 'p1', 'p2'])
    expect(await value([])).toEqual([0, 0, 0])
    expect(await value([0])).toEqual([1, 0, 0])
    expect(await value([0, 1])).toEqual([1, 0, 0])
    expect(await value([1, 2])).toEqual([0, 1, 1])
    expect(await value([0, 1, 2])).toEqual([1, 1, 0])
  })

  test('of independent members a vote of three has its closed form, and each is worth a third of it', async () => {
    const rng = new RandomStream(4)
    const [p, questions] = [0.7, 6000]
    const { results, grades } = madeRun(
      Array.from({ length: questions }, () =>
        proposers(...Array.from({ length: 3 }, (_, index) => (rng.uniform() < p ? '=R' : `=W${index}`))),
      ),
      'R',
      (index) => `group-${index % 50}`,
    )
    const { members, value, groups } = votingMembers(results, grades)
    expect(new Set(groups).size).toBe(50)
    const found = await attribute(members, value, { groups: groups! })
    // Wrong answers differ: no majority of two is wrong, but a tie of three goes to the first one's, right or wrong.
    const expected = p ** 3 + 3 * p * p * (1 - p) + p * (1 - p) ** 2
    const noise = 4 * Math.sqrt((expected * (1 - expected)) / questions)
    expect(Math.abs(found.whole - expected)).toBeLessThan(noise)
    expect(found.members.reduce((sum, { shapley }) => sum + shapley, 0)).toBeCloseTo(found.whole, 10)
    // A pair is worth as much as its first member, so that no place is better than another.
    for (const { shapley } of found.members) expect(Math.abs(shapley - expected / 3)).toBeLessThan(noise)
    expect(found.members[0]!.shapleyHalfWidth).toBeLessThan(0.02)
  })
})

describe('members of an aggregate', () => {
  const questions: Question[] = [
    { id: 'q0', text: 'How many?' },
    { id: 'q1', text: 'How few?' },
  ]
  const { results, grades } = madeRun([
    [...proposers('a =R', 'b =X'), { id: 'final', layer: 2, saw: ['p0', 'p1'], answers: [['boss', 'c =R']] }],
    [...proposers('a =X', 'b =R'), { id: 'final', layer: 2, saw: ['p0', 'p1'], answers: [['boss', 'c =X']] }],
  ])

  /** Answers with the last of the numbered answers that it is shown. */
  const lastOne = (asked: Call[]) => (call: Call) => {
    asked.push(call)
    const system = call.request.messages.find(({ role }) => role === 'system')?.content ?? ''
    const text = [...system.matchAll(/^\d+\. (.*)$/gm)].at(-1)?.[1] ?? 'alone =R'
    return Promise.resolve({
      ok: true,
      call,
      reply: { text, finishReason: 'stop', usage: {}, warnings: [] },
    } as unknown as CallOutcome)
  }

  test('are asked for again without each other, and the recorded answer stands for all of them', async () => {
    const asked: Call[] = []
    const { members, value } = aggregatedMembers({
      results,
      grades,
      questions,
      step: 'final',
      settings: { system: 'Be brief.' },
      asked: { temperature: 0.3 },
      call: lastOne(asked),
      grade: async (_, answer) => gradeOf(answer, 'R'),
    })
    expect(members).toEqual(['p0', 'p1'])
    const found = await attribute(members, value)
    // All: recorded R, X. Without the second: a =R, a =X. Without the first: b =X, b =R. Nobody: alone =R twice.
    expect(found).toMatchObject({ whole: 0.5, none: 1, evaluations: 4 })
    expect(asked.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'q0/attribution/final/none',
      'q0/attribution/final/p0',
      'q0/attribution/final/p1',
      'q1/attribution/final/none',
      'q1/attribution/final/p0',
      'q1/attribution/final/p1',
    ])
    for (const { request, agent } of asked) {
      expect(agent).toBe('boss')
      expect(request.temperature).toBe(0.3)
      expect(request.messages[0]).toMatchObject({ role: 'system', content: expect.stringContaining('Be brief.') })
    }
    expect(asked.find(({ id }) => id === 'q0/attribution/final/p0')!.request.messages[0]!.content).toContain('1. a =R')
  })

  test('a step that is not there is one clear line', () => {
    expect(() =>
      aggregatedMembers({
        results,
        grades,
        questions,
        step: 'finale',
        settings: {},
        call: lastOne([]),
        grade: async () => gradeOf('', 'R'),
      }),
    ).toThrow('no graded result has the step finale')
  })
})
