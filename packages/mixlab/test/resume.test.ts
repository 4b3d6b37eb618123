import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openRun } from 'mixlab'

const bin = fileURLToPath(new URL('../src/bin.ts', import.meta.url))
const script = fileURLToPath(new URL('fixtures/tiny.ts', import.meta.url))

/** Runs `npx mixlab` in the folder, until `enough` says to kill it. */
async function mixlab(folder: string, args: readonly string[], enough?: () => boolean, threads = 2): Promise<string> {
  const env = { ...process.env, MIXLAB_THREADS: String(threads), NO_COLOR: '1' }
  const child = spawn(process.execPath, [bin, 'run', script, '--no-report', ...args], { cwd: folder, env })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (text += data.toString()))
  const ended = new Promise((resolve) => child.on('close', resolve))
  while (enough && child.exitCode === null && !enough()) await delay(2)
  if (enough) child.kill('SIGKILL')
  await ended
  return text
}

const runOf = (folder: string, name: string): string => {
  const runs = join(folder, 'runs/tiny')
  if (!existsSync(runs)) return join(runs, 'none')
  return join(runs, readdirSync(runs).find((id) => id.endsWith(name)) ?? 'none')
}

/** The log without what depends on the clock, the run's name, and the word that it was resumed. */
const events = (path: string): string[] =>
  readFileSync(join(path, 'events.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.includes('"run.resumed"'))
    .map((line) => {
      const { time: _time, timing: _timing, name: _name, ...rest } = JSON.parse(line) as Record<string, unknown>
      return JSON.stringify(rest)
    })

const stepsLogged = (path: string): number => {
  try {
    return readFileSync(join(path, 'events.jsonl'), 'utf8').split('"train.step"').length - 1
  } catch {
    return 0
  }
}

test('one seed gives one run, on one thread or two, killed and resumed or not, bit for bit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [, killedOutput] = await Promise.all([
    mixlab(folder, ['--name', 'whole'], undefined, 1),
    mixlab(folder, ['--name', 'killed'], () => stepsLogged(runOf(folder, 'killed')) >= 17),
  ])
  const [whole, killed] = [runOf(folder, 'whole'), runOf(folder, 'killed')]
  expect(stepsLogged(killed)).toBeLessThan(80)
  expect((await openRun(killed)).status, killedOutput).toBe('interrupted')

  const output = await mixlab(folder, ['--resume', 'killed'])
  expect(output).toMatch(/resumed[^]*finished in/)
  // From the last checkpoint before the kill, whenever that came.
  const resumed = /"run.resumed".*"step":(\d+)/.exec(readFileSync(join(killed, 'events.jsonl'), 'utf8'))
  expect(Number(resumed?.[1]) % 7).toBe(0)
  expect(Number(resumed?.[1])).toBeGreaterThanOrEqual(14)
  expect(events(killed)).toEqual(events(whole))
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    const [a, b] = [whole, killed].map((path) => readFileSync(join(path, 'checkpoints/step-00000080', file)))
    expect(a!.equals(b!)).toBe(true)
  }
  const [wholeResult, killedResult] = await Promise.all(
    [whole, killed].map(async (path) => (await openRun(path)).result),
  )
  expect(killedResult).toEqual(wholeResult)
})
