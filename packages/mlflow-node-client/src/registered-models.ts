// The model registry: registered models, their versions, aliases and tags.
import type { SearchOptions } from './experiments.ts'
import { invalid } from './errors.ts'
import { checkTag, checkTags, limits } from './names.ts'
import { api, type Call, type CallOptions, pages, type Rest } from './rest.ts'
import { fromPairs, fromWireInteger, type KeyValue, type Tags, toPairs, type WireNumber } from './wire.ts'

export type ModelVersionStatus = 'PENDING_REGISTRATION' | 'READY' | 'FAILED_REGISTRATION'

export interface ModelVersion {
  readonly name: string
  readonly version: string
  readonly description: string
  /** Where the model's files are: `runs:/…`, `models:/…` or an artifact URI. */
  readonly source: string
  readonly runId: string | undefined
  readonly status: ModelVersionStatus
  readonly statusMessage: string
  /** ms since 1970. */
  readonly creationTime: number | undefined
  readonly lastUpdateTime: number | undefined
  readonly tags: Tags
  readonly aliases: readonly string[]
}

export interface RegisteredModel {
  readonly name: string
  readonly description: string
  /** ms since 1970. */
  readonly creationTime: number | undefined
  readonly lastUpdateTime: number | undefined
  readonly tags: Tags
  /** Alias to version. */
  readonly aliases: Readonly<Record<string, string>>
  readonly latestVersions: readonly ModelVersion[]
}

interface WireVersion {
  name: string
  version: WireNumber
  description?: string
  source?: string
  run_id?: string
  status?: ModelVersionStatus
  status_message?: string
  creation_timestamp?: WireNumber
  last_updated_timestamp?: WireNumber
  tags?: KeyValue[]
  aliases?: string[]
}

interface WireModel {
  name: string
  description?: string
  creation_timestamp?: WireNumber
  last_updated_timestamp?: WireNumber
  tags?: KeyValue[]
  aliases?: { alias: string; version: WireNumber }[]
  latest_versions?: WireVersion[]
}

const fromWireVersion = (wire: WireVersion): ModelVersion => ({
  name: wire.name,
  version: String(wire.version),
  description: wire.description ?? '',
  source: wire.source ?? '',
  runId: wire.run_id || undefined,
  status: wire.status ?? 'READY',
  statusMessage: wire.status_message ?? '',
  creationTime: fromWireInteger(wire.creation_timestamp),
  lastUpdateTime: fromWireInteger(wire.last_updated_timestamp),
  tags: fromPairs(wire.tags),
  aliases: wire.aliases ?? [],
})

const fromWireModel = (wire: WireModel): RegisteredModel => ({
  name: wire.name,
  description: wire.description ?? '',
  creationTime: fromWireInteger(wire.creation_timestamp),
  lastUpdateTime: fromWireInteger(wire.last_updated_timestamp),
  tags: fromPairs(wire.tags),
  aliases: Object.fromEntries((wire.aliases ?? []).map(({ alias, version }) => [alias, String(version)])),
  latestVersions: (wire.latest_versions ?? []).map(fromWireVersion),
})

const checkAlias = (alias: string): void => {
  if (!/^[\p{L}\p{N}_-]{1,255}$/u.test(alias) || /^v\d+$/i.test(alias) || alias.toLowerCase() === 'latest')
    throw invalid(
      `"${alias}" cannot be an alias; use letters, digits, "_" and "-", but not "latest" or "v" with a number`,
    )
}

export type RegisteredModels = ReturnType<typeof registeredModels>

export const registeredModels = (rest: Rest) => {
  const call = async (
    method: Call['method'],
    action: string,
    values: Record<string, string>,
    options: CallOptions,
  ): Promise<void> => {
    await rest.json({ method, path: `${api}/registered-models/${action}`, json: values, ...options })
  }
  const model = async (
    method: Call['method'],
    action: string,
    json: object,
    options: CallOptions,
  ): Promise<RegisteredModel> => {
    const path = `${api}/registered-models/${action}`
    const answer = await rest.json<{ registered_model: WireModel }>({ method, path, json, ...options })
    return fromWireModel(answer.registered_model)
  }
  return {
    async create(
      name: string,
      settings: { readonly description?: string | undefined; readonly tags?: Tags | undefined } = {},
      options: CallOptions = {},
    ): Promise<RegisteredModel> {
      checkTags(settings.tags, limits.modelTagValueLength)
      return model('POST', 'create', { name, description: settings.description, tags: toPairs(settings.tags) }, options)
    },
    async get(name: string, options: CallOptions = {}): Promise<RegisteredModel> {
      const path = `${api}/registered-models/get`
      const answer = await rest.json<{ registered_model: WireModel }>({
        method: 'GET',
        path,
        query: { name },
        ...options,
      })
      return fromWireModel(answer.registered_model)
    },
    rename: (name: string, newName: string, options: CallOptions = {}): Promise<RegisteredModel> =>
      model('POST', 'rename', { name, new_name: newName }, options),
    update: (name: string, description: string, options: CallOptions = {}): Promise<RegisteredModel> =>
      model('PATCH', 'update', { name, description }, options),
    delete: (name: string, options: CallOptions = {}): Promise<void> => call('DELETE', 'delete', { name }, options),
    search: (settings: SearchOptions = {}): AsyncGenerator<RegisteredModel, void, undefined> =>
      pages(async (pageToken) => {
        const query = {
          filter: settings.filter,
          order_by: settings.orderBy,
          max_results: settings.pageSize ?? 100,
          page_token: pageToken,
        }
        const answer = await rest.json<{ registered_models?: WireModel[]; next_page_token?: string }>({
          method: 'GET',
          path: `${api}/registered-models/search`,
          query,
          signal: settings.signal,
        })
        return { items: (answer.registered_models ?? []).map(fromWireModel), next: answer.next_page_token }
      }),
    async setTag(name: string, key: string, value: string, options: CallOptions = {}): Promise<void> {
      checkTag(key, value, limits.modelTagValueLength)
      return call('POST', 'set-tag', { name, key, value }, options)
    },
    deleteTag: (name: string, key: string, options: CallOptions = {}): Promise<void> =>
      call('DELETE', 'delete-tag', { name, key }, options),
    /** Points an alias at a version; it may have pointed elsewhere. */
    async setAlias(name: string, alias: string, version: string, options: CallOptions = {}): Promise<void> {
      checkAlias(alias)
      return call('POST', 'alias', { name, alias, version }, options)
    },
    deleteAlias: (name: string, alias: string, options: CallOptions = {}): Promise<void> =>
      call('DELETE', 'alias', { name, alias }, options),
  }
}

