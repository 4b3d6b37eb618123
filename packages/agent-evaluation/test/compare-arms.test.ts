// Comparisons of arms whose truth is known: what is said, and how often it is wrong.
import type { QuestionGrades } from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { clusteredMean, mcnemar } from '@mixlab/statistics'
import { describe, expect, test } from 'vitest'
import { type Arm, armOf, compareArms } from '../src/index.ts'

const rng = new RandomStream(5)
const range = (count: number) => Array.from({ length: count }, (_, index) => index)

const grades = (scores: readonly number[], groups?: readonly string[]): QuestionGrades[] =>
  scores.map((score, index) => ({
    index,
    question: `q${index}`,
    text: '?',
    ...(groups && { group: groups[index]! }),
    grades: { gsm8k: { score, correct: score === 1 } },
  }))
const arm = (name: string, scores: readonly number[], groups?: readonly string[]): Arm =>
  armOf(name, grades(scores, groups))

/** Arms that are right equally often, on questions of differing difficulty. */
const equalArms = (count: number, questions: number, draws: RandomStream): Arm[] => {
  const difficulty = range(questions).map(() => draws.uniform())
  return range(count).map((index) =>
    arm(
      `arm-${index}`,
      difficulty.map((p) => Number(draws.uniform() < p)),
    ),
  )
}

describe('no winner inside noise', () => {
  // Four standard errors of a share of 0.05 over so many worlds.
  const most = (worlds: number) => 0.05 + 4 * Math.sqrt((0.05 * 0.95) / worlds)
  const falseWinners = (name: string, worlds: number, arms: (draws: RandomStream) => Arm[]) =>
    range(worlds).filter((world) => {
      const draws = rng.stream(name).at(world)
      const { pairs } = compareArms(arms(draws), { rng: draws.stream('compare'), resamples: 150 })
      return pairs.some(({ winner }) => winner !== undefined)
    }).length / worlds

  test('of four equal arms any winner is named in at most one experiment of twenty', () => {
    expect(falseWinners('right and wrong', 200, (draws) => equalArms(4, 50, draws))).toBeLessThan(most(200))
  })

  test('for marks, and for questions in groups that stand or fall together', () => {
    const groups = range(60).map((index) => `subject-${Math.floor(index / 5)}`)
    const marks = (draws: RandomStream) =>
      range(3).map((index) => {
        const subjects = range(12).map(() => draws.normal())
        return arm(
          `arm-${index}`,
          groups.map((_, question) => 1 / (1 + Math.exp(-subjects[Math.floor(question / 5)]! - 0.5 * draws.normal()))),
          groups,
        )
      })
    expect(falseWinners('groups', 150, marks)).toBeLessThan(most(150))
    // The same experiments with the groups forgotten.
    const forgotten = (draws: RandomStream) =>
      marks(draws).map(({ scores, ...rest }) => ({
        ...rest,
        scores: new Map([...scores].map(([question, { score }]) => [question, { score }])),
      }))
    expect(falseWinners('groups', 50, forgotten)).toBeGreaterThan(0.15)
  })
})

describe('what is said', () => {
  const better = [...range(40).map(() => 1), ...range(60).map((index) => Number(index < 30))]
  const worse = [...range(40).map((index) => Number(index < 14)), ...range(60).map((index) => Number(index < 30))]

  test('of a clear difference: the winner, with figures that other functions give, too', () => {
    const { pairs, winner, arms } = compareArms([arm('moa', better), arm('single', worse)], { rng })
    const [pair] = pairs
    expect(winner).toBe('moa')
    expect(pair).toMatchObject({ winner: 'moa', questions: 100, unpaired: 0, clusters: 100, test: 'mcnemar' })
    expect(pair!.difference).toBeCloseTo(0.26, 12)
    expect(pair!.p).toBe(mcnemar(26, 0).exact)
    const differences = better.map((score, index) => score - worse[index]!)
    expect(pair!.standardError).toBeCloseTo(clusteredMean(differences).standardError, 12)
    expect(pair!.text).toMatch(
      /^moa is better than single: \+26\.0 points, 95 % interval \+1\d\.\d to \+3\d\.\d, p < 0\.001 after Holm, 100 questions\.$/,
    )
    expect(arms[0]).toMatchObject({ name: 'moa', questions: 100, mean: 0.7, unparseable: 0 })
    expect(arms[0]!.interval.low).toBeCloseTo(0.6042, 3)
  })

  test('the other way round is the same, with the other sign', () => {
    const [pair] = compareArms([arm('single', worse), arm('moa', better)], { rng }).pairs
    expect(pair!.winner).toBe('moa')
    expect(pair!.difference).toBeCloseTo(-0.26, 12)
    expect(pair!.text).toContain('moa is better than single: +26.0 points, 95 % interval +')
  })

  test('of a difference inside the noise: no winner, and what could have been seen', () => {
    const ahead = worse.map((score, index) => (index === 99 || index === 98 ? 1 : score))
    const { pairs, winner } = compareArms([arm('single', worse), arm('self-moa', ahead)], { rng })
    expect(winner).toBeUndefined()
    expect(pairs[0]).not.toHaveProperty('winner')
    expect(pairs[0]!.text).toMatch(
      /^No winner between self-moa and single: self-moa is ahead by \+2\.0 points, .* p = 0\.500 after Holm, 100 questions, which is inside the noise\. A difference below \d+\.\d points would often have stayed hidden\.$/,
    )
  })

  test('of equal answers, and of too few of them', () => {
    const [same] = compareArms([arm('a', worse), arm('b', worse)], { rng }).pairs
    expect(same).toMatchObject({ difference: 0, p: 1, adjustedP: 1 })
    expect(same!.text).toContain('No winner between a and b: 0.0 points')
    const [few] = compareArms([arm('a', [1, 1, 0]), arm('b', [0, 0, 0])], { rng }).pairs
    expect(few!.text).toContain('So few questions could not have shown any difference.')
  })
})

