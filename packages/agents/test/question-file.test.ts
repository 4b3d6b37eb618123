import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { questionFileConfig, questionSet, readQuestions } from '../src/index.ts'

let folder: string
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mixlab-questions-'))))
afterAll(() => rm(folder, { recursive: true }))

async function read(lines: readonly unknown[] | string, config: object = {}) {
  const path = join(folder, 'questions.jsonl')
  await writeFile(path, typeof lines === 'string' ? lines : lines.map((line) => JSON.stringify(line)).join('\n'))
  return readQuestions(questionFileConfig.parse({ path, ...config }))
}

async function problem(lines: readonly unknown[] | string, config: object = {}): Promise<string> {
  const error = await read(lines, config).catch((reason: unknown) => reason)
  if (!MixlabError.is(error)) throw new Error(`expected a MixlabError, got ${JSON.stringify(error)}`)
  expect(error.message).not.toContain('\n')
  return error.message.replaceAll(folder, '')
}

describe('a file', () => {
  test('of GSM8K keeps the number after ####', async () => {
    const { questions } = await read([{ question: 'How many?', answer: 'Some <<1+1=2>>2 ducks.\n#### 1,018' }])
    expect(questions).toEqual([{ id: '1', text: 'How many?', answer: '1,018' }])
  })

  test('of multiple choice turns indices, labels and texts into letters', async () => {
    const choices = ['red', 'green', 'blue']
    const { questions } = await read([
      { question: 'a', choices, answer: 2 },
      { question: 'b', choices, answer: 'B' },
      { question: 'c', options: choices, answer: 'red', subject: 'colours' },
      { question: 'd', choices: { text: choices, label: ['1', '2', '3'] }, answerKey: '3' },
    ])
    expect(questions.map(({ answer }) => answer)).toEqual(['C', 'B', 'A', 'C'])
    expect(questions[2]).toEqual({ id: '3', text: 'c', answer: 'A', choices, group: 'colours' })
  })

  test('may name its fields, start with a byte-order mark, end lines as Windows does and have blank ones', async () => {
    const { questions, available } = await read(
      '\uFEFF{"ask":"x","gold":7,"key":"k"}\r\n\r\n{"ask":"y","gold":8,"key":"l"}\r\n',
      {
        fields: { text: 'ask', answer: 'gold', id: 'key' },
      },
    )
    expect(available).toBe(2)
    expect(questions).toEqual([
      { id: 'k', text: 'x', answer: '7' },
      { id: 'l', text: 'y', answer: '8' },
    ])
  })
})

describe('a line that cannot be used is an error with its number', () => {
  test.each<[string, unknown[] | string, object, string]>([
    ['no JSON', '{"question":"a"}\n\n{"question":', {}, 'line 3 is not JSON'],
    ['a list', '["question"]', {}, 'line 1 is a list: expected an object'],
    [
      'no question',
      [{ question: 'a' }, { qestion: 'b' }],
      {},
      'line 2 has no question: expected one of the fields question, text',
    ],
    [
      'a named field is absent',
      [{ ask: 'a', answr: 1 }],
      { fields: { text: 'ask', answer: 'answer' } },
      'line 1 has no field "answer"',
    ],
    [
      'a field of another type',
      [{ question: ['a'] }],
      {},
      'expected field "question" to be text or a number, found ["a"]',
    ],
    [
      'an answer that is no choice',
      [{ question: 'a', choices: ['x', 'y'], answer: 'E' }],
      {},
      'line 1: the answer "E" is none of the 2 choices',
    ],
    [
      'one id twice',
      [
        { id: 1, question: 'a' },
        { id: '1', question: 'b' },
      ],
      {},
      'two questions have the id "1"',
    ],
    ['an empty file', '\n', {}, 'expected at least one question'],
    ['a sample beyond the file', [{ question: 'a' }], { sample: 2 }, 'asked for a sample of 2, but there are 1'],
  ])('%s', async (_, lines, config, message) => {
    expect(await problem(lines, config)).toContain(message)
  })

  test('a file that is not there', async () => {
    await expect(readQuestions(questionFileConfig.parse({ path: join(folder, 'none') }))).rejects.toSatisfy(
      (error) => MixlabError.is(error) && error.message.includes('ENOENT'),
    )
  })
})

describe('a part of a file', () => {
  const lines = Array.from({ length: 200 }, (_, index) => ({ question: `What is ${index}?` }))
  const ids = async (config: object) => (await read(lines, config)).questions.map(({ id }) => Number(id))

  test('limit takes the first ones', async () => {
    expect(await ids({ limit: 3 })).toEqual([1, 2, 3])
  })

  test('samples are seeded, in order, nested, and cover the file evenly', async () => {
    const twenty = await ids({ sample: 20 })
    expect(twenty).toEqual(await ids({ sample: 20 }))
    expect(twenty).toEqual(twenty.toSorted((a, b) => a - b))
    expect(twenty).not.toEqual(await ids({ sample: 20, sampleSeed: 1 }))
    expect(await ids({ sample: 50 })).toEqual(expect.arrayContaining(twenty))
    // Each of 200 questions is drawn with probability 0.1: over 300 seeds 30 ± 5.2 times; 6 deviations for all of them.
    const counts = Array.from({ length: 200 }, () => 0)
    for (let sampleSeed = 0; sampleSeed < 300; sampleSeed++)
      for (const id of await ids({ sample: 20, sampleSeed })) counts[id - 1]!++
    expect(Math.min(...counts)).toBeGreaterThan(0)
    expect(Math.max(...counts)).toBeLessThan(62)
  })

  test('the hash names what is asked: not the file, but texts, answers and order', async () => {
    const [first, second] = [
      { question: 'a', answer: 'x' },
      { question: 'b', answer: 'y' },
    ]
    const { hash } = await read([first, second])
    expect((await read([{ answer: 'x', question: 'a' }, second])).hash).toBe(hash)
    expect((await read([first, second, { question: 'c' }], { limit: 2 })).hash).toBe(hash)
    expect((await read([second, first])).hash).not.toBe(hash)
    expect((await read([first, { ...second, answer: 'z' }])).hash).not.toBe(hash)
    expect(questionSet((await read([first, second])).questions).hash).toBe(hash)
  })
})

test('repeated texts are warned of', async () => {
  const { warnings } = await read([{ question: 'a' }, { question: 'b' }, { question: ' a ' }])
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain("1 of 3 questions repeat an earlier one's text")
  expect(warnings[0]).toContain('3 (as 1)')
})

const gsm8k = new URL('../../../../shared/data/gsm8k/test.jsonl', import.meta.url).pathname
test.skipIf(!existsSync(gsm8k))(
  'GSM8K as it is published: 1,319 questions, all with a number (skipped where absent)',
  async () => {
    const { questions, warnings } = await readQuestions(questionFileConfig.parse({ path: gsm8k }))
    expect(questions).toHaveLength(1319)
    expect(warnings).toEqual([])
    expect(questions[0]?.answer).toBe('18')
    expect(questions.every(({ answer }) => /^-?[\d,]+(\.\d+)?$/.test(answer ?? ''))).toBe(true)
  },
)
