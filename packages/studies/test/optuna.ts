// The Optuna that interoperation is tested against: a python3 that has it, or MIXLAB_PEER_PYTHON.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'

const candidates = [process.env['MIXLAB_PEER_PYTHON'], 'python3'].filter((path) => path !== undefined)

/** A python3 that has the module; undefined, with the reason printed, where there is none. */
export function pythonWith(module: string): string | undefined {
  const found = candidates.find((python) => spawnSync(python, ['-c', `import ${module}`]).status === 0)
  if (found === undefined)
    console.log(`skipped: no python3 has ${module} (tried ${candidates.join(', ')}; set MIXLAB_PEER_PYTHON to one)`)
  return found
}

export const peer = (script: string): string => join(import.meta.dirname, 'peer', script)
export const ownProcess = (script: string): string => join(import.meta.dirname, 'processes', script)

export const runPython = (python: string, script: string, ...args: string[]): string =>
  execFileSync(python, [peer(script), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly problems: string
}

/** Starts a program; `ended` resolves when it has ended, however it did. */
export function start(program: string, ...args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, problems] = ['', '']
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  child.stderr.on('data', (data: Buffer) => (problems += data.toString()))
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, output, problems })))
  return { child, ended }
}

export const numbersIn = (output: string): number[] => output.trim().split('\n').filter(Boolean).map(Number)
