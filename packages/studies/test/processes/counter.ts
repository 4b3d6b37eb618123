// Adds one to a file's number, again and again, which goes wrong unless one does at a time: journal, how often, the lock's kind.
import { readFileSync, writeFileSync } from 'node:fs'
import { acquireLock, type LockKind } from '../../src/journal-lock.ts'

const [path, count, kind] = process.argv.slice(2) as [string, string, LockKind]
for (let i = 0; i < Number(count); i++) {
  const lock = await acquireLock(path, { kind, graceMs: 30_000 })
  writeFileSync(`${path}.count`, String(Number(readFileSync(`${path}.count`, 'utf8')) + 1))
  lock.release()
}