test('more comparisons ask for more: Holm over all pairs, fewer with a baseline', () => {
  const base = range(200).map((index) => Number(index < 100))
  const gain = (count: number) => base.map((score, index) => (index >= 190 - count && index < 190 ? 1 : score))
  const arms = [arm('base', base), arm('a', gain(7)), arm('b', base), arm('c', base)]
  const all = compareArms(arms, { rng })
  expect(all.pairs).toHaveLength(6)
  const one = all.pairs.find(({ first, second }) => first === 'base' && second === 'a')!
  expect(one.p).toBeCloseTo(2 * 2 ** -7, 12)
  expect(one.adjustedP).toBeCloseTo(6 * 2 * 2 ** -7, 12)
  const few = compareArms(arms, { rng, baseline: 'base' })
  expect(few.pairs.map(({ first, second }) => [first, second])).toEqual([
    ['a', 'base'],
    ['b', 'base'],
    ['c', 'base'],
  ])
  expect(few.pairs[0]!.winner).toBe('a')
  expect(few.pairs[0]!.adjustedP).toBeCloseTo(3 * 2 * 2 ** -7, 12)
  expect(one.winner).toBeUndefined()
})

test('questions are paired by id; what only one arm answered is counted', () => {
  const first = armOf('a', grades([1, 1, 0, 0]).slice(1))
  const second = armOf('b', grades([0, 0, 1, 1, 1]).toReversed())
  const [pair] = compareArms([first, second], { rng }).pairs
  expect(pair).toMatchObject({ questions: 3, unpaired: 2, mcnemar: { onlyFirst: 1, onlySecond: 2 } })
})

test('repetitions of an arm are averaged question by question, unparseable ones counted', () => {
  const repeated = [...grades([1, 0]), ...grades([0, 0])]
  const graded = { ...repeated[3]!, grades: { gsm8k: { score: 0, correct: false, unparseable: true } } }
  const { scores, unparseable } = armOf('a', [...repeated.slice(0, 3), graded])
  expect([...scores.values()].map(({ score }) => score)).toEqual([0.5, 0])
  expect(unparseable).toBe(1)
})

test('mistakes are one clear line each', () => {
  const one = arm('a', [1, 0])
  expect(() => compareArms([one], { rng })).toThrow('at least two arms')
  expect(() => compareArms([one, one], { rng })).toThrow('different names')
  expect(() => compareArms([one, arm('b', [1])], { rng, baseline: 'c' })).toThrow('baseline c is none of the arms a, b')
  const other = armOf(
    'b',
    grades([1, 1]).map((each) => ({ ...each, question: `other-${each.question}` })),
  )
  expect(() => compareArms([one, other], { rng })).toThrow('no question in common')
  expect(() => armOf('a', [])).toThrow('no graded questions')
  expect(() => armOf('a', grades([1]), 'judge')).toThrow('question q0 has no grade by judge; it has gsm8k')
})

test('the same experiment gives the same figures', () => {
  const arms = equalArms(3, 80, rng.stream('again'))
  expect(compareArms(arms, { rng: rng.stream('x') })).toEqual(compareArms(arms, { rng: rng.stream('x') }))
})
