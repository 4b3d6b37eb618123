// The experiments with agents, small, by the command.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, root, temporaryFolder } from '../e2e/mixlab.ts'
import { serverProcess } from './server-process.ts'

const resultOf = (path: string): Record<string, unknown> =>
  (JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')) as { result: Record<string, unknown> }).result

test('debate-vs-vote: what is measured agrees with the closed forms', async () => {
  const runs = temporaryFolder()
  const settings = JSON.stringify([{ accuracy: 0.65, correlation: 0.4, sycophancy: 0.7 }])
  const { code, stderr } = await mixlab([
    'run',
    join(root, 'experiments/debate-vs-vote'),
    '--runs',
    runs,
    '--no-report',
    '--set',
    'questions=400',
    '--set',
    `settings=${settings}`,
  ])
  expect(code, stderr).toBe(0)
  const [arms] = Object.values(
    resultOf(onlyRun(runs))['scripted'] as Record<string, Record<string, { calls: number; deviations: number }>>,
  )
  expect(Object.keys(arms!)).toEqual(['single', 'vote', 'debate', 'vote-at-equal-calls'])
  expect(arms!['debate']!.calls).toBe(arms!['vote-at-equal-calls']!.calls)
  // 4 figures of one fixed seed; one in 15,000 is as far off by chance.
  for (const { deviations } of Object.values(arms!)) expect(Math.abs(deviations)).toBeLessThan(4)
})

test('moa-layers: arms and baselines of equal calls, compared in pairs, in a report', async () => {
  using server = await serverProcess()
  const runs = temporaryFolder()
  const file = join(runs, '..', `${Date.now()}-questions.jsonl`)
  writeFileSync(
    file,
    Array.from({ length: 12 }, (_, n) =>
      JSON.stringify({ question: `How much is ${n} + 1?`, answer: `It is.\n#### ${n + 1}` }),
    ).join('\n'),
  )
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
    `questions=${JSON.stringify({ path: file, sample: 12 })}`,
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
