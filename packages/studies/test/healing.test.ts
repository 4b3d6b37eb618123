// Half-written lines: found, left out, removed by the next writer; and never left by us, by kill or by full disk.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createStudy, openStudy, type StudyOptions } from '../src/index.ts'
import { newJournal } from './folder.ts'
import { ownProcess, start } from './optuna.ts'
import { randomSampler, testSpace } from './processes/random-sampler.ts'
import { shown } from './shown.ts'

const options = (path: string): StudyOptions & { directions: ['minimize'] } => ({
  path,
  directions: ['minimize'],
  space: testSpace,
  sampler: randomSampler,
})

async function journalOf(trials: number): Promise<string> {
  const path = newJournal()
  const study = await createStudy(options(path))
  for (let i = 0; i < trials; i++) await study.tell((await study.ask())!.number, i)
  return path
}

const isLine = (line: string): boolean => {
  try {
    return 'op_code' in (JSON.parse(line) as object)
  } catch {
    return false
  }
}

const isJournal = (path: string): boolean => {
  const text = readFileSync(path, 'utf8')
  return text.endsWith('\n') && text.trimEnd().split('\n').every(isLine)
}

test('a half-written last line is skipped wherever it ends, and cut off by the next writer', async () => {
  const path = await journalOf(2)
  const whole = readFileSync(path)
  const last = whole.lastIndexOf('\n', whole.length - 2) + 1
  // Without its last line the second trial is still running.
  for (const end of [last + 1, last + 10, last + 40, whole.length - 2, whole.length - 1]) {
    writeFileSync(path, whole.subarray(0, end))
    const study = await openStudy(options(path))
    expect(study.trials.map(({ state }) => state)).toEqual(['complete', 'running'])
    await study.tell(1, 5)
    expect(isJournal(path)).toBe(true)
    expect(study.trials[1]!.values).toEqual([5])
  }
})

test('a half-written first line is the beginning of a journal', async () => {
  const path = newJournal()
  writeFileSync(path, '{"op_co')
  const study = await createStudy(options(path))
  await study.ask()
  expect(isJournal(path)).toBe(true)
})

test.each([
  '{"op_code":5,"wor',
  '{"op_code":5,"worker_id":"a","x":"{\\"op_code\\":1,',
  '{"op_code":5{"op_code":4,"worker_id":"b"',
])('a line written behind the half-written %s is read, and the half line blanked out', async (torn) => {
  const path = await journalOf(1)
  const reader = await openStudy({ path })
  const line = `${JSON.stringify({ op_code: 4, worker_id: 'p', study_id: 0, datetime_start: '2026-01-01T00:00:00+00:00', state: 0, user_attrs: { op_code: 1 } })}\n`
  appendFileSync(path, torn + line)
  const size = readFileSync(path).length
  const study = await openStudy(options(path))
  expect(study.trials.map(({ state }) => state)).toEqual(['complete', 'running'])
  expect(study.trials[1]!.userAttributes).toEqual({ op_code: 1 })
  expect(isJournal(path)).toBe(false)
  await study.tell(1, 5)
  expect(isJournal(path)).toBe(true)
  expect(readFileSync(path, 'utf8').slice(size - line.length - torn.length, size)).toBe(' '.repeat(torn.length) + line)
  // Offsets are as they were: one who had read up to there reads on.
  expect(shown(reader)).toEqual(shown(study))
})

test('a full disk leaves no half-written line, and one clear line of text', async () => {
  const path = await journalOf(3)
  const before = readFileSync(path)
  // A limit on the file's size is what writes in part here, as a disk with little space left does.
  const blocks = Math.ceil(before.length / 1024)
  const script = `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`
  const { ended } = start('bash', '-c', script, process.execPath, ownProcess('worker.ts'), path, 'study', '50', 'open')
  const { code, problems } = await ended
  expect(code).not.toBe(0)
  expect(problems).toContain('it would be larger than this process may write')
  expect(readFileSync(path).subarray(0, before.length)).toEqual(before)
  expect(isJournal(path)).toBe(true)
  const study = await openStudy(options(path))
  await study.tell((await study.ask())!.number, 1)
  expect(isJournal(path)).toBe(true)
})

test('writers that are killed at any moment leave a journal, and those after them do not wait for their locks', async () => {
  const path = await journalOf(0)
  let longest = 0
  for (let i = 0; i < 20; i++) {
    const { child, ended } = start(process.execPath, ownProcess('worker.ts'), path, 'study', '100000', 'open')
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
    child.kill('SIGKILL')
    await ended
    const begun = performance.now()
    const study = await openStudy(options(path))
    await study.tell((await study.ask())!.number, 1)
    longest = Math.max(longest, performance.now() - begun)
  }
  expect(longest).toBeLessThan(10_000)
  expect(isJournal(path)).toBe(true)
  const study = await openStudy(options(path))
  expect(study.trials.map(({ number }) => number)).toEqual(study.trials.map((_, index) => index))
  // A trial is made whole: none that was interrupted lacks a parameter.
  for (const { parameters } of study.trials) expect(Object.keys(parameters)).toEqual(['x', 'k', 'c'])
}, 300_000)
