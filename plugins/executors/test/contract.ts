// What every executor must do, whatever it runs jobs on.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Executor, Job } from '@mixlab/studies'
import { expect, onTestFinished, test } from 'vitest'
import { createExecutor } from './create-executor.ts'
import { appears, awkward, isAlive, jobOf, programs, read, startsOf, statesWhen, sweepDirectory } from './jobs.ts'

const ended = (code: number | null) => ({ state: 'ended', code })

/** @param config called once the system that it names is up */
export function executorContract(name: string, config: () => Record<string, unknown>): void {
  function open(directory: string, jobs = 8, more: Record<string, unknown> = {}): Executor {
    const executor = createExecutor(name, { ...config(), ...more }, directory, { jobs })
    onTestFinished(async () => {
      await executor.cancel([...(await executor.poll(0)).keys()], 0)
      await executor[Symbol.asyncDispose]()
    })
    return executor
  }

  /** A driver in a process of its own. @returns the ids of its jobs, and what kills it */
  async function startDriver(directory: string, jobs: readonly Job[]) {
    const argument = JSON.stringify({ plugin: name, config: config(), directory, jobs })
    const driver = spawn(process.execPath, [join(import.meta.dirname, 'driver.ts'), argument], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ids = await new Promise<string[]>((resolve, reject) => {
      driver.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as string[]))
      driver.once('exit', (code) => reject(new Error(`the driver ended with ${code}`)))
    })
    return {
      ids,
      kill: async () => {
        driver.kill('SIGKILL')
        await new Promise((resolve) => driver.once('exit', resolve))
      },
    }
  }

  test('eight jobs at once: exit codes, environment, folder and logs are each one’s own', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    const program = (code: number) =>
      `console.log(JSON.stringify([process.cwd(), process.env.AWKWARD, Number(process.env.MIXLAB_THREADS) >= 1]))\n${programs.exit(code)}`
    const codes = [0, 1, 2, 3, 7, 42, 0, 130]
    const jobs = codes.map((code, index) => jobOf(directory, `trial-${index}`, program(code)))
    expect(executor.slots).toBe(8)
    const ids = await Promise.all(jobs.map((job) => executor.submit(job)))
    expect(new Set(ids).size).toBe(8)
    const names = jobs.map((job) => job.name)
    const states = await statesWhen(executor, names)
    expect(names.map((name) => states[name])).toEqual(codes.map((code) => ended(code)))
    for (const job of jobs) {
      const log = readFileSync(job.log, 'utf8')
      expect(log).toContain(`hello from ${job.environment['JOB']}\n`)
      expect(log).toContain('and its errors\n')
      expect(log).toContain(JSON.stringify([directory, awkward, true]))
      expect(startsOf(directory, job.name)).toHaveLength(1)
    }
  }, 120_000)

  test('poll waits for a change, no longer than it may', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    await executor.submit(jobOf(directory, 'waiting', programs.untilTold))
    await appears(join(directory, 'waiting.starts'))
    await statesWhen(executor, ['waiting'], (state) => state?.state === 'running')
    const begin = performance.now()
    await executor.poll(300)
    expect(performance.now() - begin).toBeGreaterThan(290)
    expect(performance.now() - begin).toBeLessThan(2000)
    await executor.poll(60_000, AbortSignal.timeout(50))
    expect(performance.now() - begin).toBeLessThan(4000)
    writeFileSync(join(directory, 'waiting.go'), '')
    expect((await executor.poll(60_000)).get('waiting')).toEqual(ended(0))
    expect(performance.now() - begin).toBeLessThan(50_000)
  }, 120_000)

  test('cancel lets a job save its state, kills one that does not obey, and touches no other', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    const jobs = [
      jobOf(directory, 'obeys', programs.resumable),
      jobOf(directory, 'disobeys', programs.stubborn),
      jobOf(directory, 'other', programs.untilTold),
    ]
    await Promise.all(jobs.map((job) => executor.submit(job)))
    for (const file of ['obeys.ready', 'disobeys.ready', 'other.starts']) await appears(join(directory, file))
    await executor.cancel(['obeys', 'disobeys'], 3000)
    const states = await executor.poll(0)
    expect(states.get('obeys')).toEqual(ended(130))
    expect(read(directory, 'obeys', 'saved')).toBe('saved')
    expect(states.get('disobeys')).toMatchObject({ ...ended(null), reason: expect.any(String) })
    expect(readFileSync(jobs[1]!.log, 'utf8')).toMatch(/^no$/m)
    expect(isAlive(startsOf(directory, 'disobeys')[0]!)).toBe(false)
    expect(states.get('other')?.state).not.toBe('ended')
    writeFileSync(join(directory, 'other.go'), '')
    expect((await statesWhen(executor, ['other']))['other']).toEqual(ended(0))
    // What was cancelled goes on when it is submitted again, and its log with it.
    await executor.submit(jobs[0]!)
    expect((await statesWhen(executor, ['obeys']))['obeys']).toEqual(ended(0))
    expect(readFileSync(jobs[0]!.log, 'utf8').match(/hello/g)).toHaveLength(2)
  }, 180_000)

  test('a job that is killed has ended, with the reason', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    await executor.submit(jobOf(directory, 'victim', programs.untilTold))
    await appears(join(directory, 'victim.starts'))
    process.kill(startsOf(directory, 'victim')[0]!, 'SIGKILL')
    const states = await statesWhen(executor, ['victim'])
    expect(states['victim']).toEqual({ ...ended(null), reason: 'killed by SIGKILL, perhaps out of memory' })
  }, 120_000)

  test('a job that is out of time is run again, but not for ever', async () => {
    const directory = sweepDirectory()
    const executor = open(directory, 8, { maxRequeues: 2 })
    await executor.submit(jobOf(directory, 'twice', programs.outOfTime(2)))
    await executor.submit(jobOf(directory, 'always', programs.outOfTime(9)))
    const states = await statesWhen(executor, ['twice', 'always'])
    expect(states['twice']).toEqual(ended(0))
    expect(startsOf(directory, 'twice')).toHaveLength(3)
    expect(states['always']).toMatchObject(ended(85))
    expect(startsOf(directory, 'always')).toHaveLength(3)
  }, 240_000)

  test('jobs go on when their driver is killed, and the next driver takes them up, by id or by name', async () => {
    const directory = sweepDirectory()
    const jobs = [jobOf(directory, 'adopted', programs.untilTold), jobOf(directory, 'submitted', programs.untilTold)]
    const driver = await startDriver(directory, jobs)
    for (const job of jobs) await appears(join(directory, `${job.name}.starts`))
    await driver.kill()
    const executor = open(directory)
    expect(await executor.adopt(jobs[0]!, driver.ids[0]!)).toBe(true)
    expect(await executor.submit(jobs[1]!)).toBe(driver.ids[1])
    const running = await statesWhen(executor, ['adopted', 'submitted'], (state) => state?.state === 'running')
    expect(Object.keys(running)).toHaveLength(2)
    for (const job of jobs) writeFileSync(join(directory, `${job.name}.go`), '')
    const states = await statesWhen(executor, ['adopted', 'submitted'])
    // Of a process that is nobody's child the system tells no exit code.
    for (const job of jobs) expect([0, null]).toContain((states[job.name] as { code: number | null }).code)
    for (const job of jobs) expect(startsOf(directory, job.name)).toHaveLength(1)
    // Cancelling reaches what was adopted, too; and what has ended cannot be adopted.
    const another = open(directory)
    expect(await another.adopt(jobs[0]!, driver.ids[0]!)).toBe(false)
    expect((await another.poll(0)).has('adopted')).toBe(false)
  }, 180_000)

  test('an adopted job is cancelled like any other', async () => {
    const directory = sweepDirectory()
    const job = jobOf(directory, 'adopted', programs.resumable)
    const driver = await startDriver(directory, [job])
    await appears(join(directory, 'adopted.ready'))
    await driver.kill()
    const executor = open(directory)
    expect(await executor.adopt(job, driver.ids[0]!)).toBe(true)
    await executor.cancel(['adopted'], 10_000)
    expect((await executor.poll(0)).get('adopted')?.state).toBe('ended')
    expect(existsSync(join(directory, 'adopted.saved'))).toBe(true)
    await pause(200)
    expect(startsOf(directory, 'adopted')).toHaveLength(1)
  }, 120_000)
}
