// Logged models (MLflow 3): a model as a thing of its own, with parameters, metrics and artifacts, made by a run.
import type { SearchOptions } from './experiments.ts'
import { checkKey, checkLength, checkTags, limits } from './names.ts'
import { fromWireMetric, type Metric, type WireMetric } from './metrics.ts'
import { api, type Call, type CallOptions, pages, type Rest } from './rest.ts'
import { fromPairs, fromWireInteger, type KeyValue, type Tags, toPairs, type WireNumber } from './wire.ts'

export type LoggedModelStatus = 'PENDING' | 'READY' | 'UPLOAD_FAILED'

export interface LoggedModel {
  readonly modelId: string
  readonly experimentId: string
  readonly name: string
  readonly modelType: string
  readonly sourceRunId: string | undefined
  readonly status: LoggedModelStatus
  readonly statusMessage: string
  readonly artifactUri: string
  /** ms since 1970. */
  readonly creationTime: number | undefined
  readonly lastUpdateTime: number | undefined
  readonly params: Tags
  readonly tags: Tags
  /** Logged with the model's id: `runs.logBatch(runId, { metrics: [{ modelId, … }] })`. */
  readonly metrics: readonly Metric[]
}

export interface CreateLoggedModel {
  readonly experimentId: string
  readonly name?: string | undefined
  readonly modelType?: string | undefined
  readonly sourceRunId?: string | undefined
  readonly params?: Tags | undefined
  readonly tags?: Tags | undefined
}

const prefix = 'LOGGED_MODEL_'

interface WireModel {
  info: {
    model_id: string
    experiment_id: string
    name?: string
    model_type?: string
    source_run_id?: string
    status?: `${typeof prefix}${LoggedModelStatus}`
    status_message?: string
    artifact_uri?: string
    creation_timestamp_ms?: WireNumber
    last_updated_timestamp_ms?: WireNumber
    tags?: KeyValue[]
  }
  data?: { params?: KeyValue[]; metrics?: WireMetric[] }
}

const fromWire = ({ info, data }: WireModel): LoggedModel => ({
  modelId: info.model_id,
  experimentId: info.experiment_id,
  name: info.name ?? '',
  modelType: info.model_type ?? '',
  sourceRunId: info.source_run_id || undefined,
  status: (info.status ?? 'LOGGED_MODEL_PENDING').slice(prefix.length) as LoggedModelStatus,
  statusMessage: info.status_message ?? '',
  artifactUri: info.artifact_uri ?? '',
  creationTime: fromWireInteger(info.creation_timestamp_ms),
  lastUpdateTime: fromWireInteger(info.last_updated_timestamp_ms),
  params: fromPairs(data?.params),
  tags: fromPairs(info.tags),
  metrics: (data?.metrics ?? []).map(fromWireMetric),
})

const checkParams = (params: Tags | undefined): void => {
  for (const [key, value] of Object.entries(params ?? {})) {
    checkKey('parameter', key)
    checkLength(`the value of the parameter "${key}"`, value, limits.paramValueLength)
  }
}

export type LoggedModels = ReturnType<typeof loggedModels>

export const loggedModels = (rest: Rest) => {
  const path = (modelId: string, below = ''): string => `${api}/logged-models/${encodeURIComponent(modelId)}${below}`
  const model = async (
    request: Pick<Call, 'method' | 'path' | 'json' | 'repeat'>,
    options: CallOptions,
  ): Promise<LoggedModel> => fromWire((await rest.json<{ model: WireModel }>({ ...request, ...options })).model)
  return {
    /** Pending, until it is finalized. Not repeated where the server may have made it already. */
    async create(settings: CreateLoggedModel, options: CallOptions = {}): Promise<LoggedModel> {
      checkParams(settings.params)
      checkTags(settings.tags)
      const json = {
        experiment_id: settings.experimentId,
        name: settings.name,
        model_type: settings.modelType,
        source_run_id: settings.sourceRunId,
        params: toPairs(settings.params),
        tags: toPairs(settings.tags),
      }
      return model({ method: 'POST', path: `${api}/logged-models`, json, repeat: 'if-unseen' }, options)
    },
    get: (modelId: string, options: CallOptions = {}): Promise<LoggedModel> =>
      model({ method: 'GET', path: path(modelId) }, options),
    /** Says that all of the model's files are there, or will not come. */
    finalize: (modelId: string, status: 'READY' | 'UPLOAD_FAILED', options: CallOptions = {}): Promise<LoggedModel> =>
      model(
        { method: 'PATCH', path: path(modelId), json: { model_id: modelId, status: `${prefix}${status}` } },
        options,
      ),
    async delete(modelId: string, options: CallOptions = {}): Promise<void> {
      await rest.json({ method: 'DELETE', path: path(modelId), ...options })
    },
    search: (settings: SearchOptionsOfModels): AsyncGenerator<LoggedModel, void, undefined> =>
      pages(async (pageToken) => {
        const json = {
          experiment_ids: settings.experimentIds,
          filter: settings.filter,
          order_by: settings.orderBy?.map(({ field, ascending = true }) => ({ field_name: field, ascending })),
          max_results: settings.pageSize ?? 50,
          page_token: pageToken,
        }
        const answer = await rest.json<{ models?: WireModel[]; next_page_token?: string }>({
          method: 'POST',
          path: `${api}/logged-models/search`,
          json,
          signal: settings.signal,
        })
        return { items: (answer.models ?? []).map(fromWire), next: answer.next_page_token }
      }),
    async setTags(modelId: string, tags: Tags, options: CallOptions = {}): Promise<void> {
      checkTags(tags)
      await rest.json({ method: 'PATCH', path: path(modelId, '/tags'), json: { tags: toPairs(tags) }, ...options })
    },
    async deleteTag(modelId: string, key: string, options: CallOptions = {}): Promise<void> {
      await rest.json({ method: 'DELETE', path: path(modelId, `/tags/${encodeURIComponent(key)}`), ...options })
    },
    async logParams(modelId: string, params: Tags, options: CallOptions = {}): Promise<void> {
      checkParams(params)
      await rest.json({
        method: 'POST',
        path: path(modelId, '/params'),
        json: { model_id: modelId, params: toPairs(params) },
        ...options,
      })
    },
  }
}

export interface SearchOptionsOfModels extends Omit<SearchOptions, 'orderBy'> {
  readonly experimentIds: readonly string[]
  /** E.g. `{ field: 'metrics.accuracy', ascending: false }`. */
  readonly orderBy?: readonly { readonly field: string; readonly ascending?: boolean | undefined }[] | undefined
}
