// The executors' parts that need no cluster: the table of states, exit statuses, SLURM's columns and complaints, the script
// that runs a job, and Ray's answers when something is wrong.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describeFields, MixlabError } from '@mixlab/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endedByStatus, endedByWait, endedWith } from '../src/ended.ts'
import { executors } from '../src/index.ts'
import { jobScript } from '../src/job-script.ts'
import { createOutage } from '../src/outage.ts'
import { createRayClient, isRayOutage } from '../src/ray-client.ts'
import { isStuck, parseQueue, stateOf } from '../src/slurm-queue.ts'
import { complaint } from '../src/slurm-tools.ts'
import { createStateTable } from '../src/state-table.ts'
import { textsOf } from '../src/text-list.ts'
import { appears, jobOf, programs, read, startsOf, sweepDirectory } from './jobs.ts'

test('every field of every executor says what it is', () => {
  for (const plugin of executors) {
    const fields = describeFields(plugin.config)
    expect(fields.length).toBeGreaterThan(4)
    expect(fields.filter((field) => field.description === undefined)).toEqual([])
  }
})

test('a list is written in several ways', () => {
  expect(textsOf('0, 1,2')).toEqual(['0', '1', '2'])
  expect(textsOf(3)).toEqual(['3'])
  expect(textsOf([4, 'MIG-5'])).toEqual(['4', 'MIG-5'])
  expect(textsOf([])).toEqual([])
})

describe('the table of states', () => {
  test('wakes who waits, tells each change once, and remembers one that nobody waited for', async () => {
    const table = createStateTable()
    table.set('a', { state: 'pending' })
    expect((await table.poll(60_000)).get('a')).toEqual({ state: 'pending' })
    const begin = performance.now()
    setTimeout(() => table.set('a', { state: 'running' }), 50)
    expect((await table.poll(60_000)).get('a')).toEqual({ state: 'running' })
    table.set('a', { state: 'running' })
    await table.poll(200)
    expect(performance.now() - begin).toBeGreaterThan(200)
    expect(performance.now() - begin).toBeLessThan(10_000)
    await table.poll(60_000, AbortSignal.abort())
    table.set('a', endedWith(0))
    expect(await table.ended(['a', 'unknown'], 60_000)).toEqual([])
    expect((await table.poll(60_000)).get('a')).toEqual(endedWith(0))
  })

  test('looks at most as often as it may, never twice at once, and only while somebody waits', async () => {
    let looks = 0
    let at = 0
    const table = createStateTable(100, async () => {
      expect(++at).toBe(1)
      looks++
      await pause(20)
      at--
    })
    await Promise.all([table.poll(450), table.poll(450), table.ended(['a'], 450)])
    for (let i = 0; i < 50; i++) await table.poll(1)
    expect(looks).toBeGreaterThanOrEqual(3)
    expect(looks).toBeLessThanOrEqual(6)
    const before = looks
    await pause(300)
    expect(looks).toBe(before)
  })

  test('a look that takes long delays nobody, one that fails is thrown', async () => {
    const slow = createStateTable(10, () => pause(5000))
    const begin = performance.now()
    await slow.poll(100)
    expect(performance.now() - begin).toBeLessThan(3000)
    const failing = createStateTable(10, () => Promise.reject(new Error('no permission')))
    await expect(failing.poll(1000)).rejects.toThrow('no permission')
  })
})

test('an outage is told once, and its end', async () => {
  const warnings: string[] = []
  const outage = createOutage(
    'SLURM',
    () => true,
    (message) => warnings.push(message),
    new AbortController().signal,
  )
  let tries = 0
  const answer = await outage.retry(async () => {
    if (++tries < 3) throw new Error('connect failure')
    return 7
  })
  expect(answer).toBe(7)
  expect(warnings).toEqual([
    'SLURM does not answer (connect failure); asking again until it does',
    'SLURM answers again',
  ])
  const strict = createOutage(
    'SLURM',
    () => false,
    () => undefined,
    new AbortController().signal,
  )
  await expect(strict.attempt(() => Promise.reject(new Error('invalid')))).rejects.toThrow('invalid')
})

