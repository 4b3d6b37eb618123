// `compare: text` against lm-evaluation-harness's own filter and metric, recorded by fixtures/lm-eval.py.
import { readFileSync } from 'node:fs'
import { RandomStream } from '@mixlab/core'
import { expect, test } from 'vitest'
import { gsm8k } from '../src/index.ts'

interface Verdict {
  readonly found: string
  readonly correct: boolean
}
interface Case {
  readonly reply: string
  readonly reference: string
  readonly strict: Verdict
  readonly flexible: Verdict
}
const { cases } = JSON.parse(readFileSync(new URL('fixtures/lm-eval.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
}

test.each(['strict', 'flexible'] as const)('%s extraction agrees with the harness in every case', async (extract) => {
  const grader = gsm8k.create({ extract, compare: 'text' }, { rng: new RandomStream(0) } as never)
  expect(cases.filter((one) => one[extract].correct).length).toBeGreaterThan(10)
  for (const { reply, reference, ...verdicts } of cases) {
    const grade = await grader.grade({
      question: { id: 'q', text: '', answer: reference },
      answer: reply,
      call: () => Promise.reject(new Error('asks no model')),
    })
    expect({ reply, reference, correct: grade.correct, invalid: grade.unparseable ?? false }).toEqual({
      reply,
      reference,
      correct: verdicts[extract].correct,
      invalid: verdicts[extract].found === '[invalid]',
    })
    expect(grade.details).toEqual({ strict: verdicts.strict.correct, flexible: verdicts.flexible.correct })
  }
})
