// The SLURM executor against SLURM: a cluster of this one machine.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MixlabError } from '@mixlab/core'
import type { Executor } from '@mixlab/studies'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { executorContract } from '../../plugins/executors/test/contract.ts'
import { createExecutor } from '../../plugins/executors/test/create-executor.ts'
import {
  appears,
  jobOf,
  programs,
  read,
  startsOf,
  statesWhen,
  sweepDirectory,
} from '../../plugins/executors/test/jobs.ts'
import { slurmMissing, startSlurm, type SlurmCluster } from './slurm.ts'

const missing = slurmMissing()
if (missing !== undefined) console.log(`skipped: the SLURM executor, ${missing}`)

describe.skipIf(missing !== undefined)('slurm', () => {
  let cluster: SlurmCluster

  beforeAll(async () => {
    cluster = await startSlurm()
    Object.assign(process.env, cluster.environment)
  }, 60_000)

  afterAll(async () => {
    delete process.env['SLURM_CONF']
    await cluster.stop()
  }, 60_000)

  const config = { pollSeconds: 0.3 }
  const tool = (name: string, ...args: string[]) => execFileSync(name, args, { encoding: 'utf8' }).trim()

  function open(directory: string, more: Record<string, unknown> = {}, warnings: string[] = []): Executor {
    const executor = createExecutor('slurm', { ...config, ...more }, directory, { jobs: 8, warnings })
    onTestFinished(async () => {
      await executor.cancel([...(await executor.poll(0)).keys()], 0)
      await executor[Symbol.asyncDispose]()
    })
    return executor
  }

  describe('the contract', () => {
    executorContract('slurm', () => config)
  })

  test('submissions that come together are one array job, as large and as parallel as is asked', async () => {
    const directory = sweepDirectory()
    const executor = open(directory, { arraySize: 4, concurrency: 2, cpus: 2, time: 10, memory: '100M' })
    const names = Array.from({ length: 6 }, (_, index) => `trial-${index}`)
    const program = `fs.writeFileSync(file('threads'), process.env.MIXLAB_THREADS)\n${programs.untilTold}`
    const ids = await Promise.all(names.map((name) => executor.submit(jobOf(directory, name, program))))
    const arrays = [...new Set(ids.map((id) => id.split('_')[0]))]
    expect(ids).toEqual([0, 1, 2, 3].map((i) => `${arrays[0]}_${i}`).concat([0, 1].map((i) => `${arrays[1]}_${i}`)))
    for (const name of ['trial-0', 'trial-1', 'trial-4', 'trial-5']) {
      await appears(join(directory, `${name}.threads`))
      expect(read(directory, name, 'threads')).toBe('2')
    }
    await pause(1500)
    expect(startsOf(directory, 'trial-2')).toEqual([])
    const shown = tool('scontrol', 'show', 'job', ids[0]!)
    expect(shown).toMatch(/TimeLimit=00:10:00/)
    expect(shown).toMatch(/MinMemoryNode=100M/)
    expect(shown).toMatch(/ArrayTaskThrottle=2/)
    for (const name of names) writeFileSync(join(directory, `${name}.go`), '')
    const states = await statesWhen(executor, names)
    expect(Object.values(states)).toEqual(names.map(() => ({ state: 'ended', code: 0 })))
  }, 120_000)

  test('at its time limit a job is told, saves its state, is requeued and goes on', async () => {
    const directory = sweepDirectory()
    const executor = open(directory, { time: 1, signalSeconds: 20 })
    const job = jobOf(
      directory,
      'long',
      `fs.appendFileSync(file('restarts'), (process.env.SLURM_RESTART_COUNT ?? '-') + '\\n')\n${programs.resumable}`,
    )
    const begin = performance.now()
    const id = await executor.submit(job)
    await appears(join(directory, 'long.saved'), 120_000)
    const states = await statesWhen(executor, ['long'])
    expect(states['long']).toEqual({ state: 'ended', code: 0 })
    expect(read(directory, 'long', 'restarts')).toBe('-\n1\n')
    // Requeued by SLURM, not submitted anew; and without the two minutes that it lets a requeued job wait.
    expect(tool('squeue', '--noheader', '--states=all', '--array', `--jobs=${id}`, '--format=%T')).toBe('COMPLETED')
    expect((performance.now() - begin) / 1000).toBeLessThan(110)
  }, 240_000)

  test('a job that does not save its state in time has ended, and the reason says what to change', async () => {
    const directory = sweepDirectory()
    const executor = open(directory, { time: 1, signalSeconds: 1 })
    const job = jobOf(directory, 'stubborn', `process.on('SIGUSR2', () => {})\n${programs.stubborn}`)
    await executor.submit(job)
    const states = await statesWhen(executor, ['stubborn'], undefined, 200_000)
    expect(states['stubborn']).toEqual({
      state: 'ended',
      code: null,
      reason: 'killed by SLURM at its time limit, its state not saved in time: raise time or signalSeconds',
    })
    expect(readFileSync(job.log, 'utf8')).toContain('DUE TO TIME LIMIT')
  }, 240_000)

  test('slurmd killed and brought back: running jobs go on, waiting ones are run', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    await executor.submit(jobOf(directory, 'before', programs.untilTold))
    await appears(join(directory, 'before.starts'))
    cluster.kill('slurmd')
    await executor.submit(jobOf(directory, 'during', programs.exit(3)))
    await pause(1000)
    await cluster.start('slurmd')
    writeFileSync(join(directory, 'before.go'), '')
    const states = await statesWhen(executor, ['before', 'during'])
    expect(states).toEqual({ before: { state: 'ended', code: 0 }, during: { state: 'ended', code: 3 } })
    expect(startsOf(directory, 'before')).toHaveLength(1)
    expect(startsOf(directory, 'during')).toHaveLength(1)
  }, 180_000)

  test('a node that is lost with its jobs: SLURM requeues them, and they end', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    await executor.submit(jobOf(directory, 'lost', programs.resumable))
    await appears(join(directory, 'lost.ready'))
    // As when the machine loses its power: the daemon, the job's keeper, its script and the job itself.
    cluster.kill('slurmd')
    execFileSync('sh', ['-c', `pkill -KILL -P 1 slurmstepd; kill -9 ${startsOf(directory, 'lost')[0]}`])
    await pause(500)
    await cluster.start('slurmd')
    const states = await statesWhen(executor, ['lost'], undefined, 200_000)
    expect(states['lost']).toEqual({ state: 'ended', code: 0 })
    expect(startsOf(directory, 'lost')).toHaveLength(2)
  }, 240_000)

  test('slurmctld killed and brought back: the executor warns once and waits, for submissions too', async () => {
    const directory = sweepDirectory()
    const warnings: string[] = []
    const executor = open(directory, {}, warnings)
    await executor.submit(jobOf(directory, 'before', programs.untilTold))
    await appears(join(directory, 'before.starts'))
    await statesWhen(executor, ['before'], (state) => state?.state === 'running')
    // It writes what it knows of a new job to its disk within seconds.
    await pause(6000)
    cluster.kill('slurmctld')
    onTestFinished(() => cluster.start('slurmctld'))
    await executor.poll(2000)
    const submission = executor.submit(jobOf(directory, 'during', programs.exit(4)))
    writeFileSync(join(directory, 'before.go'), '')
    await pause(6000)
    expect((await executor.poll(0)).get('before')?.state).toBe('running')
    await cluster.start('slurmctld')
    await submission
    const states = await statesWhen(executor, ['before', 'during'])
    expect(states).toEqual({ before: { state: 'ended', code: 0 }, during: { state: 'ended', code: 4 } })
    expect(startsOf(directory, 'during')).toHaveLength(1)
    expect(warnings).toEqual([
      expect.stringMatching(/^SLURM does not answer \(s\w+: .+\); asking again until it does$/),
      'SLURM answers again',
    ])
  }, 180_000)

  test('a driver killed between submission and noting the array’s id: the next finds it by its name', async () => {
    const directory = sweepDirectory()
    const first = createExecutor('slurm', config, directory)
    const job = jobOf(directory, 'a', programs.untilTold)
    const id = await first.submit(job)
    await first[Symbol.asyncDispose]()
    const folder = join(directory, 'executor', 'slurm')
    const file = join(folder, readdirSync(folder)[0]!, 'batch.json')
    const { id: noted, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { id: string }
    expect(`${noted}_0`).toBe(id)
    writeFileSync(file, JSON.stringify(rest))
    const executor = open(directory)
    expect(await executor.submit(job)).toBe(id)
    writeFileSync(join(directory, 'a.go'), '')
    expect((await statesWhen(executor, ['a']))['a']).toEqual({ state: 'ended', code: 0 })
    expect(startsOf(directory, 'a')).toHaveLength(1)
  }, 120_000)

  test('a waiting job is cancelled without having started', async () => {
    const directory = sweepDirectory()
    const executor = open(directory, { concurrency: 1 })
    await Promise.all(['a', 'b'].map((name) => executor.submit(jobOf(directory, name, programs.untilTold))))
    await appears(join(directory, 'a.starts'))
    await executor.cancel(['b'], 30_000)
    expect((await executor.poll(0)).get('b')).toEqual({ state: 'ended', code: null, reason: 'cancelled' })
    expect(startsOf(directory, 'b')).toEqual([])
    writeFileSync(join(directory, 'a.go'), '')
    expect((await statesWhen(executor, ['a']))['a']).toEqual({ state: 'ended', code: 0 })
  }, 120_000)

  test('a job that can never run is said', async () => {
    const directory = sweepDirectory()
    const warnings: string[] = []
    const executor = open(directory, { options: ['--hold'] }, warnings)
    await executor.submit(jobOf(directory, 'a', programs.exit(0)))
    await executor.poll(0)
    await statesWhen(executor, ['a'], () => warnings.length > 0)
    expect(warnings).toEqual([expect.stringMatching(/^a: SLURM holds job \d+_0 \(JobHeldUser\)/)])
  }, 60_000)

  test.for<[Record<string, unknown>, RegExp]>([
    [
      { partition: 'nope' },
      /^executor slurm: sbatch: invalid partition specified: nope; Invalid partition name specified; see /,
    ],
    [{ memory: '900T' }, /^executor slurm: sbatch: Memory specification can not be satisfied; /],
    [{ gres: 'gpu:1' }, /^executor slurm: sbatch: Invalid generic resource \(gres\) specification; see /],
    [{ time: 'soon' }, /^executor slurm: sbatch: Invalid --time specification; see /],
    [{ options: ['--no-such'] }, /^executor slurm: sbatch: unrecognized option '--no-such'; /],
  ])('what sbatch refuses is one line: %j', async ([more, message]) => {
    const directory = sweepDirectory()
    const submission = open(directory, more).submit(jobOf(directory, 'a', ''))
    await expect(submission).rejects.toThrow(MixlabError)
    await expect(submission).rejects.toThrow(message)
    await submission.catch((error: Error) => expect(error.message).not.toContain('\n'))
    expect(readdirSync(join(directory, 'executor', 'slurm'))).toEqual([])
    expect(existsSync(join(directory, 'logs', 'a.log'))).toBe(false)
  })
})

test('where SLURM is not installed, that is said', async () => {
  const directory = sweepDirectory()
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  onTestFinished(() => {
    process.env['PATH'] = path
  })
  await expect(createExecutor('slurm', {}, directory).submit(jobOf(directory, 'a', ''))).rejects.toThrow(
    'executor slurm: sbatch is not on the PATH; run the sweep where SLURM jobs are submitted (a login node), or choose --executor local',
  )
})
