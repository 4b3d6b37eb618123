// The README's example runs as it is printed.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, root, temporaryFolder } from './mixlab.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!

test('the example is about thirty lines, runs, and its router can be exchanged by name', async () => {
  expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(31)
  const folder = temporaryFolder(import.meta.dirname)
  writeFileSync(join(folder, 'my-experiment.ts'), example)
  for (const router of ['cosine', 'switch']) {
    const runs = join(folder, router)
    const result = await mixlab(
      ['run', 'my-experiment.ts', '--runs', runs, '--set', `router=${router}`, '--set', 'training.steps=6'],
      { cwd: folder },
    )
    expect(result.code, result.stderr).toBe(0)
    const events = readFileSync(join(onlyRun(runs), 'events.jsonl'), 'utf8')
    expect(events).toContain(`"router":"${router}"`)
    expect(events).toContain('"evaluator":"causality"')
    expect(readFileSync(join(onlyRun(runs), 'report.html'), 'utf8')).toContain('<svg')
  }
})

test('the README names the two commands and its picture exists', () => {
  expect(readme).toContain('npx -y pnpm@12 quickstart')
  expect(readme).toContain('npx -y pnpm@12 test')
  const picture = /!\[[^\]]*\]\(([^)]+)\)/.exec(readme)![1]!
  expect(readFileSync(join(root, picture)).subarray(1, 4).toString()).toBe('PNG')
})
