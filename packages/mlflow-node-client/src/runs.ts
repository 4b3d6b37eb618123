// Runs: their life, what is logged to them, and how they are found again.
import { checkKey, checkLength, checkTag, checkTags, limits } from './names.ts'
import type { LifecycleStage, SearchOptions, ViewType } from './experiments.ts'
import { type Batch, fromWireMetric, type Metric, type MetricPoint, requests, type WireMetric } from './metrics.ts'
import { api, type CallOptions, pages, type Rest } from './rest.ts'
import { fromPairs, fromWireInteger, type KeyValue, type Tags, toPairs, type WireNumber } from './wire.ts'

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'

export interface RunInfo {
  readonly runId: string
  readonly runName: string
  readonly experimentId: string
  readonly userId: string
  readonly status: RunStatus
  /** ms since 1970. */
  readonly startTime: number | undefined
  readonly endTime: number | undefined
  readonly artifactUri: string
  readonly lifecycleStage: LifecycleStage
}

export interface Run extends RunInfo {
  /** The latest point of each key. */
  readonly metrics: readonly Metric[]
  readonly params: Tags
  readonly tags: Tags
  readonly datasets: readonly DatasetInput[]
  readonly modelInputs: readonly string[]
  readonly modelOutputs: readonly { readonly modelId: string; readonly step: number }[]
}

export interface DatasetInput {
  readonly name: string
  /** At most 36 characters. */
  readonly digest: string
  readonly sourceType: string
  /** Where it came from, as the source type has it (JSON for MLflow's own types). */
  readonly source: string
  /** JSON. */
  readonly schema?: string | undefined
  readonly profile?: string | undefined
  /** What it was used for: the tag `mlflow.data.context`. */
  readonly context?: string | undefined
  readonly tags?: Tags | undefined
}

export interface CreateRun {
  /** What {@link Experiments.current} says, where it is left out. */
  readonly experimentId?: string | undefined
  readonly runName?: string | undefined
  /** ms since 1970; now. */
  readonly startTime?: number | undefined
  /** Makes the run a child, as the UI shows it (`mlflow.parentRunId`). */
  readonly parentRunId?: string | undefined
  readonly tags?: Tags | undefined
}

export interface UpdateRun {
  readonly status?: RunStatus | undefined
  readonly endTime?: number | undefined
  readonly runName?: string | undefined
}

interface WireRunInfo {
  run_id: string
  run_name?: string
  experiment_id: string
  user_id?: string
  status?: RunStatus
  start_time?: WireNumber
  end_time?: WireNumber
  artifact_uri?: string
  lifecycle_stage?: LifecycleStage
}

interface WireRun {
  info: WireRunInfo
  data?: { metrics?: WireMetric[]; params?: KeyValue[]; tags?: KeyValue[] }
  inputs?: { dataset_inputs?: WireDatasetInput[]; model_inputs?: { model_id: string }[] }
  outputs?: { model_outputs?: { model_id: string; step?: WireNumber }[] }
}

interface WireDatasetInput {
  tags?: KeyValue[]
  dataset: { name: string; digest: string; source_type: string; source: string; schema?: string; profile?: string }
}

const contextTag = 'mlflow.data.context'

const fromWireInfo = (wire: WireRunInfo): RunInfo => ({
  runId: wire.run_id,
  runName: wire.run_name ?? '',
  experimentId: wire.experiment_id,
  userId: wire.user_id ?? '',
  status: wire.status ?? 'RUNNING',
  startTime: fromWireInteger(wire.start_time),
  endTime: fromWireInteger(wire.end_time),
  artifactUri: wire.artifact_uri ?? '',
  lifecycleStage: wire.lifecycle_stage ?? 'active',
})

const fromWireDataset = ({ tags, dataset }: WireDatasetInput): DatasetInput => {
  const { [contextTag]: context, ...others } = fromPairs(tags)
  const { name, digest, source_type: sourceType, source, schema, profile } = dataset
  return { name, digest, sourceType, source, schema, profile, context, tags: others }
}

