// Python programs that read back what trackers wrote.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const python = process.env['MIXLAB_PEER_PYTHON'] ?? 'python3'

/** Why Python cannot import these modules; undefined if it can. Says so once. */
export function withoutPython(...modules: readonly string[]): string | undefined {
  const found = spawnSync(python, ['-c', modules.map((name) => `import ${name}`).join('; ')], { encoding: 'utf8' })
  if (found.status === 0) return undefined
  const reason = `${python} cannot import ${modules.join(', ')}: set MIXLAB_PEER_PYTHON to one that can`
  console.warn(`skipped: ${reason}`)
  return reason
}

const environment = { MLFLOW_ALLOW_FILE_STORE: 'true', MLFLOW_DISABLE_TELEMETRY: 'true' }

/** What a Python program prints last, as JSON. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a cast with a name
export function runPython<T>(program: string, ...args: readonly string[]): T {
  const env = { ...process.env, ...environment }
  const ended = spawnSync(python, ['-c', program, ...args], { encoding: 'utf8', env, maxBuffer: 1 << 28 })
  if (ended.status !== 0) throw new Error(ended.stderr)
  return JSON.parse(ended.stdout.trim().split('\n').at(-1)!) as T
}

export function pythonModule(module: string, ...args: readonly string[]): string {
  const env = { ...process.env, ...environment }
  const ended = spawnSync(python, ['-m', module, ...args], { encoding: 'utf8', env })
  if (ended.status !== 0) throw new Error(ended.stderr + ended.stdout)
  return ended.stdout
}

/** A new folder that goes away when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-trackers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
