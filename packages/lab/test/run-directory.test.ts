import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createRunDirectory, findRun, openRun, runDirectory, writeAtomically } from '../src/index.ts'
import { start, temporaryFolder } from './fixtures/processes.ts'

test('a writer that is killed leaves the old or the new content, never a part', async () => {
  const file = join(temporaryFolder(), 'state.json')
  for (let round = 0; round < 6; round++) {
    const writer = start('write-forever.ts', file)
    await writer.until('writing')
    await delay(round * 7)
    writer.process.kill('SIGKILL')
    await writer.ended
    const text = readFileSync(file, 'utf8')
    const letter = text[0] ?? ''
    expect(text.length).toBe(3_000_000)
    expect(text === letter.repeat(3_000_000)).toBe(true)
  }
})

test('a write that fails leaves the old content and no temporary file', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'kept.txt')
  await writeAtomically(file, 'old')
  mkdirSync(join(folder, 'taken'))
  await expect(writeAtomically(join(folder, 'taken'), 'new')).rejects.toThrow()
  await expect(writeAtomically(join(file, 'below-a-file'), 'new')).rejects.toThrow(/cannot write .*below-a-file/)
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect(readdirSync(folder).toSorted()).toEqual(['kept.txt', 'taken'])
})

test('ids sort by time, carry the name, and never collide', () => {
  const runs = temporaryFolder()
  const ids = Array.from({ length: 30 }, () => createRunDirectory(runs, 'e', 'My Näme!').id)
  expect(new Set(ids).size).toBe(30)
  expect(ids[0]).toMatch(/^\d{8}-\d{6}-my-na-me$|^\d{8}-\d{6}-my-name$/)
  expect(createRunDirectory(runs, 'e').id).toMatch(/^\d{8}-\d{6}-[a-z0-9]{4}$/)
})

test('paths cannot leave the run directory', async () => {
  const folder = temporaryFolder()
  const directory = runDirectory(join(folder, 'run'))
  await directory.write('artifacts/deep/a.txt', 'x')
  expect(await directory.readText('artifacts/deep/a.txt')).toBe('x')
  expect(() => directory.file('../outside')).toThrow(/outside the run directory/)
  expect(() => directory.file('/etc/passwd')).toThrow(/outside the run directory/)
  expect(directory.file('a/../b')).toBe(join(folder, 'run', 'b'))
})

const record = {
  format: 1,
  id: '20260101-000000-abcd',
  experiment: 'e',
  config: { a: 1 },
  seed: 1,
  status: 'finished',
  engine: { name: 'none' },
  machine: { processor: 'p', cores: 1, memoryBytes: 1, platform: 'x', host: 'h' },
  versions: { mixlab: '0', node: '0' },
  startedAt: '2026-01-01T00:00:00.000Z',
  process: { pid: 1, host: 'h' },
}

function writeRecord(runs: string, id: string, changes: object = {}): string {
  const path = join(runs, 'e', id)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'run.json'), JSON.stringify({ ...record, id, ...changes }))
  return path
}

test('a run of another version, a corrupt one and none at all are each one clear line', async () => {
  const runs = temporaryFolder()
  await expect(openRun(writeRecord(runs, 'a', { format: 7 }))).rejects.toThrow(
    /e\/a was written by another version of mixlab \(format 7; this one reads format 1\)/,
  )
  await expect(openRun(writeRecord(runs, 'b', { seed: 'x' }))).rejects.toThrow(/run.json is corrupt: seed/)
  writeFileSync(join(writeRecord(runs, 'c'), 'run.json'), '{"format": 1, ')
  await expect(openRun(join(runs, 'e', 'c'))).rejects.toThrow(/run.json is corrupt: it is not JSON/)
  await expect(openRun(runs)).rejects.toThrow(/is not a run directory/)
})

test('a run whose process is gone reads as interrupted', async () => {
  const path = writeRecord(temporaryFolder(), 'a', { status: 'running' })
  expect((await openRun(path)).status).toBe('running') // on another host one cannot know
  const child = start('write-forever.ts', join(path, 'x'))
  const { hostname } = await import('node:os')
  const process = { pid: child.process.pid, host: hostname() }
  writeFileSync(join(path, 'run.json'), JSON.stringify({ ...record, status: 'running', process }))
  expect((await openRun(path)).status).toBe('running')
  child.process.kill('SIGKILL')
  await child.ended
  expect((await openRun(path)).status).toBe('interrupted')
})

test('runs are found by path, id, end of id, experiment/id and latest', () => {
  const runs = temporaryFolder()
  const first = writeRecord(runs, '20260101-000000-abcd')
  const second = writeRecord(runs, '20260102-000000-efgh')
  expect(findRun(first, runs)).toBe(first)
  expect(findRun(join(first, 'run.json'), runs)).toBe(first)
  expect(findRun('20260101-000000-abcd', runs)).toBe(first)
  expect(findRun('abcd', runs)).toBe(first)
  expect(findRun('e/20260102-000000-efgh', runs)).toBe(second)
  expect(findRun('latest', runs)).toBe(second)
  expect(() => findRun('20260101-000000-abce', runs)).toThrow(
    /no run "20260101-000000-abce".*Did you mean 20260101-000000-abcd/,
  )
  expect(existsSync(join(runs, 'e'))).toBe(true)
})
