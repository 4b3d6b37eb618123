import { RandomStream } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import { collaboration, copied, dispersion, layerDiversity, liftOver, similarities, vendiScore } from '../src/index.ts'
import { madeRun, type MadeStep } from './recorded-layers.ts'

const layer = (...texts: string[]): MadeStep[] =>
  texts.map((text, index) => ({ id: `layer-1/proposer-${index + 1}`, layer: 1, answers: [[`agent-${index}`, text]] }))
const saw = (count: number) => Array.from({ length: count }, (_, index) => `layer-1/proposer-${index + 1}`)
const aggregate = (count: number, text: string): MadeStep => ({
  id: 'layer-2/aggregate',
  layer: 2,
  saw: saw(count),
  answers: [['judge', text]],
})

describe('diversity of a layer', () => {
  test('a worked example', () => {
    const { results, grades } = madeRun([
      [...layer('a =R', 'b =R', 'c =X'), aggregate(3, 'a =R')],
      [...layer('a =X', 'b =Y', 'c =R'), aggregate(3, 'b =Y')],
      [...layer('a =X', 'b', 'c =X'), aggregate(3, 'new =R')],
    ])
    const [first, ...others] = layerDiversity(results, grades)
    // The second layer has one answer to each question: nobody to differ from.
    expect(others).toEqual([])
    expect(first).toMatchObject({
      layer: 1,
      questions: 3,
      unparseable: 1,
      bestMember: { agent: 'agent-0', answered: 3 },
    })
    // Pairs of which one is right: 2 of 3, 2 of 3, 0 of 3.
    expect(first!.disagreement).toBeCloseTo(4 / 9, 12)
    // Parsed pairs that differ: 2 of 3, 3 of 3, 0 of 1.
    expect(first!.differentAnswers).toBeCloseTo(5 / 7, 12)
    expect(first!.oracle).toBeCloseTo(2 / 3, 12)
    expect(first!.blind).toBeCloseTo(1 / 3, 12)
    expect(first!.members.map(({ mean }) => mean)).toEqual([1 / 3, 1 / 3, 1 / 3])
  })

  test('of independent members: disagreement 2p(1 − p), oracle 1 − (1 − p)^n, within sampling error', () => {
    const rng = new RandomStream(11)
    const [p, questions] = [0.6, 4000]
    const { results, grades } = madeRun(
      Array.from({ length: questions }, () =>
        layer(...Array.from({ length: 4 }, () => (rng.uniform() < p ? 'x =R' : 'x =W'))),
      ),
    )
    const [found] = layerDiversity(results, grades)
    const near = (value: number, expected: number) =>
      expect(Math.abs(value - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / questions))
    near(found!.disagreement, 2 * p * (1 - p))
    near(found!.oracle, 1 - (1 - p) ** 4)
    near(found!.blind, p)
  })

  test('two samples of one step are two members', () => {
    const { results, grades } = madeRun([
      [
        {
          id: 'layer-1/sample',
          layer: 1,
          answers: [
            ['a', 'x =R'],
            ['a', 'y =X'],
          ],
        },
      ],
    ])
    const [found] = layerDiversity(results, grades)
    expect(found!.members.map(({ member, agent }) => [member, agent])).toEqual([
      ['layer-1/sample#1', 'a'],
      ['layer-1/sample#2', 'a'],
    ])
  })

  test('steps without grades are left out; a run’s grades must be its own', () => {
    const { results, grades } = madeRun([layer('a =R', 'b =X')])
    expect(
      layerDiversity(
        results,
        grades.map((each) => ({ ...each, steps: {} })),
      ),
    ).toEqual([])
    expect(() => layerDiversity(results, [])).toThrow('question q0 was answered and not graded')
    const short = grades.map((each) => ({ ...each, steps: { ...each.steps, 'layer-1/proposer-1': [] } }))
    expect(() => layerDiversity(results, short)).toThrow('1 answers have 0 grades')
  })
})

test('the lift over a member is the mean of paired gains', () => {
  const { results, grades } = madeRun([
    [...layer('a =R', 'b =X'), aggregate(2, '=R')],
    [...layer('a =X', 'b =X'), aggregate(2, '=R')],
    [...layer('a =X', 'b =R'), aggregate(2, '=R')],
    [...layer('a =R', 'b =R'), aggregate(2, '=X')],
  ])
  expect(liftOver('layer-1/proposer-1', results, grades)).toMatchObject({ mean: 0.25, questions: 4 })
  // Gains 0, 1, 1, −1: deviation 0.957, Student's 3.182 at 3 degrees of freedom.
  expect(liftOver('layer-1/proposer-1', results, grades)!.halfWidth).toBeCloseTo((3.182446 * 0.957427) / 2, 4)
  expect(liftOver('nobody', results, grades)).toBeUndefined()
})

test('what an aggregator makes of what it saw: flips, losses, rescues, conformity, copies', () => {
  const { results, grades } = madeRun([
    // Most were right, and it was led away.
    [...layer('a =R', 'b =R', 'c =X'), aggregate(3, 'c =X')],
    // Most were wrong, one was right, and it went with the most.
    [...layer('a =X', 'b =X', 'c =R'), aggregate(3, 'a =X')],
    // All were wrong, and it was right by itself.
    [...layer('a =X', 'b =Y', 'c =Z'), aggregate(3, 'by myself =R')],
    // It found the one that was right.
    [...layer('a =X', 'b =X', 'c =R'), aggregate(3, 'c =R')],
  ])
  const [step] = collaboration(results, grades)
  expect(step).toMatchObject({
    step: 'layer-2/aggregate',
    layer: 2,
    questions: 4,
    mean: 0.5,
    rightToWrong: 0.25,
    wrongToRight: 0.5,
    lost: 0.5,
    rescued: 0.25,
  })
  // Where one answer was the most frequent: questions 1 (against it), 2 (with it), 4 (against it).
  expect(step!.conformity).toBeCloseTo(1 / 3, 12)
  expect(step!.copies.map(({ agent, verbatim }) => [agent, verbatim])).toEqual([
    ['agent-0', 0.25],
    ['agent-1', 0],
    ['agent-2', 0.5],
  ])
})

describe('texts', () => {
  test('copied counts runs of words taken over, whatever else the other text holds', () => {
    const source = 'One two three four five six seven'
    expect(copied(source, source)).toBe(1)
    expect(copied('two three four FIVE', source)).toBe(1)
    expect(copied('two three four five nine', source)).toBe(0.5)
    expect(copied('eight nine', source)).toBe(0)
    expect(copied('', source)).toBe(0)
    expect(copied('a b c d a b c d', 'a b c d')).toBeCloseTo(1 / 5, 12)
  })

  test('as many texts differ as share nothing: none, or all', () => {
    const same = similarities(['The cat sat.', 'the cat sat.', 'The cat  sat!'])
    expect(dispersion(same)).toBeCloseTo(0, 12)
    expect(vendiScore(same)).toBeCloseTo(1, 9)
    const apart = similarities(['red', 'moon', 'fifty', 'quack'])
    expect(dispersion(apart)).toBe(1)
    expect(vendiScore(apart)).toBeCloseTo(4, 9)
    expect(vendiScore(similarities(['red', 'red', 'moon', 'moon']))).toBeCloseTo(2, 9)
  })
})
