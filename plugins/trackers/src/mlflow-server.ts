// Runs at an MLflow server. The client does not try again by itself: delivery does, and compares before it sends points
// again.
import { basename } from 'node:path'
import { MixlabError } from '@mixlab/core'
import { createMlflowClient, MlflowError } from 'mlflow-node-client'
import { keyTag } from './mlflow-about.ts'
import type { MlflowStore } from './mlflow-store.ts'

const missing = 'RESOURCE_DOES_NOT_EXIST'
/** Longest silence of a server, in milliseconds. */
const silenceMs = 120_000
/** Every MLflow server knows the search for experiments, for whom it lets in. */
const refusals: ReadonlySet<number> = new Set([401, 403, 404, 405, 501])

/** What an artifact's name cannot have. */
const artifactName = (name: string): string => name.replaceAll(/[#\\]|%(?=[\da-f]{2})/gi, '_')

/** @throws MixlabError when the address is not one. */
export function mlflowServer(uri: string | null): MlflowStore {
  const asMistake = (error: unknown): unknown =>
    MlflowError.is(error)
      ? new MixlabError(`tracker mlflow: ${error.message}`, { code: 'tracker', cause: error })
      : error

  const connect = () => {
    try {
      return createMlflowClient({ retries: 0, timeoutMs: silenceMs, ...(uri !== null && { trackingUri: uri }) })
    } catch (error) {
      throw asMistake(error)
    }
  }
  const client = connect()
  const experiments = new Map<string, string>()

  async function experimentId(name: string, signal: AbortSignal): Promise<string> {
    const known = experiments.get(name)
    if (known !== undefined) return known
    const { experimentId: id } = await client.experiments.getOrCreate(name, {}, { signal })
    experiments.set(name, id)
    return id
  }

  return {
    target: client.trackingUri,
    async check(signal) {
      try {
        for await (const _ of client.experiments.search({ pageSize: 1, signal })) break
      } catch (error) {
        // A server that does not answer, or not yet, may later; one that refuses the password, or that is no MLflow, won't.
        if (!MlflowError.is(error) || !refusals.has(error.status ?? 0)) return
        const hint =
          'what answers at the tracking URI is no MLflow server: give the address of its page, http://host:port'
        throw error.status === 401 || error.status === 403
          ? asMistake(error)
          : new MixlabError(`tracker mlflow: ${client.trackingUri}: ${hint}`, { code: 'tracker', cause: error })
      }
    },
    async openRun({ key, experiment, name, startTime, tags }, signal) {
      const id = await experimentId(experiment, signal)
      const filter = `tags.\`${keyTag}\` = '${key}'`
      for await (const { runId } of client.runs.search({ experimentIds: [id], filter, pageSize: 1, signal }))
        return { id: runId, made: false }
      const { runId } = await client.runs.create(
        { experimentId: id, runName: name, startTime, tags: Object.fromEntries(tags) },
        { signal },
      )
      return { id: runId, made: true }
    },
    logParameters: (run, parameters, signal) =>
      client.runs.logBatch(run, { params: Object.fromEntries(parameters) }, { signal }),
    setTags: (run, tags, signal) => client.runs.logBatch(run, { tags: Object.fromEntries(tags) }, { signal }),
    logPoints(run, points, signal) {
      const metrics = points.map(({ key, value, step, time }) => ({ key, value, step, timestamp: time }))
      return client.runs.logBatch(run, { metrics }, { signal, once: true })
    },
    async *history(run, key, signal) {
      for await (const { value, step, timestamp } of client.runs.metricHistory(run, key, { signal }))
        yield { key, value, step, time: timestamp }
    },
    logDataset: (run, dataset, signal) => client.runs.logInputs(run, { datasets: [dataset] }, { signal }),
    async setStatus(run, status, endTime, signal) {
      await client.runs.update(run, { status, ...(endTime !== undefined && { endTime }) }, { signal })
    },
    upload: (run, path, folder, signal) =>
      client.artifacts.uploadFile(
        run,
        path,
        [...folder.split('/'), basename(path)].filter(Boolean).map(artifactName).join('/'),
        { signal },
      ),
    isMissing(error) {
      if (!MlflowError.is(error) || error.errorCode !== missing) return false
      experiments.clear()
      return true
    },
    close: () => client.close(),
  }
}
