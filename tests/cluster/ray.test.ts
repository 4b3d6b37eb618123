// The Ray executor against Ray: a cluster of this one machine.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MixlabError } from '@mixlab/core'
import type { Executor } from '@mixlab/studies'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { executorContract } from '../../plugins/executors/test/contract.ts'
import { createExecutor } from '../../plugins/executors/test/create-executor.ts'
import {
  appears,
  isAlive,
  jobOf,
  programs,
  read,
  startsOf,
  statesWhen,
  sweepDirectory,
} from '../../plugins/executors/test/jobs.ts'
import { type RayCluster, rayMissing, startRay } from './ray.ts'

const missing = rayMissing()
if (missing !== undefined) console.log(`skipped: the Ray executor, ${missing}`)

describe.skipIf(missing !== undefined)('ray', () => {
  let cluster: RayCluster

  beforeAll(async () => {
    cluster = await startRay(8)
  }, 180_000)

  afterAll(() => cluster.stop(), 60_000)

  const config = () => ({ address: cluster.address, pollSeconds: 0.3 })

  function open(directory: string, more: Record<string, unknown> = {}, warnings: string[] = []): Executor {
    const executor = createExecutor('ray', { ...config(), ...more }, directory, { jobs: 8, warnings })
    onTestFinished(async () => {
      await executor.cancel([...(await executor.poll(0)).keys()], 0)
      await executor[Symbol.asyncDispose]()
    })
    return executor
  }

  describe('the contract', () => {
    executorContract('ray', config)
  })

  test('cores are reserved, their number is the job’s threads; what waits is cancelled without having started', async () => {
    const directory = sweepDirectory()
    const executor = open(directory, { cpus: 8 })
    const program = `fs.writeFileSync(file('threads'), process.env.MIXLAB_THREADS)\n${programs.untilTold}`
    await executor.submit(jobOf(directory, 'a', program))
    await appears(join(directory, 'a.threads'))
    expect(read(directory, 'a', 'threads')).toBe('8')
    await executor.submit(jobOf(directory, 'b', program))
    await executor.submit(jobOf(directory, 'c', program))
    await pause(3000)
    expect(startsOf(directory, 'b')).toEqual([])
    await executor.cancel(['b'], 1000)
    expect((await executor.poll(0)).get('b')).toEqual({
      state: 'ended',
      code: null,
      reason: 'cancelled before it started',
    })
    writeFileSync(join(directory, 'a.go'), '')
    writeFileSync(join(directory, 'c.go'), '')
    const states = await statesWhen(executor, ['a', 'c'])
    expect([states['a'], states['c']]).toEqual([0, 0].map((code) => ({ state: 'ended', code })))
    // Ray did give it its turn; had it run, it would wait for a file that never comes.
    expect(startsOf(directory, 'b')).toEqual([])
    const again = executor.submit(jobOf(directory, 'b', programs.exit(5)))
    expect(await again).toMatch(/-b-2$/)
    expect((await statesWhen(executor, ['b']))['b']).toEqual({ state: 'ended', code: 5 })
  }, 180_000)

  test('a node that is lost with its job: the job is submitted again and goes on', async () => {
    const directory = sweepDirectory()
    const warnings: string[] = []
    const executor = open(directory, { resources: { worker: 1 } }, warnings)
    onTestFinished(() => cluster.killWorkers())
    await cluster.startWorker()
    await executor.submit(jobOf(directory, 'lost', programs.resumable))
    await appears(join(directory, 'lost.ready'))
    const first = startsOf(directory, 'lost')[0]!
    cluster.killWorkers()
    await cluster.startWorker()
    const states = await statesWhen(executor, ['lost'], undefined, 200_000)
    expect(states['lost']).toEqual({ state: 'ended', code: 0 })
    expect(startsOf(directory, 'lost')).toHaveLength(2)
    expect(warnings).toEqual([expect.stringMatching(/^lost: Ray lost the job \(.*\); submitting it again$/)])
    // Ray gave the job up before its process had ended; the second waited for that.
    expect(isAlive(first)).toBe(false)
  }, 300_000)

  test('the head node killed and brought back: a warning, and its jobs are submitted again', async () => {
    const directory = sweepDirectory()
    const warnings: string[] = []
    const executor = open(directory, {}, warnings)
    await executor.submit(jobOf(directory, 'before', programs.resumable))
    await executor.submit(jobOf(directory, 'finishes', programs.untilTold))
    await appears(join(directory, 'before.ready'))
    await appears(join(directory, 'finishes.starts'))
    await statesWhen(executor, ['before', 'finishes'], (state) => state?.state === 'running')
    cluster.killHead()
    // Ends before Ray's watcher finds out, and nobody but its script can tell how.
    writeFileSync(join(directory, 'finishes.go'), '')
    await executor.poll(2000)
    expect(warnings).toEqual([
      expect.stringMatching(/^Ray does not answer \(ECONN\w+ at http:.*\); asking again until it does$/),
    ])
    const submission = executor.submit(jobOf(directory, 'during', programs.exit(4)))
    await pause(2000)
    await cluster.startHead()
    await submission
    const states = await statesWhen(executor, ['before', 'finishes', 'during'], undefined, 200_000)
    expect(states).toEqual({
      before: { state: 'ended', code: 0 },
      finishes: { state: 'ended', code: 0 },
      during: { state: 'ended', code: 4 },
    })
    expect(startsOf(directory, 'before')).toHaveLength(2)
    expect(startsOf(directory, 'finishes')).toHaveLength(1)
    expect(startsOf(directory, 'during')).toHaveLength(1)
    expect(warnings).toContain('Ray answers again')
  }, 300_000)

  test('what Ray’s nodes cannot find is said in the log', async () => {
    const directory = sweepDirectory()
    const executor = open(directory)
    const job = { ...jobOf(directory, 'a', ''), command: ['no-such-program'], folder: join(directory, 'nowhere') }
    await executor.submit(job)
    expect((await statesWhen(executor, ['a']))['a']).toEqual({ state: 'ended', code: 127 })
    expect(readFileSync(job.log, 'utf8')).toMatch(/cd: .*nowhere: No such file or directory/)
  }, 120_000)
})

test.for<[Record<string, unknown>, RegExp]>([
  [
    { address: 'http://127.0.0.1:9' },
    /^executor ray: no Ray cluster answers \(ECONNREFUSED at http:\/\/127.0.0.1:9\); start one with `ray start --head`, or name its dashboard: address=/,
  ],
])('a cluster that is not there is one clear line: %j', async ([config, message]) => {
  const directory = sweepDirectory()
  const submission = createExecutor('ray', config, directory).submit(jobOf(directory, 'a', ''))
  await expect(submission).rejects.toThrow(MixlabError)
  await expect(submission).rejects.toThrow(message)
})

test('an address that is none is refused before anything is submitted', () => {
  expect(() => createExecutor('ray', { address: 'ray://head:10001' }, sweepDirectory())).toThrow(
    'executor ray: the address is "ray://head:10001", expected that of Ray’s dashboard, e.g. http://HEAD:8265: set address, or RAY_API_SERVER_ADDRESS',
  )
})
