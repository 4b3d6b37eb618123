// What agents are asked to end their replies with, and what is done where they do not.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bracketedNumber, jsonObject, lastBracketed, pairScores, splitQuery, tally, textParts } from '../src/index.ts'
import { readMarks } from '../src/steps/assess.ts'
import { readVerdict } from '../src/steps/moderate.ts'

test('the last double brackets count, and numbers within their bounds', () => {
  expect(lastBracketed('first [[A]], no: [[ B ]].')).toBe('B')
  expect(lastBracketed('none [A]')).toBeUndefined()
  expect(bracketedNumber('[[7.5]]', 1, 10)).toBe(7.5)
  for (const text of ['[[11]]', '[[seven]]', '[[]]', '7', '[[-1]]'])
    expect(bracketedNumber(text, 1, 10)).toBeUndefined()
})

test('a JSON object is found in a code block, between sentences, after other braces', () => {
  expect(jsonObject('```json\n{"a": {"b": "}"}}\n```')).toEqual({ a: { b: '}' } })
  expect(jsonObject('The set {1, 2} is chosen: {"chosen": [1]} as asked.')).toEqual({ chosen: [1] })
  expect(jsonObject('{"open": ')).toBeUndefined()
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.stringMatching(/^[^{]*$/), (object, before) => {
      const text = JSON.stringify(object)
      expect(jsonObject(`${before}${text} and so on`)).toEqual(JSON.parse(text))
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => void jsonObject(text)))
})

test('a moderator’s verdict: distinct numbers of answers that are there, at most k of them', () => {
  expect(readVerdict('{"chosen": [3, 1, 3], "end": true, "reasoning": "r"}', 3, 2)).toEqual({
    chosen: [2, 0],
    end: true,
    reasoning: 'r',
  })
  expect(readVerdict('{"chosen": ["2"]}', 3, 2)).toEqual({ chosen: [1], end: false })
  for (const text of [
    '{"chosen": [4]}',
    '{"chosen": [0]}',
    '{"chosen": []}',
    '{"chosen": 1}',
    '{"end": true}',
    'I choose 1',
  ])
    expect(readVerdict(text, 3, 2)).toBeUndefined()
})

test('marks: one for each answer, from 0 to 100', () => {
  expect(readMarks('{"marks": [0, 50, 100]}', 3)).toEqual([0, 0.5, 1])
  for (const text of ['{"marks": [1, 2]}', '{"marks": [1, 2, 101]}', '{"marks": [1, 2, "x"]}', '90'])
    expect(readMarks(text, 3)).toBeUndefined()
})

test('pair scores: a judge who only likes the first place gives everybody 0', () => {
  const first = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? undefined : 1)))
  expect(pairScores(first)).toEqual([0, 0, 0])
  // Without such a liking they are the mean of wins less losses, and sum to 0.
  const order = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? undefined : i < j ? 1 : -1)))
  expect(pairScores(order)).toEqual([1, 1 / 3, -1 / 3, -1])
  expect(pairScores([[undefined]])).toEqual([0])
})

test('votes: ties go to the first, what cannot be parsed is counted apart', () => {
  const answers = ['a: 2', 'b: 1', 'hm', 'c: 1', 'd: 2'].map((text) => ({ text, agent: text[0]! }))
  const parse = (text: string) => /\d/.exec(text)?.[0]
  expect(tally(answers, parse)).toEqual({
    winner: answers[0],
    votes: { 1: 2, 2: 2 },
    unparseable: 1,
    tie: true,
    share: 2 / 5,
  })
  expect(tally(answers.slice(1, 4), parse)).toMatchObject({ winner: { agent: 'b' }, tie: false, share: 2 / 3 })
  expect(tally([answers[2]!], parse)).toMatchObject({ winner: { text: 'hm' }, votes: {}, unparseable: 1, share: 0 })
})

test('parts of a text: nothing is lost, none is empty, about equal where there are sentences', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.integer({ min: 1, max: 7 }), (text, count) => {
      const parts = textParts(text, count)
      expect(parts.join('')).toBe(text)
      expect(parts.length).toBeLessThanOrEqual(count)
      expect(parts.every((part) => part !== '')).toBe(true)
    }),
  )
  const text = Array.from({ length: 60 }, (_, index) => `This is sentence number ${index}.`).join(' ')
  const parts = textParts(text, 4)
  expect(parts.length).toBe(4)
  for (const part of parts) {
    expect(part.trim()).toMatch(/^This.*\.$/)
    expect(part.length).toBeLessThan((1.3 * text.length) / 4)
  }
})

test('the query is the last paragraph, with the choices', () => {
  expect(splitQuery({ id: 'q', text: 'One.\n\nTwo.\n\nWhat? \n', choices: ['x', 'y'] })).toEqual({
    source: 'One.\n\nTwo.',
    query: 'What?\nA. x\nB. y',
  })
  expect(splitQuery({ id: 'q', text: 'What?' })).toEqual({ source: '', query: 'What?' })
})
