// The guide's examples run as they are printed, with agents that answer here in place of those that it names.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, root, temporaryFolder } from '../e2e/mixlab.ts'
import { serverProcess } from './server-process.ts'

const guide = readFileSync(join(root, 'docs/mixtures-of-agents.md'), 'utf8')
const [experiment, topology] = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text!)

test('the experiment is about thirty lines, and compares its mixtures with baselines', async () => {
  expect(experiment!.trimEnd().split('\n').length).toBeLessThanOrEqual(31)
  using server = await serverProcess()
  const folder = temporaryFolder(import.meta.dirname)
  writeFileSync(join(folder, 'my-mixture.ts'), experiment!)
  const lines = Array.from({ length: 5 }, (_, n) => JSON.stringify({ question: `${n} + 1?`, answer: `#### ${n + 1}` }))
  writeFileSync(join(folder, 'questions.jsonl'), lines.join('\n'))
  const model = (name: string) => ({ model: { name: 'openai-compatible', url: server.url, model: name } })
  const agents = JSON.stringify({ small: model('small'), large: model('large') })
  const set = [`agents=${agents}`, 'questions={"path":"questions.jsonl"}'].flatMap((assignment) => [
    '--set',
    assignment,
  ])
  const { code, stderr } = await mixlab(['run', 'my-mixture.ts', '--runs', 'runs', ...set], { cwd: folder })
  expect(code, stderr).toBe(0)
  const { result } = JSON.parse(readFileSync(join(onlyRun(join(folder, 'runs')), 'run.json'), 'utf8')) as {
    result: unknown
  }
  expect(result).toEqual({ winner: 'none outside noise' })
})

test('the topology of one’s own can be looked at', async () => {
  const folder = temporaryFolder(import.meta.dirname)
  const script = `${topology}\nexport default defineExperiment({ name: 'own', engine: 'none', plugins: [twoOpinions], run: async () => ({}) })\n`
  writeFileSync(join(folder, 'own.ts'), `import { defineExperiment } from 'mixlab'\n${script}`)
  const args = ['topology', 'show', 'two-opinions', '--script', 'own.ts', '--agents', 'x,y,z', '--set', 'writer=z']
  const { code, stdout, stderr } = await mixlab(args, { cwd: folder })
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^all +5 /m)
})
