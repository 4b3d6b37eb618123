import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openRun, readEvents, runExperiment } from '../src/index.ts'
import { counting } from './fixtures/counting.ts'
import { temporaryFolder } from './fixtures/processes.ts'

/** A disk of 512 KiB, or why there is none. */
function smallDisk(): { path: string } | { reason: string } {
  const path = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path], { stdio: 'pipe' })
  } catch (error) {
    return { reason: `mounting is not permitted: ${error instanceof Error ? error.message.split('\n')[0] : ''}` }
  }
  onTestFinished(() => void execFileSync('umount', [path]))
  return { path }
}

test('a disk that fills up ends the run with one clear line; what was there stays, and the run goes on later', async ({
  skip,
}) => {
  const disk = smallDisk()
  if ('reason' in disk) skip(disk.reason)
  if (!('path' in disk)) return
  let path = ''
  const config = { steps: 3000, every: 50 }
  const run = runExperiment(counting, { runs: disk.path, config, onStart: (started) => (path = started.path) })
  await expect(run).rejects.toThrow(
    /^cannot write .*: no space is left on the disk; free some and go on with --resume$/,
  )
  const steps: number[] = []
  for await (const event of readEvents(path)) if (event.type === 'train.step') steps.push(event.step)
  expect(steps.length).toBeGreaterThan(500)
  expect(steps).toEqual(steps.map((_, i) => i + 1))
  expect(readFileSync(join(path, 'events.jsonl'), 'utf8').endsWith('}\n')).toBe(true)
  expect(readdirSync(path, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))).toEqual([])
  expect(['failed', 'interrupted']).toContain((await openRun(path)).status)

  execFileSync('mount', ['-o', 'remount,size=4m', disk.path])
  const whole = await runExperiment(counting, { runs: temporaryFolder(), config })
  const again = await runExperiment(counting, { runs: disk.path, resume: path })
  expect(again.result).toEqual(whole.result)
})
