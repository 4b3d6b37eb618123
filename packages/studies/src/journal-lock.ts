// One writer at a time: Optuna's two lock protocols, both of which are a file `<journal>.lock` that only one process can
// make, so that they exclude one another, too. A holder that is killed leaves its lock; others take it away after a grace
// period in which nothing moved (30 s, as in Optuna). Ours says who holds it, so that a holder that died on this machine is
// found out in a quarter of a second.
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { diskProblem } from './disk-problem.ts'

/**
 * `open`: O_CREAT | O_EXCL, needs NFSv3 or later, as JournalFileOpenLock. `symlink`: a symbolic link to the journal, as
 * JournalFileSymlinkLock, Optuna's default; for NFSv2. A file may be written with both at once.
 */
export type LockKind = 'open' | 'symlink'

export interface LockOptions {
  readonly kind: LockKind
  /** After this long without a sign of life a lock is taken away. */
  readonly graceMs: number
}

export interface Lock {
  release(): void
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

const quietly = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

/**
 * This boot of this machine, and this process in its name space: containers of one host may have equal host names and
 * process ids. Empty where the system does not tell; then only the grace period frees a lock.
 */
const place = quietly(
  () => `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`,
)

function make(path: string, kind: LockKind): void {
  const lock = `${path}.lock`
  // The target is absolute: a relative one would be looked up from the lock's own folder, and Optuna's waiters, which ask
  // the target for its time, would find nothing.
  if (kind === 'symlink') return symlinkSync(resolve(path), lock)
  if (place === undefined || !linked(lock)) closeSync(openSync(lock, 'wx'))
}

/**
 * Makes the lock with its holder's name in it at once: a process that is killed between making and writing would leave one
 * that says nothing. @returns false where the file system has no hard links
 */
function linked(lock: string): boolean {
  // Most attempts while others hold it end here, without a file made in vain.
  if (lstatSync(lock, { throwIfNoEntry: false })) throw Object.assign(new Error('held'), { code: 'EEXIST' })
  const name = `${lock}${randomUUID()}.holder`
  try {
    writeFileSync(name, `${place} ${process.pid}\n`, { flag: 'wx' })
    linkSync(name, lock)
    return true
  } catch (error) {
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) return false
    throw error
  } finally {
    rmSync(name, { force: true })
  }
}

/** Tells one lock from the next of the same name. */
const identityOf = (lock: string): string => {
  const { ino, mtimeNs } = lstatSync(lock, { bigint: true })
  return `${ino} ${mtimeNs}`
}

/** Renamed first, so that of two who remove it one learns that it was not there. */
function remove(lock: string): void {
  const name = `${lock}${randomUUID()}.rename`
  renameSync(lock, name)
  unlinkSync(name)
}

/** Whether the holder was a process of this machine that is no more. */
function holderIsDead(lock: string): boolean {
  if (place === undefined) return false
  const text = quietly(() => (lstatSync(lock).isFile() ? readFileSync(lock, 'utf8') : '')) ?? ''
  if (!text.startsWith(`${place} `) || !text.endsWith('\n')) return false
  try {
    process.kill(Number(text.slice(place.length)), 0)
    return false
  } catch (error) {
    return codeOf(error) === 'ESRCH'
  }
}

/**
 * Takes a dead process's lock away. Of several who have seen that it is dead only one may, or the second would take away
 * the lock that the first has made since; a lock of the lock sees to that.
 */
function removeDead(lock: string, graceMs: number): void {
  const guard = `${lock}.dead`
  try {
    closeSync(openSync(guard, 'wx'))
  } catch {
    const age = Date.now() - (quietly(() => lstatSync(guard).mtimeMs) ?? Date.now())
    if (age > graceMs) rmSync(guard, { force: true })
    return
  }
  try {
    if (holderIsDead(lock)) quietly(() => remove(lock))
  } finally {
    rmSync(guard, { force: true })
  }
}

/** What changes while writers are at work: the journal's time through a link, as Optuna asks it, or the lock's own. */
const signOfLife = (lock: string): string | undefined =>
  quietly(() => `${identityOf(lock)} ${quietly(() => statSync(lock).mtimeMs) ?? ''}`)

/** What is done under a lock takes some milliseconds; Optuna waits up to a second between two attempts. */
const longestWaitMs = 100
/** Only of one that is held for this long is it asked whether its holder lives. */
const suspiciousMs = 250

/**
 * Waits for the lock of the journal at `path`.
 * @throws MixlabError when the folder cannot be written to
 */
export async function acquireLock(path: string, { kind, graceMs }: LockOptions): Promise<Lock> {
  const lock = `${path}.lock`
  let [sign, since, wait]: [string | undefined, number, number] = [undefined, performance.now(), 1]
  for (;;) {
    try {
      make(path, kind)
      const mine = identityOf(lock)
      // Not ours any more when we were held up for longer than the others' patience.
      return { release: () => void quietly(() => identityOf(lock) === mine && unlinkSync(lock)) }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw diskProblem(lock, error)
    }
    const now = signOfLife(lock)
    const still = performance.now() - since
    if (now !== sign) [sign, since] = [now, performance.now()]
    else if (now !== undefined && still > graceMs) quietly(() => remove(lock))
    else if (still > suspiciousMs && holderIsDead(lock)) removeDead(lock, graceMs)
    await setTimeout(wait * (0.5 + Math.random()))
    wait = Math.min(wait * 2, longestWaitMs)
  }
}
