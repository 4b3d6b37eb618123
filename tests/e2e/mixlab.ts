// Runs the real command in a process of its own, as a person would.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

export const root = resolve(import.meta.dirname, '../..')
export const bin = join(root, 'packages/cli/src/bin.ts')

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
}

export function start(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Started {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const finished = new Promise<Finished>((done, fail) => {
    child.on('error', fail)
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }))
  })
  return { process: child, finished }
}

export const mixlab = (
  args: readonly string[],
  options?: { cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<Finished> => start(args, options).finished

/** A folder that is removed when the test ends. Scripts in one inside the workspace can import mixlab. */
export function temporaryFolder(within = tmpdir()): string {
  const folder = mkdtempSync(join(within, 'mixlab-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The only run below a runs root. */
export function onlyRun(runs: string): string {
  const [experiment, ...moreExperiments] = readdirSync(runs)
  const [run, ...moreRuns] = readdirSync(join(runs, experiment!))
  if (moreExperiments.length + moreRuns.length > 0) throw new Error(`more than one run in ${runs}`)
  return join(runs, experiment!, run!)
}

/** events.jsonl without what a clock, the machine or the run's identity gives. */
export function comparableEvents(run: string): string[] {
  return readFileSync(join(run, 'events.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { time: _time, timing: _timing, run: _run, ...rest } = JSON.parse(line) as Record<string, unknown>
      return JSON.stringify(rest)
    })
}
