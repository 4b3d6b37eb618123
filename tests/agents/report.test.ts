// A report and transcripts as a user gets them: the real command, real topologies, scripted agents that fail now and then.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { QuestionGrades, QuestionResult } from '@mixlab/agents'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, temporaryFolder } from '../e2e/mixlab.ts'

const QUESTIONS = 30

const linesOf = <T>(path: string): T[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

test('a run of three arms leaves a report that says what its files say, and transcripts by question', async () => {
  const folder = temporaryFolder()
  const questions = join(folder, 'questions.jsonl')
  writeFileSync(
    questions,
    Array.from(
      { length: QUESTIONS },
      (_, i) => `${JSON.stringify({ id: `sum-${i}`, question: `How much is ${i} + 7?`, answer: String(i + 7) })}\n`,
    ).join(''),
  )
  const agent = (model: string, accuracy: number, more: object = {}) => ({
    model: {
      name: 'scripted',
      answers: questions,
      model,
      accuracy,
      wrongAnswers: 4,
      tokens: 20,
      failures: { server: 0.2 },
    },
    ...more,
  })
  const agents = {
    weak: agent('weak', 0.5),
    strong: agent('strong', 0.8, { price: { input: 2, output: 8 } }),
  }
  const runs = join(folder, 'runs')
  const settings = [
    `questions=${questions}`,
    `agents=${JSON.stringify(agents)}`,
    'calling={"retries":{"max":0}}',
    'topologies=["single","moa-lite","debate"]',
  ]
  const script = join(import.meta.dirname, 'fixtures/arms.ts')
  const run = await mixlab(['run', script, '--runs', runs, ...settings.flatMap((setting) => ['--set', setting])])
  expect(run.code, run.stderr).toBe(0)
  const path = onlyRun(runs)
  const page = readFileSync(join(path, 'report.html'), 'utf8')

  for (const arm of ['single', 'moa-lite', 'debate']) {
    const results = linesOf<QuestionResult>(join(path, 'children', arm, 'answers.jsonl'))
    const grades = linesOf<QuestionGrades>(join(path, 'children', arm, 'grades.jsonl'))
    expect(results).toHaveLength(QUESTIONS)
    const row = /<tr[^>]*>(?:(?!<\/tr>)[^])*?<\/tr>/g
    const cells = (page.slice(page.indexOf('id="comparison"')).match(row) ?? []).find((one) =>
      one.includes(`title="${arm}"`),
    )!
    const sorts = [...cells.matchAll(/data-sort="([^"]*)"/g)].map((match) => match[1])
    const accuracy = grades.filter((line) => line.grades['gsm8k']!.correct).length / QUESTIONS
    expect(Number(sorts[2])).toBeCloseTo(accuracy, 12)
    const missing = results.flatMap(({ steps }) => steps.flatMap((step) => step.missing ?? []))
    expect(missing.length).toBeGreaterThan(0)
    expect(sorts).toContain(String(missing.length))
  }
  // One of the agents has no price.
  expect(page).toContain('≥\u202f')
  expect(page).toContain('id="front-cost"')

  const failed = linesOf<QuestionResult>(join(path, 'children/moa-lite/answers.jsonl')).find(({ calls }) =>
    calls.some(({ failure }) => failure),
  )!
  const transcript = await mixlab(['transcript', path, '--question', failed.question, '--arm', 'moa-lite'])
  expect(transcript.code, transcript.stderr).toBe(0)
  for (const { messages, text } of failed.calls) {
    for (const { content } of messages) expect(transcript.stdout).toContain(content)
    if (text !== undefined) expect(transcript.stdout).toContain(text)
  }
  expect(transcript.stdout).toMatch(/\*\*Failed, server:\*\*/)

  const wrong = await mixlab(['transcript', path, '--question', 'sum-x'])
  expect(wrong.code).toBe(2)
  expect(wrong.stderr.trim()).toMatch(/^mixlab: there is no question "sum-x" among the 30 of .*sum-/)
  const other = await mixlab(['transcript', path, '--question', 'sum-1', '--arm', 'debait'])
  expect(other.code).toBe(2)
  expect(other.stderr.trim()).toMatch(
    /^mixlab: .* has no arm "debait"; it has single, moa-lite, debate\. Did you mean debate\?$/,
  )
}, 120_000)
