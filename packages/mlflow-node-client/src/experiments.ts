// Experiments: create, find, rename, delete, tag.
import { MlflowError, invalid } from './errors.ts'
import { checkExperimentName, checkTag, checkTags, limits } from './names.ts'
import { api, type CallOptions, pages, type Rest } from './rest.ts'
import { fromPairs, fromWireInteger, type KeyValue, type Tags, toPairs, type WireNumber } from './wire.ts'

export type LifecycleStage = 'active' | 'deleted'
export type ViewType = 'ACTIVE_ONLY' | 'DELETED_ONLY' | 'ALL'

export interface Experiment {
  readonly experimentId: string
  readonly name: string
  readonly artifactLocation: string
  readonly lifecycleStage: LifecycleStage
  /** ms since 1970. */
  readonly creationTime: number | undefined
  readonly lastUpdateTime: number | undefined
  readonly tags: Tags
}

export interface CreateExperiment {
  readonly artifactLocation?: string | undefined
  readonly tags?: Tags | undefined
}

/** One page's size is `pageSize`; the iteration has no limit of its own: leave the loop to end it. */
export interface SearchOptions extends CallOptions {
  /** In MLflow's filter language, e.g. `metrics.loss < 0.1 and params.router = 'top-k'`. */
  readonly filter?: string | undefined
  /** E.g. `['metrics.loss ASC']`. */
  readonly orderBy?: readonly string[] | undefined
  readonly pageSize?: number | undefined
}

interface WireExperiment {
  experiment_id: string
  name: string
  artifact_location?: string
  lifecycle_stage?: LifecycleStage
  creation_time?: WireNumber
  last_update_time?: WireNumber
  tags?: KeyValue[]
}

const fromWire = (wire: WireExperiment): Experiment => ({
  experimentId: wire.experiment_id,
  name: wire.name,
  artifactLocation: wire.artifact_location ?? '',
  lifecycleStage: wire.lifecycle_stage ?? 'active',
  creationTime: fromWireInteger(wire.creation_time),
  lastUpdateTime: fromWireInteger(wire.last_update_time),
  tags: fromPairs(wire.tags),
})

export type Experiments = ReturnType<typeof experiments>

export const experiments = (rest: Rest) => {
  const post = async (action: string, json: object, options: CallOptions): Promise<void> => {
    await rest.json({ method: 'POST', path: `${api}/experiments/${action}`, json, ...options })
  }

  /** @returns the new experiment's id. @throws MlflowError `RESOURCE_ALREADY_EXISTS`, also where a deleted one has the name. */
  const create = async (name: string, settings: CreateExperiment = {}, options: CallOptions = {}): Promise<string> => {
    checkExperimentName(name)
    checkTags(settings.tags, limits.experimentTagValueLength)
    const json = { name, artifact_location: settings.artifactLocation, tags: toPairs(settings.tags) }
    const answer = await rest.json<{ experiment_id: string }>({
      method: 'POST',
      path: `${api}/experiments/create`,
      json,
      ...options,
    })
    return answer.experiment_id
  }

  const get = async (experimentId: string, options: CallOptions = {}): Promise<Experiment> => {
    const path = `${api}/experiments/get`
    const answer = await rest.json<{ experiment: WireExperiment }>({
      method: 'GET',
      path,
      query: { experiment_id: experimentId },
      ...options,
    })
    return fromWire(answer.experiment)
  }

  /** @returns undefined where no experiment, deleted ones included, has the name. */
  const getByName = async (name: string, options: CallOptions = {}): Promise<Experiment | undefined> => {
    const path = `${api}/experiments/get-by-name`
    try {
      const answer = await rest.json<{ experiment: WireExperiment }>({
        method: 'GET',
        path,
        query: { experiment_name: name },
        ...options,
      })
      return fromWire(answer.experiment)
    } catch (error) {
      if (MlflowError.is(error) && error.errorCode === 'RESOURCE_DOES_NOT_EXIST') return undefined
      throw error
    }
  }

  /** The experiment of that name, made if there is none. Several processes may ask at once. */
  const getOrCreate = async (
    name: string,
    settings: CreateExperiment = {},
    options: CallOptions = {},
  ): Promise<Experiment> => {
    let found = await getByName(name, options)
    if (found === undefined) {
      try {
        return await get(await create(name, settings, options), options)
      } catch (error) {
        if (!MlflowError.is(error) || error.errorCode !== 'RESOURCE_ALREADY_EXISTS') throw error
        found = await getByName(name, options)
        if (found === undefined) throw error
      }
    }
    if (found.lifecycleStage === 'deleted')
      throw invalid(
        `the experiment "${name}" is deleted; restore it (experiments.restore("${found.experimentId}")) or take another name`,
      )
    return found
  }

  /** The experiment's id that MLFLOW_EXPERIMENT_NAME (made if missing) or MLFLOW_EXPERIMENT_ID names, else "0". */
  const current = async (options: CallOptions = {}): Promise<string> => {
    const { experimentId, experimentName } = rest.settings.current
    if (experimentName === undefined) return experimentId ?? '0'
    const found = await getOrCreate(experimentName, {}, options)
    if (experimentId !== undefined && experimentId !== found.experimentId)
      throw invalid(
        `MLFLOW_EXPERIMENT_ID is ${experimentId} and MLFLOW_EXPERIMENT_NAME names experiment ${found.experimentId}; set one of them`,
      )
    return found.experimentId
  }

  const search = (
    settings: SearchOptions & { readonly viewType?: ViewType | undefined } = {},
  ): AsyncGenerator<Experiment, void, undefined> =>
    pages(async (pageToken) => {
      const json = {
        filter: settings.filter,
        order_by: settings.orderBy,
        max_results: settings.pageSize ?? 1000,
        view_type: settings.viewType ?? 'ACTIVE_ONLY',
        page_token: pageToken,
      }
      const answer = await rest.json<{ experiments?: WireExperiment[]; next_page_token?: string }>({
        method: 'POST',
        path: `${api}/experiments/search`,
        json,
        signal: settings.signal,
      })
      return { items: (answer.experiments ?? []).map(fromWire), next: answer.next_page_token }
    })

  return {
    create,
    get,
    getByName,
    getOrCreate,
    current,
    search,
    async rename(experimentId: string, name: string, options: CallOptions = {}): Promise<void> {
      checkExperimentName(name)
      return post('update', { experiment_id: experimentId, new_name: name }, options)
    },
    delete: (experimentId: string, options: CallOptions = {}): Promise<void> =>
      post('delete', { experiment_id: experimentId }, options),
    restore: (experimentId: string, options: CallOptions = {}): Promise<void> =>
      post('restore', { experiment_id: experimentId }, options),
    async setTag(experimentId: string, key: string, value: string, options: CallOptions = {}): Promise<void> {
      checkTag(key, value, limits.experimentTagValueLength)
      return post('set-experiment-tag', { experiment_id: experimentId, key, value }, options)
    },
    deleteTag: (experimentId: string, key: string, options: CallOptions = {}): Promise<void> =>
      post('delete-experiment-tag', { experiment_id: experimentId, key }, options),
  }
}
