// Whole sweeps on a cluster of this one machine: SLURM with a time limit that no trial meets in one piece and a node's daemon
// that is killed in the middle, and Ray with a worker node that is killed. Both end with the right trials, each step once.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openStudy } from '@mixlab/studies'
import { describe, expect, onTestFinished, test } from 'vitest'
import { onlyRun, start, temporaryFolder } from '../e2e/mixlab.ts'
import { rayMissing, startRay } from './ray.ts'
import { slurmMissing, startSlurm } from './slurm.ts'

const valley = join(import.meta.dirname, '../e2e/fixtures/valley.ts')
const trials = 12

async function checkTrials(runs: string): Promise<void> {
  const study = await openStudy({ path: join(onlyRun(runs), 'journal.log'), name: 'sweep' })
  const problems = study.trials.map(({ state, systemAttributes }) => systemAttributes['mixlab:error'] ?? state)
  expect(problems).toEqual(Array(trials).fill('complete'))
  expect(study.trials.map(({ parameters }) => [parameters['x'], parameters['shape']])).toEqual(
    [-1, 0, 1, 2].flatMap((x) => ['plain', 'rough', 'flat'].map((shape) => [x, shape])),
  )
  expect(study.best?.parameters).toEqual({ x: 0, shape: 'plain' })
  const children = join(onlyRun(runs), 'children')
  expect(readdirSync(children)).toHaveLength(trials)
  for (const name of readdirSync(children)) {
    const lines = readFileSync(join(children, name, 'events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
    const events = lines.map((line) => JSON.parse(line) as { type: string; step?: number })
    const steps = events.flatMap(({ type, step }) => (type === 'eval.result' ? [step] : []))
    expect(steps).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  }
}

const sweep = (runs: string, pace: number, ...flags: string[]) =>
  start([
    'sweep',
    valley,
    '--over=x=-1..2:step=1',
    '--over=shape=plain,rough,flat',
    '--sampler=grid',
    `--set=pace=${pace}`,
    `--runs=${runs}`,
    '--no-report',
    ...flags,
  ])

const eventually = async (isSo: () => boolean, seconds: number): Promise<void> => {
  for (const end = Date.now() + 1000 * seconds; !isSo() && Date.now() < end;) await pause(200)
}

const logs = (runs: string): string => {
  try {
    const folder = join(onlyRun(runs), 'logs')
    return readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('')
  } catch {
    return ''
  }
}

const withoutSlurm = slurmMissing()
if (withoutSlurm !== undefined) console.log(`skipped: a sweep on SLURM, ${withoutSlurm}`)

describe.skipIf(withoutSlurm !== undefined)('SLURM', () => {
  test(
    '12 trials, each requeued at its time limit, with the node daemon killed in the middle',
    { timeout: 900_000 },
    async () => {
      const cluster = await startSlurm()
      onTestFinished(() => cluster.stop())
      Object.assign(process.env, cluster.environment)
      onTestFinished(() => void delete process.env['SLURM_CONF'])
      const runs = temporaryFolder()
      // A minute is SLURM's shortest limit; the signal comes up to a minute before its time. A trial takes 40 s.
      const limits = ['time=1', 'signalSeconds=30', 'maxRequeues=20', 'pollSeconds=0.5'].map(
        (one) => `--executor-set=${one}`,
      )
      const driver = sweep(runs, 2000, '--jobs=12', '--executor=slurm', ...limits)
      await eventually(() => logs(runs).includes('out of time: the state is saved'), 300)
      expect(logs(runs)).toContain('out of time: the state is saved')
      cluster.kill('slurmd')
      await pause(3000)
      await cluster.start('slurmd')
      const { code, stderr } = await driver.finished
      expect(code, stderr).toBe(0)
      await checkTrials(runs)
    },
  )
})

const withoutRay = rayMissing()
if (withoutRay !== undefined) console.log(`skipped: a sweep on Ray, ${withoutRay}`)

describe.skipIf(withoutRay !== undefined)('Ray', () => {
  test('12 trials, with a node killed in the middle', { timeout: 900_000 }, async () => {
    const cluster = await startRay(0)
    onTestFinished(() => cluster.stop())
    await cluster.startWorker()
    const runs = temporaryFolder()
    const driver = sweep(
      runs,
      500,
      '--jobs=4',
      '--executor=ray',
      `--executor-set=address=${cluster.address}`,
      '--executor-set=cpus=1',
    )
    await eventually(() => /✓ trial|trial-0003/.test(logs(runs)), 300)
    await pause(4000)
    cluster.killWorkers()
    await cluster.startWorker()
    const { code, stderr } = await driver.finished
    expect(code, stderr).toBe(0)
    await checkTrials(runs)
  })
})