const fromWire = (wire: WireRun): Run => ({
  ...fromWireInfo(wire.info),
  metrics: (wire.data?.metrics ?? []).map(fromWireMetric),
  params: fromPairs(wire.data?.params),
  tags: fromPairs(wire.data?.tags),
  datasets: (wire.inputs?.dataset_inputs ?? []).map(fromWireDataset),
  modelInputs: (wire.inputs?.model_inputs ?? []).map(({ model_id }) => model_id),
  modelOutputs: (wire.outputs?.model_outputs ?? []).map(({ model_id, step }) => ({
    modelId: model_id,
    step: Number(step ?? 0),
  })),
})

export interface LogOptions extends CallOptions {
  /**
   * Requests in flight at once (1). More helps where the way to the server is long or its store writes in parallel;
   * SQLite does not.
   */
  readonly concurrency?: number | undefined
  /** Sends no request again that may have arrived: for stores that keep a point twice that they are sent twice. */
  readonly once?: boolean | undefined
}

export type Runs = ReturnType<typeof runs>

export const runs = (rest: Rest, currentExperiment: (options: CallOptions) => Promise<string>) => {
  const post = async (action: string, json: object, options: CallOptions): Promise<void> => {
    await rest.json({ method: 'POST', path: `${api}/runs/${action}`, json, ...options })
  }

  /** Not repeated where the server may have made the run already: then the error is the caller's to decide on. */
  const create = async (settings: CreateRun = {}, options: CallOptions = {}): Promise<Run> => {
    const parent = settings.parentRunId === undefined ? {} : { 'mlflow.parentRunId': settings.parentRunId }
    const tags = { ...parent, ...settings.tags }
    checkTags(tags)
    const json = {
      experiment_id: settings.experimentId ?? (await currentExperiment(options)),
      run_name: settings.runName,
      start_time: settings.startTime ?? Date.now(),
      tags: toPairs(tags),
    }
    const answer = await rest.json<{ run: WireRun }>({
      method: 'POST',
      path: `${api}/runs/create`,
      json,
      repeat: 'if-unseen',
      ...options,
    })
    return fromWire(answer.run)
  }

  const get = async (runId: string, options: CallOptions = {}): Promise<Run> => {
    const answer = await rest.json<{ run: WireRun }>({
      method: 'GET',
      path: `${api}/runs/get`,
      query: { run_id: runId },
      ...options,
    })
    return fromWire(answer.run)
  }

  const update = async (runId: string, settings: UpdateRun, options: CallOptions = {}): Promise<RunInfo> => {
    const json = { run_id: runId, status: settings.status, end_time: settings.endTime, run_name: settings.runName }
    const answer = await rest.json<{ run_info: WireRunInfo }>({
      method: 'POST',
      path: `${api}/runs/update`,
      json,
      ...options,
    })
    return fromWireInfo(answer.run_info)
  }

  /**
   * Logs any number of points, parameters and tags, in as few requests as the server's limits allow.
   *
   * @throws MlflowError `INVALID_ARGUMENT` at the first thing the server would refuse. The requests before it have been
   * sent; so have those before a failed one, part of which may be stored too. Equal points are stored once by a SQL store,
   * so that sending everything again does no harm there, if the points carry timestamps.
   */
  const logBatch = async (runId: string, batch: Batch, options: LogOptions = {}): Promise<void> => {
    const bodies = requests(runId, batch)
    const path = `${api}/runs/log-batch`
    const headers = { 'content-type': 'application/json' }
    const drain = async (): Promise<void> => {
      for (const body of bodies)
        await rest.json({
          method: 'POST',
          path,
          body,
          headers,
          signal: options.signal,
          ...(options.once === true && { repeat: 'if-unseen' }),
        })
    }
    await Promise.all(Array.from({ length: options.concurrency ?? 1 }, drain))
  }

  return {
    create,
    get,
    update,
    /** Goes on with the run that MLFLOW_RUN_ID names, else makes one. */
    async start(settings: CreateRun = {}, options: CallOptions = {}): Promise<Run> {
      const { runId } = rest.settings.current
      if (runId === undefined) return create(settings, options)
      await update(runId, { status: 'RUNNING' }, options)
      return get(runId, options)
    },
    /** Ends a run now. */
    finish: (runId: string, status: RunStatus = 'FINISHED', options: CallOptions = {}): Promise<RunInfo> =>
      update(runId, { status, endTime: Date.now() }, options),
    delete: (runId: string, options: CallOptions = {}): Promise<void> => post('delete', { run_id: runId }, options),
    restore: (runId: string, options: CallOptions = {}): Promise<void> => post('restore', { run_id: runId }, options),
    logBatch,
    logMetric: (runId: string, point: MetricPoint, options: CallOptions = {}): Promise<void> =>
      logBatch(runId, { metrics: [point] }, options),
    logParams: (runId: string, params: NonNullable<Batch['params']>, options: CallOptions = {}): Promise<void> =>
      logBatch(runId, { params }, options),
    setTags: (runId: string, tags: Tags, options: CallOptions = {}): Promise<void> =>
      logBatch(runId, { tags }, options),
    async setTag(runId: string, key: string, value: string, options: CallOptions = {}): Promise<void> {
      checkTag(key, value)
      return post('set-tag', { run_id: runId, key, value }, options)
    },
    deleteTag: (runId: string, key: string, options: CallOptions = {}): Promise<void> =>
      post('delete-tag', { run_id: runId, key }, options),
    /** Datasets that the run reads and logged models that it starts from. */
    async logInputs(
      runId: string,
      inputs: {
        readonly datasets?: readonly DatasetInput[] | undefined
        readonly modelIds?: readonly string[] | undefined
      },
      options: CallOptions = {},
    ): Promise<void> {
      const datasets = (inputs.datasets ?? []).map(
        ({ name, digest, sourceType, source, schema, profile, context, tags }) => {
          checkLength('the dataset name', name, limits.datasetNameLength)
          checkLength(`the digest of the dataset "${name}"`, digest, limits.datasetDigestLength)
          const all = { ...(context !== undefined && { [contextTag]: context }), ...tags }
          return { dataset: { name, digest, source_type: sourceType, source, schema, profile }, tags: toPairs(all) }
        },
      )
      const models = inputs.modelIds?.map((modelId) => ({ model_id: modelId }))
      return post('log-inputs', { run_id: runId, datasets, models }, options)
    },
    /** Logged models that the run has made. */
    logOutputs: (
      runId: string,
      models: readonly { readonly modelId: string; readonly step?: number | undefined }[],
      options: CallOptions = {},
    ): Promise<void> =>
      post(
        'outputs',
        { run_id: runId, models: models.map(({ modelId, step = 0 }) => ({ model_id: modelId, step })) },
        options,
      ),
    search: (
      settings: SearchOptions & { readonly experimentIds: readonly string[]; readonly viewType?: ViewType | undefined },
    ): AsyncGenerator<Run, void, undefined> =>
      pages(async (pageToken) => {
        const json = {
          experiment_ids: settings.experimentIds,
          filter: settings.filter,
          order_by: settings.orderBy,
          run_view_type: settings.viewType ?? 'ACTIVE_ONLY',
          max_results: settings.pageSize ?? 1000,
          page_token: pageToken,
        }
        const answer = await rest.json<{ runs?: WireRun[]; next_page_token?: string }>({
          method: 'POST',
          path: `${api}/runs/search`,
          json,
          signal: settings.signal,
        })
        return { items: (answer.runs ?? []).map(fromWire), next: answer.next_page_token }
      }),
    /** Every point of one key, in the order in which the store has them. */
    metricHistory(
      runId: string,
      key: string,
      settings: CallOptions & { readonly pageSize?: number | undefined } = {},
    ): AsyncGenerator<Metric, void, undefined> {
      return pages(async (pageToken) => {
        checkKey('metric', key)
        const answer = await rest.json<{ metrics?: WireMetric[]; next_page_token?: string }>({
          method: 'GET',
          path: `${api}/metrics/get-history`,
          query: { run_id: runId, metric_key: key, max_results: settings.pageSize ?? 25_000, page_token: pageToken },
          signal: settings.signal,
        })
        return { items: (answer.metrics ?? []).map(fromWireMetric), next: answer.next_page_token }
      })
    },
  }
}
