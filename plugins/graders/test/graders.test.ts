// What each grader finds in replies as models write them, and what it refuses to find.
import type { CallOutcome, Grade, Question } from '@mixlab/agents'
import { MixlabError, type Plugin, RandomStream } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import { contains, exactMatch, graders, gsm8k, judge, multipleChoice } from '../src/index.ts'

const neverCalled = () => Promise.reject(new Error('this grader asks no model'))
const make = (plugin: Plugin<'grader'>, config: object = {}) =>
  plugin.create(plugin.config.parse(config), { rng: new RandomStream(0) } as never)
const grade = (plugin: Plugin<'grader'>, config: object, question: Partial<Question>, answer: string): Promise<Grade> =>
  make(plugin, config).grade({ question: { id: 'q', text: 'Why?', ...question }, answer, call: neverCalled })
const parse = (plugin: Plugin<'grader'>, config: object, text: string, question: Partial<Question> = {}) =>
  make(plugin, config).parse?.(text, { id: 'q', text: 'Why?', ...question })

test('names are unique, and a missing reference is one clear line', async () => {
  expect(new Set(graders.map(({ name }) => name)).size).toBe(graders.length)
  for (const plugin of graders.filter(({ name }) => name !== 'judge')) {
    const error = await grade(plugin, {}, {}, '18').catch((reason: unknown) => reason)
    expect(MixlabError.is(error) && error.message).toContain('question q has no reference answer')
  }
})

describe('gsm8k', () => {
  test.each<[string, string | undefined, string | undefined]>([
    // reply, flexible, strict
    ['She makes $18 a day.\n#### 18', '18', '18'],
    ['The answer is $1,234.50.', '1234.5', undefined],
    ['#### 1,018', '1018', '1018'],
    ['#### $70,000', '70000', undefined],
    ['#### 18.\nWait, it is #### 20', '20', '18'],
    ['It is -7', '-7', undefined],
    ['It costs −$5.00 …', '-5', undefined],
    ['a loss of $-5', '-5', undefined],
    ['between 10-12', '12', undefined],
    ['5-3 = 2...', '2', undefined],
    ['between 1,2,3', '3', undefined],
    ['about .50 of it', '0.5', undefined],
    ['007', '7', undefined],
    ['-0.0', '0', undefined],
    ['123456789012345678901', '123456789012345678901', undefined],
    ['I do not know.', undefined, undefined],
    ['', undefined, undefined],
    ['#### ...', undefined, undefined],
  ])('%j', (text, flexible, strict) => {
    expect(parse(gsm8k, {}, text)).toBe(flexible)
    expect(parse(gsm8k, { extract: 'strict' }, text)).toBe(strict)
  })

  test('grades by the chosen extraction and tells both; unparseable is wrong and said', async () => {
    const question = { answer: '1,018' }
    expect(await grade(gsm8k, {}, question, 'It is 1018.00.')).toEqual({
      score: 1,
      correct: true,
      parsed: '1018',
      details: { strict: false, flexible: true },
    })
    expect(await grade(gsm8k, { extract: 'strict' }, question, 'It is 1018.')).toEqual({
      score: 0,
      correct: false,
      unparseable: true,
      details: { strict: false, flexible: true },
    })
    expect(await grade(gsm8k, { compare: 'text' }, question, 'It is 1018.00')).toMatchObject({ correct: false })
    await expect(grade(gsm8k, {}, { answer: 'many' }, '1')).rejects.toThrow('"many" is no number')
  })
})

