// The lock: one holder at a time, whichever of the two protocols each uses, and what becomes of a dead holder's.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { acquireLock, type LockKind } from '../src/journal-lock.ts'
import { newJournal } from './folder.ts'
import { ownProcess, start } from './optuna.ts'

const kinds: readonly LockKind[] = ['open', 'symlink']
const within = (milliseconds: number) =>
  new Promise<'waiting'>((resolve) => setTimeout(resolve, milliseconds, 'waiting'))

function emptyJournal(): string {
  const path = newJournal()
  writeFileSync(path, '')
  return path
}

test.each(kinds.flatMap((held) => kinds.map((wanted) => [held, wanted] as const)))(
  'who holds it by %s keeps out who wants it by %s',
  async (held, wanted) => {
    const path = emptyJournal()
    const first = await acquireLock(path, { kind: held, graceMs: 30_000 })
    const next = acquireLock(path, { kind: wanted, graceMs: 30_000 })
    expect(await Promise.race([next, within(100)])).toBe('waiting')
    expect(lstatSync(`${path}.lock`).isSymbolicLink()).toBe(held === 'symlink')
    first.release()
    const second = await next
    second.release()
    expect(readdirSync(dirname(path))).toEqual(['journal.log'])
  },
)

test('six processes count without losing one, by both protocols at once', async () => {
  const path = emptyJournal()
  writeFileSync(`${path}.count`, '0')
  const processes = Array.from({ length: 6 }, (_, index) =>
    start(process.execPath, ownProcess('counter.ts'), path, '40', kinds[index % 2]!),
  )
  const codes = await Promise.all(processes.map(async ({ ended }) => (await ended).code))
  expect(codes).toEqual([0, 0, 0, 0, 0, 0])
  expect(readFileSync(`${path}.count`, 'utf8')).toBe('240')
}, 60_000)

test('a lock is taken away after the grace period without a sign of life', async () => {
  const path = emptyJournal()
  for (const leave of [() => symlinkSync(path, `${path}.lock`), () => writeFileSync(`${path}.lock`, '')]) {
    leave()
    const begun = performance.now()
    const lock = await acquireLock(path, { kind: 'open', graceMs: 300 })
    expect(performance.now() - begun).toBeGreaterThan(295)
    lock.release()
  }
  expect(existsSync(`${path}.lock`)).toBe(false)
})

test('while the journal grows, a link’s holder lives', async () => {
  const path = emptyJournal()
  const first = await acquireLock(path, { kind: 'symlink', graceMs: 30_000 })
  const next = acquireLock(path, { kind: 'open', graceMs: 300 })
  for (let i = 1; i <= 8; i++) {
    utimesSync(path, i, i)
    expect(await Promise.race([next, within(100)])).toBe('waiting')
  }
  first.release()
  const second = await next
  second.release()
})

test.skipIf(process.platform !== 'linux')(
  'a lock whose holder has died on this machine is free at once, and once only',
  async () => {
    const path = emptyJournal()
    const holder = await acquireLock(path, { kind: 'open', graceMs: 30_000 })
    const text = readFileSync(`${path}.lock`, 'utf8')
    holder.release()
    const { pid } = spawnSync('true')
    writeFileSync(`${path}.lock`, text.replace(/\d+\n$/, `${pid}\n`))
    writeFileSync(`${path}.count`, '0')
    const processes = Array.from({ length: 4 }, () =>
      start(process.execPath, ownProcess('counter.ts'), path, '10', 'open'),
    )
    const codes = await Promise.all(processes.map(async ({ ended }) => (await ended).code))
    expect(codes).toEqual([0, 0, 0, 0])
    expect(readFileSync(`${path}.count`, 'utf8')).toBe('40')
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['journal.log', 'journal.log.count'])
  },
)

test('a holder that has lost its lock does not take away the next one’s', async () => {
  const path = emptyJournal()
  const slow = await acquireLock(path, { kind: 'open', graceMs: 30_000 })
  const next = await acquireLock(path, { kind: 'open', graceMs: 200 })
  slow.release()
  expect(existsSync(`${path}.lock`)).toBe(true)
  next.release()
  expect(existsSync(`${path}.lock`)).toBe(false)
})
