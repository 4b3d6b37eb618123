// What can go wrong between a run and an MLflow server; afterwards the server holds every point exactly once. On the
// server's file store, which keeps a point twice that it is sent twice (SQL stores keep it once).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pushRunTo, readEvents, runExperiment, type RunOptions } from '@mixlab/lab'
import { counting } from '../../packages/lab/test/fixtures/counting.ts'
import { faultProxy, type Fault } from './fault-proxy.ts'
import { type MlflowServer, mlflowServer, withoutPython } from './mlflow-server.ts'
import { start, temporaryFolder } from '../../packages/lab/test/fixtures/processes.ts'

const reason = withoutPython('mlflow')
if (reason !== undefined) console.warn(`tracking-faults.test.ts is skipped: ${reason}`)

interface StoredPoint {
  readonly key: string
  readonly step: number
  readonly value: number
  readonly time: number
}

/** Every point in the file store, as its lines stand there, by run. */
function storedPoints(store: string, experiment: string): Map<string, StoredPoint[]> {
  const byRun = new Map<string, StoredPoint[]>()
  for (const folder of experimentFolders(store, experiment)) {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    for (const { parentPath, name } of files) {
      const [run = '', kind, ...key] = relative(folder, join(parentPath, name)).split('/')
      if (kind !== 'metrics') continue
      const points = readFileSync(join(parentPath, name), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ').map(Number))
        .map(([time = 0, value = 0, step = 0]) => ({ key: key.join('/'), step, value, time }))
      byRun.set(run, [...(byRun.get(run) ?? []), ...points])
    }
  }
  return byRun
}

const experimentFolders = (store: string, experiment: string): string[] =>
  readdirSync(store)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => join(store, name))
    .filter((folder) => readFileSync(join(folder, 'meta.yaml'), 'utf8').includes(`name: ${experiment}\n`))

const order = (a: StoredPoint, b: StoredPoint) => a.key.localeCompare(b.key) || a.step - b.step || a.time - b.time

/** The points of `train/loss` and `result/value` that the run's log asks for. */
async function loggedPoints(path: string): Promise<StoredPoint[]> {
  const points: StoredPoint[] = []
  for await (const event of readEvents(path)) {
    if (event.type === 'train.step')
      points.push({ key: 'train/loss', step: event.step, value: event.loss, time: event.time })
    if (event.type === 'run.finished' && event.result)
      points.push({ key: 'result/value', step: 0, value: Number(event.result['value']), time: event.time })
  }
  return points.toSorted(order)
}

