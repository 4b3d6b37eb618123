// The file store as MLflow's own client reads it, and as `mlflow migrate-filestore` turns it into a database.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pushRun } from '@mixlab/tracking'
import { mlruns } from '../src/index.ts'
import { pythonModule, runPython, temporaryFolder, withoutPython } from './peer.ts'
import { config, eventsOf, losses, runFile, startedAt, writeFamily, writeRun } from './synthetic-run.ts'

const reason = withoutPython('mlflow')

const push = async (root: string, folder: string) =>
  pushRun({
    tracker: await mlruns.create(mlruns.config.parse({ folder, checkpoints: true }), {} as never),
    name: 'mlruns',
    config: { folder },
    root,
  })

const program = `
import json, sys
from mlflow import MlflowClient
c = MlflowClient(tracking_uri=sys.argv[1])
e = c.get_experiment_by_name('synthetic')
runs = c.search_runs([e.experiment_id])
print(json.dumps([{
  'id': r.info.run_id, 'name': r.info.run_name, 'status': r.info.status, 'start': r.info.start_time, 'end': r.info.end_time, 'user': r.info.user_id,
  'params': r.data.params, 'tags': r.data.tags,
  'metrics': {k: [[m.step, m.timestamp, repr(m.value)] for m in c.get_metric_history(r.info.run_id, k)] for k in r.data.metrics},
  'datasets': [[d.dataset.name, d.dataset.digest, d.dataset.profile] for d in r.inputs.dataset_inputs],
  'artifacts': sorted(a.path for a in c.list_artifacts(r.info.run_id)),
} for r in runs]))`

interface ReadRun {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly start: number
  readonly end: number
  readonly params: Record<string, string>
  readonly tags: Record<string, string>
  readonly metrics: Record<string, [step: number, time: number, value: string][]>
  readonly datasets: [name: string, digest: string, profile: string][]
  readonly artifacts: string[]
}

const read = (uri: string): Map<string, ReadRun> =>
  new Map(runPython<ReadRun[]>(program, uri).map((run) => [run.name, run]))

/** Python's words for numbers. */
const numberOf = (text: string): number =>
  text === 'nan' ? Number.NaN : text.endsWith('inf') ? Number(`${text.slice(0, -3)}Infinity`) : Number(text)

function expectFamily(runs: Map<string, ReadRun>, stored: (value: number) => number): void {
  const id = '20261130-120000-test'
  expect([...runs.keys()].toSorted()).toEqual([id, 'first', 'second'])
  const root = runs.get(id)!
  expect(root).toMatchObject({ status: 'FINISHED', start: startedAt, end: startedAt + 60_000 })
  expect(root.params).toMatchObject({ seed: '7', 'model.router.name': 'top-k', sizes: '[1,2]', note: config.note })
  expect(root.tags).toMatchObject({
    'mlflow.source.git.commit': 'f'.repeat(40),
    'mlflow.source.name': '/experiments/synthetic.ts',
    'mixlab.engine': 'cpu',
    'mixlab.machine.host': 'here',
    'mixlab.versions.node': '24',
  })
  const points = root.metrics['train/loss']!.toSorted((a, b) => a[1] - b[1])
  expect(points.map(([step, time, value]) => [step, time, numberOf(value)])).toEqual(
    losses.map((loss, index) => [index + 1, startedAt + 1000 * (index + 1), stored(loss)]),
  )
  expect(root.datasets).toEqual([['default corpus', 'ab'.repeat(18), expect.stringContaining('"training":1000')]])
  for (const [name, status] of [
    ['first', 'FINISHED'],
    ['second', 'KILLED'],
  ] as const) {
    expect(runs.get(name)).toMatchObject({ status, tags: { 'mlflow.parentRunId': root.id } })
    expect(runs.get(name)!.metrics['validation/loss']).toEqual([[losses.length, startedAt + 50_000, '0.75']])
  }
  expect(root.artifacts).toEqual(['artifacts', 'report.html', 'run.json'])
}

test.skipIf(reason !== undefined)('MLflow reads it, and makes a database of it', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder()
  const [root, store] = [join(folder, 'run'), join(folder, 'mlruns')]
  writeFamily(root)
  await push(root, store)
  expectFamily(read(store), (value) => value)
  const database = `sqlite:///${join(folder, 'mlflow.db')}`
  pythonModule('mlflow', 'migrate-filestore', '--source', store, '--target', database)
  // SQL stores keep infinities as the largest number.
  expectFamily(read(database), (value) => (Math.abs(value) === Infinity ? Math.sign(value) * Number.MAX_VALUE : value))
})

/** All metric files' lines. */
const linesOf = (store: string): string[] =>
  readdirSync(store, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('/metrics'))
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name)
      return readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => `${path.slice(store.length)} ${line}`)
    })
    .toSorted()

test('a delivery that was cut off anywhere, or is not remembered, or of a log that was cut, adds no point twice', async () => {
  const folder = temporaryFolder()
  const [root, store] = [join(folder, 'run'), join(folder, 'mlruns')]
  const events = eventsOf([3, 2, 1])
  writeRun(root, runFile(), events)
  await push(root, store)
  const whole = linesOf(store)
  expect(new Set(whole).size).toBe(whole.length)

  // The cursor is older than what arrived, and a line is half written.
  const cursor = join(root, 'trackers/mlruns.json')
  const half = join(folder, 'half')
  writeRun(half, runFile(), events.slice(0, 5))
  await push(half, join(folder, 'other'))
  const early = (
    JSON.parse(readFileSync(join(half, 'trackers/mlruns.json'), 'utf8')) as {
      runs: Record<string, { position: unknown }>
    }
  ).runs['.']!.position
  const changed = JSON.parse(readFileSync(cursor, 'utf8')) as { runs: Record<string, { position: unknown }> }
  changed.runs['.']!.position = early
  writeFileSync(cursor, JSON.stringify(changed))
  await push(root, store)
  expect(linesOf(store)).toEqual(whole)

  // Nothing is remembered.
  rmSync(join(root, 'trackers'), { recursive: true })
  await push(root, store)
  expect(linesOf(store)).toEqual(whole)

  // Resumed: the same steps at other times.
  const later = events.map((event, index) => (index >= 5 ? { ...event, time: event.time + 777 } : event))
  writeRun(root, runFile(), later)
  await push(root, store)
  expect(linesOf(store)).toEqual(whole)
})