test('exit statuses of shells and of wait', () => {
  expect(endedByStatus(0)).toEqual({ state: 'ended', code: 0 })
  expect(endedByStatus(85)).toEqual({ state: 'ended', code: 85 })
  // A trial that was asked to end, not one killed by SIGINT.
  expect(endedByStatus(130)).toEqual({ state: 'ended', code: 130 })
  expect(endedByStatus(255)).toEqual({ state: 'ended', code: 255 })
  expect(endedByStatus(137)).toMatchObject({ code: null, reason: 'killed by SIGKILL, perhaps out of memory' })
  expect(endedByStatus(139)).toMatchObject({ code: null, reason: 'killed by SIGSEGV' })
  expect(endedByWait(3 << 8)).toEqual({ state: 'ended', code: 3 })
  expect(endedByWait(9)).toMatchObject({ code: null, reason: 'killed by SIGKILL, perhaps out of memory' })
  // With a core dumped.
  expect(endedByWait(11 | 0x80)).toMatchObject({ code: null, reason: 'killed by SIGSEGV' })
})

test('SLURM’s columns', () => {
  const line = (...cells: string[]) => cells.map((cell, i) => cell.padEnd(i < 5 ? 20 : 200)).join('')
  const [running, waiting, held, failed] = parseQueue(
    `${line('17', '3', 'RUNNING', '0', '1', 'mixlab-a b', 'None')}
${line('17', '4', 'PENDING', '0', '0', 'mixlab-a b', 'Nodes required for job are DOWN, DRAINED')}
${line('17', '5', 'PENDING', '0', '1', 'mixlab-a b', 'launch failed requeued held')}
${line('17', '6', 'FAILED', '21760', '0', 'mixlab-a b', 'NonZeroExitCode')}
`,
  )
  expect(running).toEqual({
    id: '17_3',
    jobName: 'mixlab-a b',
    state: 'RUNNING',
    waitStatus: 0,
    restarts: 1,
    reason: 'None',
  })
  expect(stateOf(waiting!)).toEqual({ state: 'pending' })
  expect([isStuck(waiting!), isStuck(held!)]).toEqual([false, true])
  expect(stateOf(failed!)).toEqual({ state: 'ended', code: 85 })
  expect(stateOf({ ...failed!, state: 'OUT_OF_MEMORY' })).toEqual(endedWith(null, 'out of memory: raise memory'))
})

test('sbatch’s complaint is one line', () => {
  const said =
    'sbatch: error: invalid partition specified: x\nsbatch: error: Batch job submission failed: Invalid partition name specified\n'
  expect(complaint(said)).toBe('invalid partition specified: x; Invalid partition name specified')
})

