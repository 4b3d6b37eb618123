// The experiments with agents, small, by the command.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, root, temporaryFolder } from '../e2e/mixlab.ts'
import { serverProcess } from './server-process.ts'

const resultOf = (path: string): Record<string, unknown> =>
  (JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')) as { result: Record<string, unknown> }).result

/** Questions in GSM8K's form. */
function questionsFile(count: number): string {
  const path = join(temporaryFolder(), 'questions.jsonl')
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ question: `How much is ${n} + 1?`, answer: `It is.\n#### ${n + 1}` }),
  )
  writeFileSync(path, lines.join('\n'))
  return path
}

test('debate-vs-vote: scripted agents agree with the closed forms; language models answer through the same arms', async () => {
  using server = await serverProcess()
  const runs = temporaryFolder()
  const settings = JSON.stringify([{ accuracy: 0.65, correlation: 0.4, sycophancy: 0.7 }])
  const live = JSON.stringify({ url: server.url, model: 'm', questions: { path: questionsFile(6), sample: 6 } })
  const { code, stderr } = await mixlab([
    'run',
    join(root, 'experiments/debate-vs-vote'),
    '--runs',
    runs,
    '--no-report',
    ...[`questions=400`, `settings=${settings}`, `live=${live}`].flatMap((assignment) => ['--set', assignment]),
  ])
  expect(code, stderr).toBe(0)
  const result = resultOf(onlyRun(runs)) as Record<
    'scripted' | 'live',
    Record<string, Record<string, { calls: number; deviations: number }>>
  >
  const [arms] = Object.values(result.scripted)
  expect(Object.keys(arms!)).toEqual(['single', 'vote', 'debate', 'vote-at-equal-calls'])
  expect(arms!['debate']!.calls).toBe(arms!['vote-at-equal-calls']!.calls)
  // 4 figures of one fixed seed; one in 15,000 is as far off by chance.
  for (const { deviations } of Object.values(arms!)) expect(Math.abs(deviations)).toBeLessThan(4)
  expect(Object.keys(result.live)).toEqual(Object.keys(arms!))
  // The votes' first samples are the single agent's and the debaters' first answers: 6 samples, 3 second answers.
  expect((await server.statistics()).requests).toBe(6 * (6 + 3))
})

test('moa-layers: arms and baselines of equal calls, compared in pairs, in a report', async () => {
  using server = await serverProcess()
  const runs = temporaryFolder()
  const { code, stderr, stdout } = await mixlab([
    'run',
    join(root, 'experiments/moa-layers'),
    '--runs',
    runs,
    '--set',
    `url=${server.url}`,
    '--set',
    'models=["a","b"]',
    '--set',
    'layers=[2]',
    '--set',
    'proposers=[2]',
    '--set',
    `questions=${JSON.stringify({ path: questionsFile(12), sample: 12 })}`,
  ])
  expect(code, stderr).toBe(0)
  const path = onlyRun(runs)
  const { accuracy, findings, baselines } = resultOf(path) as {
    accuracy: Record<string, number>
    findings: string[]
    baselines: string[]
  }
  expect(Object.keys(accuracy)).toEqual([
    'layers-2-proposers-2',
    'single',
    'best-of-n-2',
    'self-consistency-3',
    'self-moa-2',
  ])
  expect(findings).toHaveLength(10)
  expect(baselines).toContain("self-consistency of 3: 100 % of the mixture's calls")
  expect(stdout).toMatch(/^report +\S+report\.html$/m)
  expect(existsSync(join(path, 'report.html'))).toBe(true)
})
