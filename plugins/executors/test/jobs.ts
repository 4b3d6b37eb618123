// Small programs to be run as jobs. Each notes in `<name>.starts` that it began, and says so on its output.
import { mkdirSync, mkdtempSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Executor, Job, JobState } from '@mixlab/studies'
import { onTestFinished } from 'vitest'

const prelude = `
const fs = require('node:fs')
const file = (suffix) => process.env.JOB + '.' + suffix
fs.appendFileSync(file('starts'), process.pid + '\\n')
console.log('hello from ' + process.env.JOB)
console.error('and its errors')
const starts = fs.readFileSync(file('starts'), 'utf8').trim().split('\\n').length
`

export const programs = {
  exit: (code: number) => `process.exitCode = ${code}`,
  /** Ends with 0 when a file appears. */
  untilTold: `setInterval(() => { if (fs.existsSync(file('go'))) process.exit(0) }, 20)`,
  /** Saves and ends with 130 on SIGTERM, with 85 on SIGUSR2; ends with 0 when started a second time. */
  resumable: `
    const save = (code) => () => { fs.writeFileSync(file('saved'), 'saved'); process.exit(code) }
    process.on('SIGTERM', save(130))
    process.on('SIGUSR2', save(85))
    if (starts > 1) process.exit(0)
    fs.writeFileSync(file('ready'), 'ready')
    setInterval(() => {}, 1000)`,
  stubborn: `process.on('SIGTERM', () => console.log('no')); fs.writeFileSync(file('ready'), 'ready'); setInterval(() => {}, 1000)`,
  outOfTime: (times: number) => `process.exitCode = starts > ${times} ? 0 : 85`,
} as const

/** A sweep's directory that is removed when the test ends. Its name and its jobs' values would trip a careless shell. */
export function sweepDirectory(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
  const directory = join(folder, "it's a sweep")
  mkdirSync(directory)
  return directory
}

export const awkward = `a 'quoted' "value" with $HOME, \`ticks\`, \\ and\na second line`

export function jobOf(directory: string, name: string, program: string): Job {
  return {
    name,
    command: [process.execPath, '-e', prelude + program],
    folder: directory,
    environment: { JOB: join(directory, name), AWKWARD: awkward },
    log: join(directory, 'logs', `${name}.log`),
  }
}

export const read = (directory: string, name: string, suffix: string): string =>
  readFileSync(join(directory, `${name}.${suffix}`), 'utf8')

export const startsOf = (directory: string, name: string): number[] =>
  existsSync(join(directory, `${name}.starts`)) ? read(directory, name, 'starts').trim().split('\n').map(Number) : []

/** Waits until the file is there and something is in it. */
export async function appears(path: string, timeoutMs = 60_000): Promise<void> {
  const size = () => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  for (const until = performance.now() + timeoutMs; size() === 0; await pause(30)) {
    if (performance.now() > until) throw new Error(`${path} has not appeared after ${timeoutMs} ms`)
  }
}

/** Waits until the states of these are all as asked. */
export async function statesWhen(
  executor: Executor,
  names: readonly string[],
  holds: (state: JobState | undefined) => boolean = (state) => state?.state === 'ended',
  timeoutMs = 120_000,
): Promise<Record<string, JobState>> {
  for (const until = performance.now() + timeoutMs; ;) {
    const states = await executor.poll(1000)
    if (names.every((name) => holds(states.get(name)))) return Object.fromEntries(states)
    if (performance.now() > until) throw new Error(`after ${timeoutMs} ms: ${JSON.stringify([...states])}`)
  }
}

/** Whether the process runs; one that has ended, and that nobody has waited for, does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