describe('the script that runs a job', () => {
  function start(program: string, more: Partial<Parameters<typeof jobScript>[1]> = {}) {
    const directory = sweepDirectory()
    const job = jobOf(directory, 'a', program)
    const exits = join(directory, 'exits')
    const script = join(directory, 'a.sh')
    // A scheduler's log folder exists before.
    const text = jobScript(
      { ...job, log: join(directory, 'a.log') },
      { exits, lock: join(directory, 'lock'), threads: '5', forward: ['USR2', 'TERM'], ...more },
    )
    writeFileSync(script, text)
    const child = spawn('bash', [script], { stdio: 'inherit', detached: true })
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
    return { directory, child, ended, exits: () => readFileSync(exits, 'utf8') }
  }

  test('hands a signal on to the command and notes how it ended', async () => {
    const { directory, child, ended, exits } = start(programs.resumable)
    await appears(join(directory, 'a.ready'))
    child.kill('SIGUSR2')
    expect(await ended).toBe(85)
    expect(exits()).toBe('85\n')
    expect(read(directory, 'a', 'saved')).toBe('saved')
  })

  test('outlives signals that the command survives', async () => {
    const { directory, child, ended, exits } = start(`process.on('SIGUSR2', () => {})\n${programs.stubborn}`)
    await appears(join(directory, 'a.ready'))
    for (const signal of ['SIGTERM', 'SIGUSR2', 'SIGTERM'] as const) {
      child.kill(signal)
      await pause(100)
    }
    process.kill(startsOf(directory, 'a')[0]!, 'SIGKILL')
    expect(await ended).toBe(137)
    expect(exits()).toBe('137\n')
    expect(readFileSync(join(directory, 'a.log'), 'utf8').match(/^no$/gm)).toHaveLength(2)
  })

  test('does more before and after', async () => {
    const { directory, ended } = start(`fs.writeFileSync(file('env'), process.env.X + process.env.MIXLAB_THREADS)`, {
      setup: ['export X=before'],
      after: ['[ "$code" = 0 ] && code=7'],
    })
    expect(await ended).toBe(7)
    expect(read(directory, 'a', 'env')).toBe('before5')
  })

  test('when it is killed alone, the command saves its state and ends', async () => {
    const { directory, child, ended } = start(programs.resumable)
    await appears(join(directory, 'a.ready'))
    child.kill('SIGKILL')
    await ended
    await appears(join(directory, 'a.saved'))
  })

  test('waits for an earlier process of the same job, and ends without starting when it is told so', async () => {
    const lock = join(sweepDirectory(), 'lock')
    const deaf = `process.on('SIGTERM', () => {}); fs.writeFileSync(file('ready'), 'ready')`
    const first = start(`${deaf}\n${programs.untilTold}`, { lock })
    await appears(join(first.directory, 'a.ready'))
    // Its shell is gone, the command itself goes on.
    first.child.kill('SIGKILL')
    await first.ended
    const [second, third] = [start(programs.exit(3), { lock }), start(programs.exit(3), { lock })]
    await appears(join(second.directory, 'a.log'))
    await appears(join(third.directory, 'a.log'))
    third.child.kill('SIGTERM')
    expect(await third.ended).toBe(130)
    expect(third.exits()).toBe('130\n')
    expect([...startsOf(second.directory, 'a'), ...startsOf(third.directory, 'a')]).toEqual([])
    writeFileSync(join(first.directory, 'a.go'), '')
    expect(await second.ended).toBe(3)
    expect(readFileSync(join(second.directory, 'a.log'), 'utf8')).toMatch(/^waiting for an earlier process/)
  })

  test('where the kill file exists, a command that was told ends at once, and none is started', async () => {
    const folder = sweepDirectory()
    const killFile = join(folder, 'kill')
    const first = start(programs.stubborn, { killFile, forward: ['USR2'] })
    await appears(join(first.directory, 'a.ready'))
    // As Ray does it: to the shell and to the command.
    process.kill(-first.child.pid!, 'SIGTERM')
    await pause(1500)
    expect(first.child.exitCode).toBe(null)
    writeFileSync(killFile, '')
    expect(await first.ended).toBe(137)
    expect(readFileSync(join(first.directory, 'a.log'), 'utf8').match(/^no$/gm)).toHaveLength(1)
    const second = start(programs.exit(0), { killFile })
    await second.ended
    expect(startsOf(second.directory, 'a')).toEqual([])
    expect(second.exits()).toBe('130\n')
  })
})

test('Ray’s refusals, and the answers of a head node that is not ready', async () => {
  let answer = { status: 200, body: '{}' }
  const headers: (string | undefined)[] = []
  const server = createServer((request, response) => {
    headers.push(request.headers.authorization)
    response.writeHead(answer.status).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    delete process.env['RAY_AUTH_TOKEN']
  })
  const address = server.address()
  process.env['RAY_AUTH_TOKEN'] = 'secret'
  const client = createRayClient(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`)
  await expect(client.version()).rejects.toThrow(/is not Ray’s dashboard/)
  expect(headers).toEqual(['Bearer secret'])
  answer = { status: 404, body: 'no' }
  expect(await client.job('a')).toBeUndefined()
  answer = { status: 401, body: 'no' }
  await expect(client.job('a')).rejects.toThrow(/refused the request \(401\); set RAY_AUTH_TOKEN/)
  answer = { status: 500, body: 'Traceback\n  File x\nValueError: Job a already exists' }
  await expect(client.job('a')).rejects.toThrow(MixlabError)
  await expect(client.job('a')).rejects.toThrow(/answered 500: ValueError: Job a already exists$/)
  answer = { status: 500, body: 'RuntimeError: No available agent to submit job, please try again later.' }
  await expect(client.job('a')).rejects.toSatisfy(isRayOutage)
  answer = { status: 503, body: '' }
  await expect(client.job('a')).rejects.toSatisfy(isRayOutage)
})