describe.skipIf(reason !== undefined)('faults', { timeout: 120_000 }, () => {
  let server: MlflowServer
  let folder: string
  let store: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mixlab-faults-'))
    store = join(folder, 'store')
    server = await mlflowServer({ store, artifacts: join(folder, 'artifacts') })
  }, 180_000)

  afterAll(async () => {
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Nothing lost, nothing twice: of all keys, and of the values of two. */
  async function expectExactlyOnce(path: string, experiment: string, times = true): Promise<void> {
    const [points = [], ...others] = storedPoints(store, experiment).values()
    expect(others).toEqual([])
    const seen = points.map(({ key, step }) => `${key} ${step}`)
    expect(seen.length).toBe(new Set(seen).size)
    const wanted = await loggedPoints(path)
    expect(wanted.length).toBeGreaterThan(10)
    const kept = points.filter(({ key }) => key === 'train/loss' || key === 'result/value').toSorted(order)
    const timeless = (list: StoredPoint[]) => list.map(({ key, step, value }) => ({ key, step, value }))
    if (times) expect(kept).toEqual(wanted)
    else expect(timeless(kept)).toEqual(timeless(wanted))
  }

  const options = (uri: string, experiment: string, more: RunOptions = {}): RunOptions => ({
    runs: temporaryFolder(),
    config: { steps: 150, every: 20, pauseMs: 20 },
    track: [{ name: 'mlflow', uri, experiment }],
    ...more,
  })

  async function runUnder(
    name: string,
    fault: Fault,
    heal: boolean,
  ): Promise<{ path: string; left: number; problems: string[] }> {
    const proxy = await faultProxy(server.port)
    let [turn, faults] = [0, 0]
    // Every other request, so that some points of each metric arrive and some are in doubt.
    proxy.choose = () => (turn++ % 2 === 0 || (heal && faults++ >= 4) ? 'none' : fault)
    let left = 0
    const run = runExperiment(counting, {
      ...options(proxy.uri, name),
      // What is healed arrives, however busy the machine; what is not would be tried again for as long.
      trackSeconds: heal ? 60 : 6,
      onTracked: (outcomes) => (left = outcomes.reduce((sum, { bytes, runs }) => sum + bytes + runs, 0)),
    })
    const { path } = await run
    proxy.choose = undefined
    const problems: string[] = []
    for await (const event of readEvents(path)) if (event.type === 'subscriber.failed') problems.push(event.message)
    await pushRunTo(path, {})
    return { path, left, problems }
  }

  for (const fault of ['error-before', 'error-after', 'reset-after', 'busy'] as const) {
    test(`${fault} for a while: caught up within the run`, async () => {
      const { path, left, problems } = await runUnder(`healed-${fault}`, fault, true)
      expect(left).toBe(0)
      expect(problems.length).toBeGreaterThan(0)
      await expectExactlyOnce(path, `healed-${fault}`)
    })
  }

  test('answers that are lost until the end: pushed later', async () => {
    const { path } = await runUnder('lost-answers', 'error-after', false)
    await expectExactlyOnce(path, 'lost-answers')
  })

  test('a server that nobody answers at: the run ends in its time, and is pushed later, twice', async () => {
    const began = performance.now()
    let outcomes: unknown
    const { path } = await runExperiment(counting, {
      ...options('http://127.0.0.1:9', 'refused'),
      trackSeconds: 1,
      onTracked: (given) => (outcomes = given),
    })
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(outcomes).toMatchObject([
      { tracker: 'mlflow', runs: 1, problem: expect.stringMatching(/No server answers there/) },
    ])
    const trackSet = [`mlflow.uri=${server.uri}`]
    expect((await pushRunTo(path, { trackSet })).get('mlflow')).toBeGreaterThan(150)
    await expectExactlyOnce(path, 'refused')
    expect((await pushRunTo(path, { trackSet })).get('mlflow')).toBe(0)
    rmSync(join(path, 'trackers'), { recursive: true })
    const track = [{ name: 'mlflow', uri: server.uri, experiment: 'refused' }]
    expect((await pushRunTo(path, { track })).get('mlflow')).toBeGreaterThan(150)
    await expectExactlyOnce(path, 'refused')
  })

  test('latency: the end does not wait for it', async () => {
    const proxy = await faultProxy(server.port)
    proxy.fault = { latencyMs: 30_000 }
    const began = performance.now()
    const { path } = await runExperiment(counting, { ...options(proxy.uri, 'latency'), trackSeconds: 1 })
    expect(performance.now() - began).toBeLessThan(15_000)
    proxy.fault = 'none'
    await pushRunTo(path, {})
    await expectExactlyOnce(path, 'latency')
  })

  test('a run that is killed, with what sends it, and goes on from an earlier step', async () => {
    const runs = temporaryFolder()
    const given = options(server.uri, 'killed', { runs, config: { steps: 600, every: 50, pauseMs: 20 } })
    const killed = start('run-counting.ts', JSON.stringify(given))
    await killed.until('\n')
    const path = killed.output().split('\n')[0]!
    // Between two checkpoints, when steps after the first have arrived.
    while (![...storedPoints(store, 'killed').values()].flat().some(({ step }) => step > 60)) await delay(50)
    const lock = JSON.parse(readFileSync(join(path, 'trackers/mlflow.lock'), 'utf8')) as { pid: number }
    process.kill(lock.pid, 'SIGKILL')
    killed.process.kill('SIGKILL')
    await killed.ended
    const { status } = await runExperiment(counting, { runs, resume: path })
    expect(status).toBe('finished')
    await pushRunTo(path, {})
    await expectExactlyOnce(path, 'killed', false)
  })

  test('the server is killed in the middle and comes back', async () => {
    const run = runExperiment(
      counting,
      options(server.uri, 'restarted', { config: { steps: 400, every: 50, pauseMs: 20 } }),
    )
    while (storedPoints(store, 'restarted').size === 0) await delay(50)
    await server.kill()
    await delay(1500)
    await server.start()
    const { path } = await run
    await pushRunTo(path, {})
    await expectExactlyOnce(path, 'restarted')
  })

  test('a run of which the server knows nothing any more is sent anew', async () => {
    const { path } = await runExperiment(counting, options(server.uri, 'forgotten'))
    for (const folder of experimentFolders(store, 'forgotten')) {
      const runs = readdirSync(folder).filter((name) => /^[\da-f]{32}$/.test(name))
      for (const run of runs) rmSync(join(folder, run), { recursive: true })
    }
    await pushRunTo(path, {})
    await expectExactlyOnce(path, 'forgotten')
  })
})
