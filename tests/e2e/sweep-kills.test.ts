// SIGKILL, at random moments, of a sweep's driver, of its trials' processes, or of both; resumed each time. At the end there
// are exactly the stated trials, every step of every run is there once, and the best point is the one of a sweep that nobody
// disturbed. MIXLAB_KILLS says how often (2 a sampler; 50 at night).
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { RandomStream } from '@mixlab/core'
import { openStudy, type Trial } from '@mixlab/studies'
import { expect, test } from 'vitest'
import { mixlab, onlyRun, start, temporaryFolder } from './mixlab.ts'

const valley = join(import.meta.dirname, 'fixtures/valley.ts')
const kills = Number(process.env['MIXLAB_KILLS'] ?? 2)
const space = ['--over', 'x=-1..1:step=0.5', '--over', 'shape=plain,flat']
const trials = 8

const sweepFlags = (runs: string, sampler: string, pace: number) => [
  'sweep',
  valley,
  ...space,
  '--sampler',
  sampler,
  `--trials=${trials}`,
  '--jobs=2',
  '--seed=3',
  `--set=pace=${pace}`,
  `--runs=${runs}`,
  '--no-report',
  '--quiet',
]

/** Processes of the sweeps in a folder: drivers and trials. */
function processesOf(runs: string): { pid: number; isTrial: boolean }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      if (!words.includes('sweep') || !words.some((word) => word.includes(runs))) return []
      return [{ pid: Number(name), isTrial: words.includes('trial') }]
    } catch {
      return []
    }
  })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** Whether there is a sweep to resume; what was killed before it had begun is taken away. */
function begun(runs: string): boolean {
  const folder = join(runs, 'valley')
  for (const id of existsSync(folder) ? readdirSync(folder) : [])
    if (!existsSync(join(folder, id, 'run.json'))) rmSync(join(folder, id), { recursive: true })
  return existsSync(folder) && readdirSync(folder).length > 0
}

async function outcome(runs: string): Promise<{ trials: readonly Trial[]; best: Trial | undefined }> {
  const study = await openStudy({ path: join(onlyRun(runs), 'journal.log'), name: 'sweep' })
  return { trials: study.trials, best: study.best }
}

test.skipIf(process.platform !== 'linux').each(['grid', 'random', 'sobol'])(
  'a %s sweep that is killed and resumed ends as one that was not',
  { timeout: 120_000 + 60_000 * kills },
  async (sampler) => {
    const undisturbed = temporaryFolder()
    expect((await mixlab(sweepFlags(undisturbed, sampler, 0))).code).toBe(0)
    const runs = temporaryFolder()
    const rng = new RandomStream(Number(process.env['MIXLAB_SEED'] ?? 1)).stream(sampler)
    let first = true
    for (let count = 0; count < kills; count++) {
      const driver = start(
        first ? sweepFlags(runs, sampler, 60) : ['sweep', 'resume', '--runs', runs, '--no-report', '--quiet'],
      )
      const ended = driver.finished.then(() => true)
      // From before there is a directory to the middle of a trial.
      await Promise.race([ended, delay(500 + 4000 * rng.uniform())])
      const whom = rng.integer(3)
      const found = processesOf(runs)
      for (const { pid, isTrial } of found) if (whom === 2 || isTrial === (whom === 1)) kill(pid)
      if (whom === 1) {
        await Promise.race([ended, delay(1000)])
        driver.process.kill('SIGKILL')
      }
      await ended
      first = !begun(runs)
    }
    const last = await mixlab(
      first ? sweepFlags(runs, sampler, 0) : ['sweep', 'resume', '--runs', runs, '--no-report', '--quiet'],
    )
    if (!last.stderr.includes('has finished')) expect(last.code, last.stderr).toBe(0)
    const [expected, found] = [await outcome(undisturbed), await outcome(runs)]
    expect(found.trials.map(({ state, systemAttributes }) => systemAttributes['mixlab:error'] ?? state)).toEqual(
      Array(trials).fill('complete'),
    )
    expect(found.trials.map(({ parameters }) => parameters)).toEqual(
      expected.trials.map(({ parameters }) => parameters),
    )
    expect(found.best?.parameters).toEqual(expected.best?.parameters)
    const children = join(onlyRun(runs), 'children')
    for (const name of readdirSync(children)) {
      const lines = readFileSync(join(children, name, 'events.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
      const events = lines.map((line) => JSON.parse(line) as { type: string; step?: number })
      expect(events.flatMap(({ type, step }) => (type === 'eval.result' ? [step] : []))).toEqual(
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
    }
  },
)
