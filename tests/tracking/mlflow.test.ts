// A run with children at a real MLflow server, on SQLite: what Python's client reads back is what the run says.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRun, pushRunTo, readEvents, runExperiment } from '@mixlab/lab'
import { counting } from '../../packages/lab/test/fixtures/counting.ts'
import { start } from '../../packages/lab/test/fixtures/processes.ts'
import { mixlab, root, temporaryFolder } from '../e2e/mixlab.ts'
import { everything } from '../e2e/everything.ts'
import { faultProxy } from './fault-proxy.ts'
import { type MlflowServer, mlflowServer, runPython, withoutPython } from './mlflow-server.ts'

const reason = withoutPython('mlflow')
if (reason !== undefined) console.warn(`mlflow.test.ts is skipped: ${reason}`)

const program = `
import json, sys
from mlflow import MlflowClient
c = MlflowClient(tracking_uri=sys.argv[1])
def read(r):
    i, d = r.info, r.data
    return {'id': i.run_id, 'status': i.status, 'start': i.start_time, 'end': i.end_time, 'params': d.params, 'tags': d.tags,
      'metrics': {k: [[m.step, m.timestamp, m.value] for m in c.get_metric_history(i.run_id, k)] for k in d.metrics},
      'artifacts': {a.path: open(c.download_artifacts(i.run_id, a.path)).read() for a in c.list_artifacts(i.run_id) if not a.is_dir}}
e = c.get_experiment_by_name(sys.argv[2])
print(json.dumps({r.info.run_name: read(r) for r in c.search_runs([e.experiment_id])}))`

interface ReadRun {
  readonly id: string
  readonly status: string
  readonly start: number
  readonly end: number
  readonly params: Record<string, string>
  readonly tags: Record<string, string>
  readonly metrics: Record<string, [step: number, time: number, value: number][]>
  readonly artifacts: Record<string, string>
}

let server: MlflowServer
let uri: string
let storage: string

beforeAll(async () => {
  if (reason !== undefined) return
  storage = mkdtempSync(join(tmpdir(), 'mixlab-mlflow-'))
  server = await mlflowServer({
    store: `sqlite:///${join(storage, 'mlflow.db')}`,
    artifacts: join(storage, 'artifacts'),
  })
  ;({ uri } = server)
})

afterAll(async () => {
  if (reason !== undefined) return
  await server.kill()
  rmSync(storage, { recursive: true, force: true })
})

test.skipIf(reason !== undefined)('a run with children, live; what Python reads back', async () => {
  const folder = temporaryFolder()
  const { path } = await runExperiment(counting, {
    runs: join(folder, 'runs'),
    config: { steps: 60, pauseMs: 10, children: ['one', 'two'] },
    track: [{ name: 'mlflow', uri, experiment: 'family' }],
    trackSeconds: 100,
    onTracked: (outcomes) => expect(outcomes).toEqual([{ tracker: 'mlflow', bytes: 0, runs: 0 }]),
    onEnd: async ({ path: directory }) => writeFileSync(join(directory, 'report.html'), '<html>ä</html>'),
  })
  const record = await openRun(path)
  const read = runPython<Record<string, ReadRun>>(program, [uri, 'family'])
  expect(Object.keys(read).toSorted()).toEqual([record.id, 'one', 'two'])
  const parent = read[record.id]!
  expect(parent).toMatchObject({
    status: 'FINISHED',
    start: Date.parse(record.startedAt),
    end: Date.parse(record.finishedAt!),
  })
  expect(parent.params).toMatchObject({ seed: '1', steps: '60', children: '["one","two"]', failAt: 'null' })
  expect(parent.artifacts).toEqual({
    'report.html': '<html>ä</html>',
    'run.json': readFileSync(join(path, 'run.json'), 'utf8'),
  })
  for (const child of record.children) {
    const found = read[child.name!]!
    expect(found).toMatchObject({
      status: 'FINISHED',
      tags: { 'mlflow.parentRunId': parent.id, 'mixlab.engine': 'none' },
    })
    const wanted: [number, number, number][] = []
    for await (const event of readEvents(child.path))
      if (event.type === 'train.step') wanted.push([event.step, event.time, event.loss])
    expect(wanted).toHaveLength(60)
    expect(found.metrics['train/loss']!.toSorted((a, b) => a[0] - b[0])).toEqual(wanted)
  }
  const before = JSON.stringify(read)
  expect((await pushRunTo(path, {})).get('mlflow')).toBe(0)
  expect(JSON.stringify(runPython(program, [uri, 'family']))).toBe(before)
})

test.skipIf(reason !== undefined)(
  'a run whose process is killed is told to have been, by what is left of it',
  async () => {
    const folder = temporaryFolder()
    const options = {
      runs: join(folder, 'runs'),
      config: { steps: 4000, pauseMs: 5 },
      track: [{ name: 'mlflow', uri, experiment: 'killed' }],
    }
    const run = start('run-counting.ts', JSON.stringify(options))
    await run.until('\n')
    const path = run.output().split('\n')[0]!
    const file = join(path, 'trackers/mlflow.json')
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('"id"'))
    run.process.kill('SIGKILL')
    await run.ended
    await until(() => !existsSync(join(path, 'trackers/mlflow.lock')))
    const [found] = Object.values(runPython<Record<string, ReadRun>>(program, [uri, 'killed']))
    expect(found!.status).toBe('KILLED')
    const steps: number[] = []
    for await (const event of readEvents(path)) if (event.type === 'train.step') steps.push(event.step)
    expect(found!.metrics['train/loss']!.map(([step]) => step).toSorted((a, b) => a - b)).toEqual(steps)
  },
)

test.skipIf(reason !== undefined)('a password reaches the server and nothing else', async () => {
  const folder = temporaryFolder()
  const proxy = await faultProxy(server.port)
  const canary = 'canary-7f3a91'
  const runs = join(folder, 'runs')
  mkdirSync(runs)
  const args = [
    'run',
    join(root, 'packages/cli/test/fixtures/plain.ts'),
    '--runs',
    runs,
    '--track',
    'mlflow,csv,tensorboard',
  ]
  const env = { MLFLOW_TRACKING_URI: proxy.uri, MLFLOW_TRACKING_USERNAME: 'user', MLFLOW_TRACKING_PASSWORD: canary }
  const well = await mixlab([...args, '--set', 'pauseMs=100'], { env })
  expect(well.code, well.stderr).toBe(0)
  proxy.choose = (path) => (path.includes('/experiments/search') ? 'none' : 'error-before')
  const badly = await mixlab([...args, '--track-wait', '1'], { env })
  expect(badly.code).toBe(0)
  expect(badly.stderr).toMatch(
    /tracker mlflow: .* not sent \(.*500.*\); send the rest with: mixlab runs push \S+ --runs \S+ --to mlflow$/m,
  )
  proxy.choose = undefined
  const pushed = await mixlab(['runs', 'push', 'latest', '--runs', runs, '--to', 'mlflow'], { env })
  expect(pushed.code, pushed.stderr).toBe(0)
  expect(pushed.stdout).toMatch(/mlflow +\d+ events sent/)
  const sent = Buffer.from(`user:${canary}`).toString('base64')
  expect(proxy.requests.some(({ authorization }) => authorization === `Basic ${sent}`)).toBe(true)
  const visible = [well, badly, pushed].map(({ stdout, stderr }) => stdout + stderr).join('') + everything(runs)
  expect(visible).toContain('"mlflow"')
  expect(visible).not.toContain(canary)
  expect(visible).not.toContain(sent)
  expect(JSON.stringify(runPython(program, [uri, 'plain']))).not.toContain(canary)
})
