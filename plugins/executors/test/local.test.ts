// Processes of this machine: the contract, and how cores and GPUs are shared out.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MixlabError, usableProcessors } from '@mixlab/core'
import { describe, expect, test } from 'vitest'
import { isRunning, runningProcess, startOf } from '../src/local-process.ts'
import { executorContract } from './contract.ts'
import { createExecutor } from './create-executor.ts'
import { appears, jobOf, programs, read, startsOf, statesWhen, sweepDirectory } from './jobs.ts'

describe('the contract', () => {
  executorContract('local', () => ({}))
})

test.for<[Record<string, unknown>, number | undefined, number, number]>([
  [{ cores: 16 }, undefined, 4, 4],
  [{ cores: 2 }, undefined, 1, 2],
  [{ cores: 16, threads: 2 }, undefined, 8, 2],
  [{ cores: 16 }, 3, 3, 5],
  [{ cores: 2 }, 8, 8, 1],
  [{ cores: 32, gpus: '0,1,2,3' }, undefined, 4, 8],
  [{ cores: 32, gpus: [4, 5, 6, 7], gpusPerJob: 2 }, undefined, 2, 16],
  [{ cores: 1000 }, 1, 1, 256],
  [{}, 1, 1, usableProcessors()],
])('%j with jobs %j: %i slots of %i threads', async ([config, jobs, slots, threads]) => {
  const directory = sweepDirectory()
  const executor = createExecutor('local', config, directory, jobs === undefined ? {} : { jobs })
  expect(executor.slots).toBe(slots)
  await executor.submit(jobOf(directory, 'a', `fs.writeFileSync(file('threads'), process.env.MIXLAB_THREADS)`))
  await statesWhen(executor, ['a'])
  expect(read(directory, 'a', 'threads')).toBe(String(threads))
})

test('each job has GPUs that no other has, and a slot is given out again', async () => {
  const directory = sweepDirectory()
  const executor = createExecutor('local', { gpus: '0,1,2,3', gpusPerJob: 2 }, directory)
  const job = (name: string) =>
    jobOf(directory, name, `fs.writeFileSync(file('gpus'), process.env.CUDA_VISIBLE_DEVICES)\n${programs.untilTold}`)
  const gpus = (name: string) => read(directory, name, 'gpus')
  await Promise.all(['a', 'b'].map((name) => executor.submit(job(name))))
  for (const name of ['a', 'b']) await appears(join(directory, `${name}.gpus`))
  expect([gpus('a'), gpus('b')].toSorted((x, y) => x.localeCompare(y))).toEqual(['0,1', '2,3'])
  writeFileSync(join(directory, 'b.go'), '')
  await statesWhen(executor, ['b'])
  await executor.submit(job('c'))
  await appears(join(directory, 'c.gpus'))
  expect(gpus('c')).toBe(gpus('b'))
  await executor.cancel(['a', 'c'], 0)
})

test('a process is told from a later one with its number', async () => {
  const directory = sweepDirectory()
  const executor = createExecutor('local', {}, directory)
  const id = await executor.submit(jobOf(directory, 'a', programs.untilTold))
  await appears(join(directory, 'a.starts'))
  const record = join(directory, 'executor', 'local', 'a')
  const { pid, start } = runningProcess(record)!
  expect(id).toBe(`${pid}@${start}`)
  expect(pid).toBe(startsOf(directory, 'a')[0])
  expect(isRunning({ pid, start })).toBe(true)
  expect(isRunning({ pid, start: String(Number(start) - 1) })).toBe(false)
  expect(isRunning({ pid: process.pid, start })).toBe(false)
  expect(startOf(2 ** 22 + 1)).toBe('')
  await executor.cancel(['a'], 0)
  expect(runningProcess(record)).toBeUndefined()
})

test('its own session keeps the terminal’s Ctrl-C from a job, and it is the first to go when memory runs out', async () => {
  const directory = sweepDirectory()
  const executor = createExecutor('local', {}, directory)
  await executor.submit(jobOf(directory, 'a', programs.untilTold))
  await appears(join(directory, 'a.starts'))
  const pid = startsOf(directory, 'a')[0]!
  const [, , group, session] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  expect([Number(group), Number(session)]).toEqual([pid, pid])
  expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('500\n')
  await executor.cancel(['a'], 0)
})

test('a command that does not exist has ended with 127, a folder that does not exist is said at once', async () => {
  const directory = sweepDirectory()
  const executor = createExecutor('local', {}, directory)
  const job = { ...jobOf(directory, 'a', ''), command: ['no-such-program'] }
  await executor.submit(job)
  expect((await statesWhen(executor, ['a']))['a']).toEqual({ state: 'ended', code: 127 })
  expect(readFileSync(job.log, 'utf8')).toContain('no-such-program')
  const lost = executor.submit({ ...job, name: 'b', folder: join(directory, 'nowhere') })
  await expect(lost).rejects.toThrow(MixlabError)
  await expect(lost).rejects.toThrow(/nowhere.*does the folder exist/)
  expect((await executor.poll(0)).has('b')).toBe(false)
})

test('once the executor is disposed, jobs go on and nothing is started any more', async () => {
  const directory = sweepDirectory()
  const executor = createExecutor('local', {}, directory)
  await executor.submit(jobOf(directory, 'a', programs.resumable))
  await appears(join(directory, 'a.ready'))
  await executor[Symbol.asyncDispose]()
  process.kill(startsOf(directory, 'a')[0]!, 'SIGUSR2')
  await appears(join(directory, 'a.saved'))
  await pause(500)
  expect(startsOf(directory, 'a')).toHaveLength(1)
})
