// The registry, logged models and traces against a real server, with Python's client beside.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMlflowClient, type MlflowClient, newSpanId, newTraceId, type Span } from '../src/index.ts'
import { gather, literal, type MlflowServer, type Peer, peerHas, startMlflow, startPeer } from './support/mlflow.ts'

describe.skipIf(!peerHas('models and traces', 'mlflow'))('models and traces', { timeout: 120_000 }, () => {
  let server: MlflowServer
  let peer: Peer
  let client: MlflowClient

  beforeAll(async () => {
    server = await startMlflow()
    peer = startPeer(server.url)
    client = createMlflowClient({ trackingUri: server.url, environment: {}, retries: 1 })
  }, 180_000)

  afterAll(async () => {
    client.close()
    await peer[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  it('keeps registered models with tags and aliases', async () => {
    const made = await client.registeredModels.create('mixture', {
      description: 'eight experts',
      tags: { kind: 'moe' },
    })
    expect(made).toMatchObject({ name: 'mixture', description: 'eight experts', tags: { kind: 'moe' } })
    await client.registeredModels.create('mixture').then(
      () => expect.fail(),
      (error: unknown) => expect(error).toMatchObject({ errorCode: 'RESOURCE_ALREADY_EXISTS', status: 400 }),
    )
    await client.registeredModels.update('mixture', 'sixteen experts')
    await client.registeredModels.setTag('mixture', 'size', '1B')
    await client.registeredModels.deleteTag('mixture', 'kind')
    expect(await peer.run(`m = client.get_registered_model('mixture'); result = [m.description, m.tags]`)).toEqual([
      'sixteen experts',
      { size: '1B' },
    ])

    const { runId } = await client.runs.create()
    const first = await client.modelVersions.create('mixture', {
      source: `runs:/${runId}/model`,
      runId,
      description: 'v one',
      tags: { a: '1' },
    })
    const second = await client.modelVersions.create('mixture', { source: `runs:/${runId}/model`, runId })
    expect([first.version, second.version, first.status]).toEqual(['1', '2', 'READY'])
    await client.registeredModels.setAlias('mixture', 'champion', '1')
    await client.registeredModels.setAlias('mixture', 'challenger', '2')
    await client.registeredModels.setAlias('mixture', 'champion', '2')
    await client.registeredModels.deleteAlias('mixture', 'challenger')
    expect((await client.registeredModels.get('mixture')).aliases).toEqual({ champion: '2' })
    expect((await client.modelVersions.getByAlias('mixture', 'champion')).version).toBe('2')
    expect(await peer.run(`result = client.get_model_version_by_alias('mixture', 'champion').version`)).toEqual('2')
    await expect(client.registeredModels.setAlias('mixture', 'v3', '1')).rejects.toMatchObject({
      errorCode: 'INVALID_ARGUMENT',
    })

    await client.modelVersions.update('mixture', '1', 'changed')
    await client.modelVersions.setTag('mixture', '1', 'b', '2')
    await client.modelVersions.deleteTag('mixture', '1', 'a')
    const version = await client.modelVersions.get('mixture', '1')
    expect(version).toMatchObject({ description: 'changed', tags: { b: '2' }, runId, source: `runs:/${runId}/model` })
    expect(
      await peer.run(
        `v = client.get_model_version('mixture', '1'); result = [v.description, v.tags, v.run_id, v.source]`,
      ),
    ).toEqual(['changed', { b: '2' }, runId, version.source])
    expect(await client.modelVersions.downloadUri('mixture', '1')).toBe(
      await peer.run(`result = client.get_model_version_download_uri('mixture', '1')`),
    )
    const versions = await gather(client.modelVersions.search({ filter: "name = 'mixture'", pageSize: 1 }))
    expect(versions.map(({ version: number }) => number).toSorted()).toEqual(['1', '2'])

    await client.modelVersions.delete('mixture', '1')
    expect(await peer.run(`result = [v.version for v in client.search_model_versions("name = 'mixture'")]`)).toEqual([
      '2',
    ])
    expect((await client.registeredModels.rename('mixture', 'renamed')).name).toBe('renamed')
    await client.registeredModels.create('other')
    const models = await gather(client.registeredModels.search({ orderBy: ['name DESC'], pageSize: 1 }))
    expect(models.map(({ name }) => name)).toEqual(['renamed', 'other'])
    await client.registeredModels.delete('renamed')
    expect(await peer.run(`result = [m.name for m in client.search_registered_models()]`)).toEqual(['other'])
  })

  it('keeps logged models with parameters, tags and metrics', async () => {
    const { runId } = await client.runs.create()
    const made = await client.loggedModels.create({
      experimentId: '0',
      name: 'expert',
      modelType: 'moe',
      sourceRunId: runId,
      params: { k: '2' },
      tags: { a: '1', 'b/c': '2' },
    })
    expect(made).toMatchObject({ name: 'expert', status: 'PENDING', sourceRunId: runId, modelType: 'moe' })
    await client.loggedModels.logParams(made.modelId, { width: '64' })
    await client.loggedModels.setTags(made.modelId, { d: '3' })
    await client.loggedModels.deleteTag(made.modelId, 'a')
    await client.runs.logBatch(runId, {
      metrics: [
        { key: 'accuracy', value: 0.5, step: 2, modelId: made.modelId, datasetName: 'corpus', datasetDigest: 'd1' },
      ],
    })
    expect((await client.loggedModels.finalize(made.modelId, 'READY')).status).toBe('READY')
    const read = await client.loggedModels.get(made.modelId)
    expect(read).toMatchObject({
      status: 'READY',
      params: { k: '2', width: '64' },
      metrics: [{ key: 'accuracy', value: 0.5, step: 2 }],
    })
    expect(read.tags).toMatchObject({ d: '3', 'b/c': '2' })
    expect(read.tags).not.toHaveProperty('a')
    expect(
      await peer.run(
        `m = client.get_logged_model(${literal(made.modelId)}); result = [m.name, str(m.status), m.params, m.tags, [[x.key, x.value, x.step] for x in m.metrics], m.source_run_id]`,
      ),
    ).toEqual(['expert', 'READY', read.params, read.tags, [['accuracy', 0.5, 2]], runId])

    for (let index = 0; index < 3; index++)
      await client.loggedModels.create({ experimentId: '0', name: `paged${index}` })
    const found = await gather(
      client.loggedModels.search({
        experimentIds: ['0'],
        filter: "name LIKE 'paged%'",
        orderBy: [{ field: 'name', ascending: false }],
        pageSize: 2,
      }),
    )
    expect(found.map(({ name }) => name)).toEqual(['paged2', 'paged1', 'paged0'])
    await client.loggedModels.delete(made.modelId)
    await expect(client.loggedModels.get(made.modelId)).rejects.toMatchObject({ errorCode: 'RESOURCE_DOES_NOT_EXIST' })
  })

  const spansFrom = (begin: number): readonly Span[] => {
    const [root, call] = [newSpanId(), newSpanId()]
    return [
      {
        spanId: root,
        name: 'mixture of agents',
        type: 'CHAIN',
        startTime: begin,
        endTime: begin + 1500.25,
        status: 'OK',
        inputs: {
          question: 'grüße 🌍?',
          k: 2,
          temperature: 0.7,
          tools: ['a', 'b'],
          none: null,
          nested: { deep: [1, { x: true }] },
        },
        outputs: ['answer', 3.5, false],
        attributes: {
          'router.entropy': 1.25,
          tokens: 12,
          negative: -7,
          huge: 2 ** 53 - 1,
          tiny: 1e-300,
          no: false,
          empty: {},
          none: [],
        },
      },
      {
        spanId: call,
        parentId: root,
        name: 'propose',
        type: 'LLM',
        startTime: begin + 10.125,
        endTime: begin + 700,
        status: 'ERROR',
        statusMessage: 'rate limited',
        inputs: 'prompt',
        outputs: '',
        events: [{ name: 'exception', time: begin + 650, attributes: { 'exception.message': 'too many' } }],
      },
    ]
  }

  it('logs a whole trace; Python reads its spans', async () => {
    const { runId } = await client.runs.create()
    const begin = Date.now() - 5000
    const spans = spansFrom(begin)
    const info = await client.traces.log({
      experimentId: '0',
      runId,
      name: 'a mixture',
      clientRequestId: 'request 1',
      requestPreview: 'what?',
      responsePreview: 'that.',
      metadata: { 'my.key': 'meta' },
      tags: { team: 'a' },
      spans,
    })
    expect(info).toMatchObject({
      state: 'OK',
      name: 'a mixture',
      requestTime: begin,
      duration: 1500,
      clientRequestId: 'request 1',
    })
    const theirs = await peer.run<Record<string, unknown>>(`
t = client.get_trace(${literal(info.traceId)})
result = {'state': t.info.state.value, 'run': t.info.trace_metadata.get('mlflow.sourceRun'), 'meta': t.info.trace_metadata['my.key'], 'team': t.info.tags['team'], 'time': t.info.request_time, 'duration': t.info.execution_duration, 'previews': [t.info.request_preview, t.info.response_preview], 'client': t.info.client_request_id,
  'spans': [[s.name, s.span_type, s.span_id, s.parent_id, s.inputs, s.outputs, s.status.status_code.value, s.status.description, str(s.start_time_ns), str(s.end_time_ns), {k: s.attributes.get(k) for k in ['router.entropy', 'tokens', 'negative', 'huge', 'tiny', 'no', 'empty', 'none']}, [[e.name, dict(e.attributes)] for e in s.events]] for s in sorted(t.data.spans, key=lambda s: s.start_time_ns)]}`)
    const nanoseconds = (ms: number): string => `${Math.round(ms * 1000)}000`
    expect(theirs).toEqual({
      state: 'OK',
      run: runId,
      meta: 'meta',
      team: 'a',
      time: begin,
      duration: 1500,
      previews: ['what?', 'that.'],
      client: 'request 1',
      spans: spans.map((span) => [
        span.name,
        span.type,
        span.spanId,
        span.parentId ?? null,
        span.inputs,
        span.outputs,
        span.status,
        span.statusMessage ?? expect.toSatisfy((text) => text === null || text === ''),
        nanoseconds(span.startTime),
        nanoseconds(span.endTime),
        span.attributes ?? Object.fromEntries(Object.keys(spans[0]!.attributes!).map((key) => [key, null])),
        (span.events ?? []).map(({ name, attributes }) => [name, attributes]),
      ]),
    })
    const ours = await client.traces.get(info.traceId)
    expect(ours.spans.toSorted((a, b) => a.startTime - b.startTime)).toMatchObject(
      spans.map((span) => JSON.parse(JSON.stringify(span)) as Span),
    )
    expect(ours).toMatchObject({ traceId: info.traceId, metadata: { 'my.key': 'meta', 'mlflow.sourceRun': runId } })
    // Sent again, it is still one trace with two spans.
    await client.traces.log({ experimentId: '0', traceId: info.traceId, name: 'a mixture', spans })
    expect((await client.traces.get(info.traceId)).spans).toHaveLength(2)
  })

  it('starts a trace, adds spans while it goes on, ends it', async () => {
    const trace = await client.traces.start({ experimentId: '0', name: 'live', requestPreview: 'in' })
    expect(
      await peer.run(
        `result = client.search_traces(locations=['0'], filter_string="trace.name = 'live'", include_spans=False)[0].info.state.value`,
      ),
    ).toBe('IN_PROGRESS')
    const spans = spansFrom(trace.requestTime)
    await client.traces.logSpans(trace, spans.slice(1))
    await client.traces.logSpans(trace, spans.slice(0, 1))
    const ended = await client.traces.end(trace, { state: 'ERROR', duration: 1500, responsePreview: 'out' })
    expect(ended).toMatchObject({ state: 'ERROR', duration: 1500, responsePreview: 'out', name: 'live' })
    expect(
      await peer.run(
        `t = client.get_trace(${literal(trace.traceId)}); result = [t.info.state.value, t.info.execution_duration, len(t.data.spans), t.info.response_preview]`,
      ),
    ).toEqual(['ERROR', 1500, 2, 'out'])
    expect(await client.traces.getInfo(trace.traceId)).toMatchObject({ state: 'ERROR', name: 'live' })
  })

  it('finds, tags, links and deletes traces', async () => {
    const experimentId = await client.experiments.create('traces')
    const { runId } = await client.runs.create({ experimentId })
    const begin = Date.now() - 60_000
    const ids: string[] = []
    for (let index = 0; index < 5; index++) {
      const [span] = spansFrom(begin + index * 1000)
      ids.push(
        (
          await client.traces.log({
            experimentId,
            name: `t${index}`,
            state: index % 2 ? 'ERROR' : 'OK',
            spans: [span!],
          })
        ).traceId,
      )
    }
    const found = await gather(
      client.traces.search({ experimentIds: [experimentId], orderBy: ['timestamp_ms ASC'], pageSize: 2 }),
    )
    expect(found.map(({ traceId, name }) => [traceId, name])).toEqual(ids.map((id, index) => [id, `t${index}`]))
    const failed = await gather(client.traces.search({ experimentIds: [experimentId], filter: "status = 'ERROR'" }))
    expect(new Set(failed.map(({ name }) => name))).toEqual(new Set(['t1', 't3']))
    await client.traces.setTag(ids[0]!, 'reviewed', 'yes')
    await client.traces.setTag(ids[0]!, 'dropped', 'yes')
    await client.traces.deleteTag(ids[0]!, 'dropped')
    expect(
      await peer.run(
        `t = client.get_trace(${literal(ids[0]!)}).info.tags; result = [t.get('reviewed'), 'dropped' in t]`,
      ),
    ).toEqual(['yes', false])
    await client.traces.linkToRun(ids.slice(0, 3), runId)
    expect(
      await peer.run<string[]>(
        `result = sorted(t.info.trace_id for t in client.search_traces(locations=[${literal(experimentId)}], run_id=${literal(runId)}))`,
      ),
    ).toEqual(ids.slice(0, 3).toSorted())
    expect(await client.traces.delete(experimentId, ids.slice(0, 2))).toBe(2)
    const left = await gather(client.traces.search({ experimentIds: [experimentId], orderBy: ['timestamp_ms ASC'] }))
    expect(left.map(({ name }) => name)).toEqual(['t2', 't3', 't4'])
    await expect(client.traces.get(newTraceId())).rejects.toMatchObject({ status: 404 })
    await expect(client.traces.start({ experimentId, traceId: 'tr-1' })).rejects.toThrow(/newTraceId/)
  })
})
