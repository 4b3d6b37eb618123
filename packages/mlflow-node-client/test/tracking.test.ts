// Experiments, runs and metrics against a real server; Python's client reads back what ours wrote, and the other way.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMlflowClient, MlflowError, type MetricPoint, type MlflowClient } from '../src/index.ts'
import { gather, literal, type MlflowServer, type Peer, peerHas, startMlflow, startPeer } from './support/mlflow.ts'

describe.skipIf(!peerHas('tracking', 'mlflow'))('tracking', { timeout: 120_000 }, () => {
  let server: MlflowServer
  let peer: Peer
  let client: MlflowClient

  beforeAll(async () => {
    server = await startMlflow()
    peer = startPeer(server.url)
    client = createMlflowClient({ trackingUri: server.url, environment: {}, retries: 2 })
  }, 180_000)

  afterAll(async () => {
    client.close()
    await peer[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const coded = (errorCode: string) => (error: unknown) => {
    if (!MlflowError.is(error)) throw error
    expect(error.errorCode).toBe(errorCode)
    expect(error.message).toContain(server.url)
  }

  const newRun = async (name: string): Promise<string> => {
    const { experimentId } = await client.experiments.getOrCreate('tracking')
    return (await client.runs.create({ experimentId, runName: name })).runId
  }

  it('tells the server’s version', async () => {
    expect(await client.serverVersion()).toBe(await peer.run('result = mlflow.__version__'))
  })

  it('makes, finds, renames, tags, deletes and restores experiments', async () => {
    const id = await client.experiments.create('the first', { tags: { note: 'grüße 🌍', 'a/b': '1' } })
    expect(
      await peer.run(
        `e = client.get_experiment(${literal(id)}); result = [e.name, e.tags, e.lifecycle_stage, e.artifact_location, e.creation_time]`,
      ),
    ).toEqual(
      await client.experiments
        .get(id)
        .then((e) => [e.name, e.tags, e.lifecycleStage, e.artifactLocation, e.creationTime]),
    )
    await client.experiments.create('the first').then(() => expect.fail(), coded('RESOURCE_ALREADY_EXISTS'))
    await client.experiments.get('99999').then(() => expect.fail(), coded('RESOURCE_DOES_NOT_EXIST'))
    await client.experiments.rename(id, 'renamed')
    await client.experiments.setTag(id, 'note', 'changed')
    await client.experiments.deleteTag(id, 'a/b')
    expect(await peer.run(`e = client.get_experiment_by_name('renamed'); result = [e.experiment_id, e.tags]`)).toEqual([
      id,
      { note: 'changed' },
    ])
    expect((await client.experiments.getByName('renamed'))?.experimentId).toBe(id)
    expect(await client.experiments.getByName('the first')).toBeUndefined()
    expect((await client.experiments.getOrCreate('renamed')).experimentId).toBe(id)

    await client.experiments.delete(id)
    expect((await client.experiments.get(id)).lifecycleStage).toBe('deleted')
    await expect(client.experiments.getOrCreate('renamed')).rejects.toThrow(/deleted; restore it/)
    expect((await gather(client.experiments.search({ viewType: 'DELETED_ONLY' }))).map(({ name }) => name)).toEqual([
      'renamed',
    ])
    await client.experiments.restore(id)
    expect(await peer.run(`result = client.get_experiment(${literal(id)}).lifecycle_stage`)).toBe('active')
  })

  it('goes through experiments page by page', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `paged ${index}`)
    for (const name of names) await client.experiments.create(name)
    const found = await gather(
      client.experiments.search({ filter: "name LIKE 'paged%'", orderBy: ['name ASC'], pageSize: 3 }),
    )
    expect(found.map(({ name }) => name)).toEqual(names)
  })

  it('takes the experiment and the run from the environment', async () => {
    const by = (environment: Record<string, string>) =>
      createMlflowClient({ environment: { MLFLOW_TRACKING_URI: server.url, ...environment } })
    const named = await by({ MLFLOW_EXPERIMENT_NAME: 'from the environment' }).runs.create()
    const experimentId = await peer.run<string>(
      `result = client.get_experiment_by_name('from the environment').experiment_id`,
    )
    expect(named.experimentId).toBe(experimentId)
    expect((await by({ MLFLOW_EXPERIMENT_ID: experimentId }).runs.create()).experimentId).toBe(experimentId)
    expect((await by({}).runs.create()).experimentId).toBe('0')
    await client.runs.finish(named.runId)
    const resumed = await by({ MLFLOW_RUN_ID: named.runId }).runs.start()
    expect(resumed).toMatchObject({ runId: named.runId, status: 'RUNNING' })
    await expect(
      by({ MLFLOW_EXPERIMENT_ID: '0', MLFLOW_EXPERIMENT_NAME: 'from the environment' }).runs.create(),
    ).rejects.toThrow(/set one of them/)
  })

  it('makes, changes, ends, deletes and restores runs', async () => {
    const experimentId = await client.experiments.create('lives of runs')
    const parent = await client.runs.create({
      experimentId,
      runName: 'parent',
      startTime: 1_700_000_000_123,
      tags: { a: 'b' },
    })
    const child = await client.runs.create({ experimentId, runName: 'child', parentRunId: parent.runId })
    expect(
      await peer.run(
        `r = client.get_run(${literal(parent.runId)}); result = [r.info.run_name, r.info.start_time, r.info.status, r.data.tags['a'], r.info.artifact_uri]`,
      ),
    ).toEqual(['parent', 1_700_000_000_123, 'RUNNING', 'b', parent.artifactUri])
    expect(await peer.run(`result = client.get_parent_run(${literal(child.runId)}).info.run_id`)).toBe(parent.runId)
    await client.runs.update(parent.runId, { status: 'FAILED', endTime: 1_700_000_001_000, runName: 'renamed' })
    expect(
      await peer.run(
        `r = client.get_run(${literal(parent.runId)}); result = [r.info.run_name, r.info.end_time, r.info.status]`,
      ),
    ).toEqual(['renamed', 1_700_000_001_000, 'FAILED'])
    const before = Date.now()
    const finished = await client.runs.finish(child.runId)
    expect(finished.status).toBe('FINISHED')
    expect(finished.endTime).toBeGreaterThanOrEqual(before)
    await client.runs.delete(child.runId)
    expect((await client.runs.get(child.runId)).lifecycleStage).toBe('deleted')
    await client.runs.restore(child.runId)
    expect(await peer.run(`result = client.get_run(${literal(child.runId)}).info.lifecycle_stage`)).toBe('active')
    await client.runs.get('f'.repeat(32)).then(() => expect.fail(), coded('RESOURCE_DOES_NOT_EXIST'))
  })

  it('logs parameters, tags and points; the other side reads the same, NaN and infinities too', async () => {
    const runId = await newRun('values')
    const values = [0, -0.5, 1e-310, 1 / 3, 2 ** 53, 1.5e300, Number.NaN, Infinity, -Infinity]
    const timestamp = 1_700_000_000_000
    await client.runs.logBatch(runId, {
      params: { 'router/k': 2, balanced: true, name: 'top-k: größer', long: 'x'.repeat(6000), empty: '' },
      tags: { 'my.tag': 'line one\nline two "quoted" \\ 🌍', long: 'y'.repeat(8000) },
      metrics: values.map((value, step) => ({ key: 'all values', value, timestamp: timestamp + step, step: step - 2 })),
    })
    const run = await client.runs.get(runId)
    expect(run.params).toEqual({
      'router/k': '2',
      balanced: 'true',
      name: 'top-k: größer',
      long: 'x'.repeat(6000),
      empty: '',
    })
    expect(run.params).toEqual(await peer.run(`result = client.get_run(${literal(runId)}).data.params`))
    expect(run.tags).toEqual(await peer.run(`result = client.get_run(${literal(runId)}).data.tags`))
    expect(run.tags['my.tag']).toBe('line one\nline two "quoted" \\ 🌍')

    const ours = await gather(client.runs.metricHistory(runId, 'all values'))
    expect(ours.map(({ value, step, timestamp: at }) => [value, step, at])).toEqual(
      values.map((value, step) => [value, step - 2, timestamp + step]),
    )
    const theirs = await peer.run(
      `result = [[m.value, m.step, m.timestamp] for m in client.get_metric_history(${literal(runId)}, 'all values')]`,
    )
    const stored = ['NaN', Number.MAX_VALUE, -Number.MAX_VALUE]
    expect(theirs).toEqual([...values.slice(0, 6), ...stored].map((value, step) => [value, step - 2, timestamp + step]))
    expect(run.metrics.map(({ key, value }) => [key, value])).toEqual([['all values', -Infinity]])
  })

  it('reads what Python wrote', async () => {
    const runId = await peer.run<string>(`
r = client.create_run('0', run_name='by Python')
i = r.info.run_id
client.log_metric(i, 'm', float('nan'), timestamp=5, step=1); client.log_metric(i, 'm', float('inf'), timestamp=6, step=2)
client.log_param(i, 'p', 'ü'); client.set_tag(i, 't', '1'); result = i`)
    const run = await client.runs.get(runId)
    expect(run).toMatchObject({ runName: 'by Python', params: { p: 'ü' } })
    expect(run.tags['t']).toBe('1')
    expect((await gather(client.runs.metricHistory(runId, 'm'))).map(({ value }) => value)).toEqual([
      Number.NaN,
      Infinity,
    ])
  })

  it('cuts what is too much for one request, and every point arrives once', async () => {
    const runId = await newRun('much')
    const points: MetricPoint[] = Array.from({ length: 2750 }, (_, index) => ({
      key: `m${index % 3}`,
      value: Math.sin(index),
      step: Math.floor(index / 3),
      timestamp: 1_700_000_000_000 + index,
    }))
    const params = Object.fromEntries(Array.from({ length: 230 }, (_, index) => [`p${index}`, 'é'.repeat(6000)]))
    const tags = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`t${index}`, `${index}`]))
    await client.runs.logBatch(runId, { metrics: points, params, tags }, { concurrency: 3 })
    // The same again changes nothing: a SQL store keeps equal points once, equal parameters are accepted.
    await client.runs.logBatch(runId, { metrics: points, params, tags })
    const read = await Promise.all(
      ['m0', 'm1', 'm2'].map((key) => gather(client.runs.metricHistory(runId, key, { pageSize: 400 }))),
    )
    const expected = (key: string) =>
      points.filter((point) => point.key === key).map(({ step, value }) => [step, value])
    expect(read.map((history) => history.map(({ step, value }) => [step, value]))).toEqual(
      ['m0', 'm1', 'm2'].map(expected),
    )
    expect(
      await peer.run(`
d = client.get_run(${literal(runId)}).data
result = [len(d.params), len({k for k in d.tags if k.startswith('t')}), set(d.params.values()) == {'é' * 6000}, sum(len(client.get_metric_history(${literal(runId)}, f'm{k}')) for k in range(3))]`),
    ).toEqual([230, 130, true, 2750])
  })

  it('sets and deletes tags one by one, and logs one metric', async () => {
    const runId = await newRun('one by one')
    await client.runs.setTag(runId, 'keep', '1')
    await client.runs.setTags(runId, { drop: '2', other: '3' })
    await client.runs.deleteTag(runId, 'drop')
    await client.runs.logParams(runId, { lr: 0.001 })
    await client.runs.logMetric(runId, { key: 'loss', value: 0.25, step: 3 })
    const { tags, metrics, params } = await client.runs.get(runId)
    expect(tags).toMatchObject({ keep: '1', other: '3' })
    expect(tags).not.toHaveProperty('drop')
    expect(params).toEqual({ lr: '0.001' })
    expect(metrics).toMatchObject([{ key: 'loss', value: 0.25, step: 3 }])
    await client.runs.logParams(runId, { lr: 0.01 }).then(() => expect.fail(), coded('INVALID_PARAMETER_VALUE'))
  })

  it('logs datasets and models as inputs and outputs', async () => {
    const runId = await newRun('inputs')
    const { modelId } = await client.loggedModels.create({ experimentId: '0', name: 'm' })
    const dataset = {
      name: 'corpus',
      digest: 'abc123',
      sourceType: 'local',
      source: '{"uri":"/data"}',
      schema: '{"rows":3}',
      profile: '{"n":1}',
    }
    await client.runs.logInputs(runId, {
      datasets: [{ ...dataset, context: 'training', tags: { split: 'a' } }],
      modelIds: [modelId],
    })
    await client.runs.logOutputs(runId, [{ modelId, step: 4 }])
    const run = await client.runs.get(runId)
    expect(run.datasets).toEqual([{ ...dataset, context: 'training', tags: { split: 'a' } }])
    expect(run.modelInputs).toEqual([modelId])
    expect(run.modelOutputs).toEqual([{ modelId, step: 4 }])
    expect(
      await peer.run(`
i = client.get_run(${literal(runId)})
d = i.inputs.dataset_inputs[0]
result = [d.dataset.name, d.dataset.digest, d.dataset.source_type, d.dataset.source, d.dataset.schema, d.dataset.profile, {t.key: t.value for t in d.tags}, [m.model_id for m in i.inputs.model_inputs], [[m.model_id, m.step] for m in i.outputs.model_outputs]]`),
    ).toEqual([...Object.values(dataset), { 'mlflow.data.context': 'training', split: 'a' }, [modelId], [[modelId, 4]]])
  })

  it('searches runs with filters and orders, page by page', async () => {
    const experimentId = await client.experiments.create('searched')
    for (let index = 0; index < 8; index++) {
      const { runId } = await client.runs.create({
        experimentId,
        runName: `run ${index}`,
        tags: { parity: index % 2 ? 'odd' : 'even' },
      })
      await client.runs.logBatch(runId, {
        metrics: [{ key: 'loss', value: 10 - index }],
        params: { router: index < 4 ? 'top-k' : 'switch' },
      })
    }
    const names = async (filter: string, pageSize: number): Promise<string[]> =>
      (
        await gather(
          client.runs.search({ experimentIds: [experimentId], filter, orderBy: ['metrics.loss ASC'], pageSize }),
        )
      ).map(({ runName }) => runName)
    expect(await names('', 3)).toEqual([7, 6, 5, 4, 3, 2, 1, 0].map((index) => `run ${index}`))
    expect(await names("params.router = 'switch' and tags.parity = 'odd' and metrics.loss <= 5", 1)).toEqual([
      'run 7',
      'run 5',
    ])
    await gather(client.runs.search({ experimentIds: [experimentId], filter: 'loss <' })).then(
      () => expect.fail(),
      coded('INVALID_PARAMETER_VALUE'),
    )
    const first = client.runs.search({ experimentIds: [experimentId], pageSize: 1 })
    for await (const run of first) {
      expect(run.experimentId).toBe(experimentId)
      break
    }
  })

  it('refuses the names that the server refuses, and no others', async () => {
    const runId = await newRun('names')
    const bad = [
      '',
      'a@b',
      'a=b',
      'a//b',
      '../a',
      '/a',
      'a/',
      './a',
      '..a',
      'a/../b',
      '.',
      'a\\b',
      'é?',
      'x'.repeat(251),
      'a\nb',
    ]
    const good = ['a', 'a b', 'a:b', 'größe', 'a/b/c', 'a.b-c_d', 'a..', '中文', 'x'.repeat(250), 'a²', 'Ⅷ', 'a ']
    const theirs = (key: string) =>
      peer.run<string>(`
from mlflow.utils.rest_utils import http_request
from mlflow.utils.credentials import get_default_host_creds
r = http_request(get_default_host_creds(${literal(server.url)}), '/api/2.0/mlflow/runs/log-batch', 'POST', json={'run_id': ${literal(runId)}, 'metrics': [{'key': ${literal(key)}, 'value': 1, 'timestamp': 1}]})
result = r.status_code`)
    const ours = (key: string) =>
      client.runs.logMetric(runId, { key, value: 2 }).then(
        () => 200,
        (error: MlflowError) => error.errorCode,
      )
    for (const key of good) expect([key, await theirs(key), await ours(key)]).toEqual([key, 200, 200])
    // A key that is too long, the server takes on SQLite: the column's length is not enforced there.
    for (const key of bad) {
      expect([key, await ours(key)]).toEqual([key, 'INVALID_ARGUMENT'])
      if (key.length <= 250) expect([key, await theirs(key)]).not.toEqual([key, 200])
    }
  })
})