export type ModelVersions = ReturnType<typeof modelVersions>

export const modelVersions = (rest: Rest) => {
  const call = async (
    method: Call['method'],
    action: string,
    values: Record<string, string>,
    options: CallOptions,
  ): Promise<void> => {
    await rest.json({ method, path: `${api}/model-versions/${action}`, json: values, ...options })
  }
  const version = async (
    request: Pick<Call, 'method' | 'path' | 'query' | 'json' | 'repeat'>,
    options: CallOptions,
  ): Promise<ModelVersion> =>
    fromWireVersion((await rest.json<{ model_version: WireVersion }>({ ...request, ...options })).model_version)
  return {
    /** The next version of a registered model. Not repeated where the server may have made it already. */
    async create(
      name: string,
      settings: {
        readonly source: string
        readonly runId?: string | undefined
        readonly modelId?: string | undefined
        readonly description?: string | undefined
        readonly tags?: Tags | undefined
      },
      options: CallOptions = {},
    ): Promise<ModelVersion> {
      checkTags(settings.tags, limits.modelTagValueLength)
      const { source, runId: run_id, modelId: model_id, description, tags } = settings
      const json = { name, source, run_id, model_id, description, tags: toPairs(tags) }
      return version({ method: 'POST', path: `${api}/model-versions/create`, json, repeat: 'if-unseen' }, options)
    },
    get: (name: string, number: string, options: CallOptions = {}): Promise<ModelVersion> =>
      version({ method: 'GET', path: `${api}/model-versions/get`, query: { name, version: number } }, options),
    getByAlias: (name: string, alias: string, options: CallOptions = {}): Promise<ModelVersion> =>
      version({ method: 'GET', path: `${api}/registered-models/alias`, query: { name, alias } }, options),
    update: (name: string, number: string, description: string, options: CallOptions = {}): Promise<ModelVersion> =>
      version(
        { method: 'PATCH', path: `${api}/model-versions/update`, json: { name, version: number, description } },
        options,
      ),
    delete: (name: string, number: string, options: CallOptions = {}): Promise<void> =>
      call('DELETE', 'delete', { name, version: number }, options),
    /** Where the version's files can be read. */
    async downloadUri(name: string, number: string, options: CallOptions = {}): Promise<string> {
      const path = `${api}/model-versions/get-download-uri`
      const answer = await rest.json<{ artifact_uri: string }>({
        method: 'GET',
        path,
        query: { name, version: number },
        ...options,
      })
      return answer.artifact_uri
    },
    search: (settings: SearchOptions = {}): AsyncGenerator<ModelVersion, void, undefined> =>
      pages(async (pageToken) => {
        const query = {
          filter: settings.filter,
          order_by: settings.orderBy,
          max_results: settings.pageSize ?? 1000,
          page_token: pageToken,
        }
        const answer = await rest.json<{ model_versions?: WireVersion[]; next_page_token?: string }>({
          method: 'GET',
          path: `${api}/model-versions/search`,
          query,
          signal: settings.signal,
        })
        return { items: (answer.model_versions ?? []).map(fromWireVersion), next: answer.next_page_token }
      }),
    async setTag(name: string, number: string, key: string, value: string, options: CallOptions = {}): Promise<void> {
      checkTag(key, value, limits.modelTagValueLength)
      return call('POST', 'set-tag', { name, version: number, key, value }, options)
    },
    deleteTag: (name: string, number: string, key: string, options: CallOptions = {}): Promise<void> =>
      call('DELETE', 'delete-tag', { name, version: number, key }, options),
  }
}