describe('multiple-choice', () => {
  test.each<[string, string | undefined]>([
    ['C', 'C'],
    ['(c).', 'C'],
    ['**B**', 'B'],
    ['The answer is (B).', 'B'],
    ['The answer is B because it rains.', 'B'],
    ['The correct answer is: **C**', 'C'],
    ['The correct answer is option D.', 'D'],
    ['Answer: A', 'A'],
    ['answer: \\boxed{D}', 'D'],
    ['So $\\boxed{\\text{C}}$ it is; A was wrong.', 'C'],
    ['{"answer": "B"}', 'B'],
    ['First, A. looks right.\nThe answer is A. No: the answer is C.', 'C'],
    ['I choose [[D]]', 'D'],
    ['B) Paris', 'B'],
    ['Because of this:\nD. London', 'D'],
    ['It must be (A), given the above.', 'A'],
    ['A dog barks, and B is a letter', undefined],
    ['The answer is a dog.', undefined],
    ['The answer is Brazil', undefined],
    ['E', undefined],
    ['I cannot tell.', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    expect(parse(multipleChoice, {}, text)).toBe(expected)
  })

  test('knows a choice by its text, takes as many letters as there are choices, and the last letter only when told to', () => {
    const choices = ['red', 'green', 'blue', 'black', 'white']
    expect(parse(multipleChoice, {}, 'After some thought:\n**Green.**', { choices })).toBe('B')
    expect(parse(multipleChoice, {}, 'Answer: E', { choices })).toBe('E')
    expect(parse(multipleChoice, {}, 'Either A or else B I think')).toBeUndefined()
    expect(parse(multipleChoice, { anywhere: true }, 'Either A or else B I think')).toBe('B')
  })

  test('grades', async () => {
    expect(await grade(multipleChoice, {}, { answer: 'b' }, 'Answer: B')).toEqual({
      score: 1,
      correct: true,
      parsed: 'B',
    })
    expect(await grade(multipleChoice, {}, { answer: 'B' }, '?')).toEqual({
      score: 0,
      correct: false,
      unparseable: true,
    })
    await expect(grade(multipleChoice, {}, { answer: 'blue' }, 'B')).rejects.toThrow('is no letter')
  })
})

describe('exact-match and contains', () => {
  test.each<[object, string, string, boolean]>([
    [{}, 'Paris', ' paris\n', true],
    [{ ignoreCase: false }, 'Paris', 'paris', false],
    [{}, 'Paris', 'Paris.', false],
    [{ ignorePunctuation: true }, 'Paris', 'Paris.', true],
    [{ ignoreArticles: true }, 'Seine', 'the Seine', true],
    [{ alternatives: '|' }, 'NYC|New York', 'new  york', true],
    [{ extract: 'answer is ([a-z]+)' }, 'rome', 'The answer is paris. No, the answer is rome!', true],
    [{}, 'caf\u00e9', 'cafe\u0301', true],
  ])('exact-match %j: %j, %j', async (config, answer, text, correct) => {
    expect((await grade(exactMatch, config, { answer }, text)).correct).toBe(correct)
  })

  test('exact-match says when there was nothing to compare, and when its pattern is none', async () => {
    expect(await grade(exactMatch, { extract: 'is (\\d+)' }, { answer: '7' }, 'seven')).toMatchObject({
      unparseable: true,
    })
    expect(() => make(exactMatch, { extract: '(' })).toThrow('Unterminated group')
  })

  test.each<[object, string, string, boolean]>([
    [{}, '7', 'There are 7.', true],
    [{}, '7', 'There are 17 or 70.', false],
    [{ words: false }, '7', 'There are 17.', true],
    [{}, 'C++', 'I like c++!', true],
    [{}, 'Paris', 'parisian', false],
    [{ alternatives: ' or ' }, 'Paris or Lyon', 'It is Lyon', true],
  ])('contains %j: %j in %j', async (config, answer, text, correct) => {
    expect((await grade(contains, config, { answer }, text)).correct).toBe(correct)
  })
})

describe('judge', () => {
  const outcome = (text: string | undefined): CallOutcome =>
    (text === undefined
      ? { ok: false, failure: { kind: 'timeout', message: 'too slow' } }
      : { ok: true, reply: { text, finishReason: 'stop', usage: {}, warnings: [] } }) as unknown as CallOutcome

  test.each<[string | undefined, object]>([
    ['Good. [[10]]', { score: 1, correct: true, parsed: '10', details: { mark: 10 } }],
    ['Poor [3] of sources. Rating: [[5.5]]', { score: 0.5, correct: false, parsed: '5.5', details: { mark: 5.5 } }],
    ['Rating: [7]', { score: 6 / 9, correct: true, parsed: '7', details: { mark: 7 } }],
    ['Rating: 7', { score: 0, correct: false, unparseable: true }],
    ['[[11]]', { score: 0, correct: false, unparseable: true }],
    [undefined, { score: 0, correct: false, unparseable: true, details: { failure: 'timeout' } }],
  ])('%j', async (text, expected) => {
    const result = await make(judge, { agent: 'strong' }).grade({
      question: { id: 'q7', text: 'Why?' },
      answer: 'Because.',
      call: async () => outcome(text),
    })
    expect(result).toEqual(expected)
  })

  test('asks once, at temperature 0, with the question, the reference and the answer', async () => {
    const asked: Parameters<Parameters<ReturnType<typeof make>['grade']>[0]['call']>[0][] = []
    await make(judge, { agent: 'strong' }).grade({
      question: { id: 'q7', text: 'Why do birds sing?', answer: 'To be heard.' },
      answer: 'They are merry.',
      agents: { strong: { system: 'You are a biologist.', temperature: 1 } },
      call: async (call) => {
        asked.push(call)
        return outcome('[[2]]')
      },
    })
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ id: 'q7/judge/strong', agent: 'strong', sample: 0, request: { temperature: 0 } })
    const text = asked[0]!.request.messages.map(({ content }) => content).join('\n')
    for (const part of ['You are a biologist.', 'Why do birds sing?', 'To be heard.', 'They are merry.', '[[mark]]'])
      expect(text).toContain(part)
  })
})
