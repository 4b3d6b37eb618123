// The README's example runs as it stands.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStudy } from '../src/index.ts'
import { newJournal } from './folder.ts'

test('the example', async () => {
  const folder = join(import.meta.dirname, '..')
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(join(folder, 'README.md'), 'utf8'))!
  const path = newJournal()
  const script = example!.replace("'journal.log'", JSON.stringify(path))
  const arguments_ = ['--input-type=module-typescript', '-e', script]
  const { status, stdout } = spawnSync(process.execPath, arguments_, { cwd: folder, encoding: 'utf8' })
  expect([status, stdout]).toEqual([0, expect.stringContaining("state: 'complete'")])
  const study = await openStudy({ path })
  expect(study.trials).toHaveLength(50)
  expect(study.best!.values![0]).toBeLessThan(0.05)
})
