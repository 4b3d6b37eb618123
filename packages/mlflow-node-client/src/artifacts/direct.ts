// Artifacts in a store that the server hands out as it is (`s3:`, `gs:`, `wasbs:`): their bytes go past the server, by
// addresses that it signs. No credentials of the store are needed, and none of MLflow's are sent
// there. A server that cannot sign a download sends the file itself.
import { MlflowError } from '../errors.ts'
import { api, type CallOptions, type Rest } from '../rest.ts'
import { listed } from './listing.ts'
import type { ArtifactStore, OwnerId } from './store.ts'

interface Signed {
  presigned_url: string
  headers?: Record<string, string>
}

export const directStore = (rest: Rest, owner: OwnerId, artifactUri: string): ArtifactStore => {
  const sign = (direction: 'upload' | 'download', path: string, options: CallOptions): Promise<Signed> =>
    rest.json({
      method: 'POST',
      path: `${api}/artifacts/presigned-${direction}-url`,
      json: { run_id: owner.runId, model_id: owner.modelId, path },
      ...options,
    })
  return {
    list: (path, options) => listed(rest, owner, path, options),
    async write(path, body, options) {
      const signed = await sign('upload', path, { signal: options.signal }).catch((error: unknown) => {
        throw unsupported(error) ? cannotWrite(artifactUri, error) : error
      })
      await rest.send(
        { method: 'PUT', path: new URL(signed.presigned_url), headers: { ...signed.headers }, body, ...options },
        async (answer) => {
          answer.resume()
        },
      )
    },
    async read(path, consume, options) {
      let signed: Signed | undefined
      if (owner.runId !== undefined)
        signed = await sign('download', path, options).catch((error: unknown) => {
          if (unsupported(error)) return undefined
          throw error
        })
      const call =
        signed !== undefined
          ? { path: new URL(signed.presigned_url), headers: { ...signed.headers } }
          : owner.runId !== undefined
            ? { path: '/get-artifact', query: { run_id: owner.runId, path } }
            : {
                path: `/ajax-api/2.0/mlflow/logged-models/${encodeURIComponent(owner.modelId)}/artifacts/files`,
                query: { artifact_file_path: path },
              }
      return rest.send({ method: 'GET', ...call, ...options }, consume)
    },
    delete: () =>
      Promise.reject(
        new MlflowError(
          'NOT_SUPPORTED',
          `artifacts under ${scheme(artifactUri)} are not behind the server, which therefore cannot delete them; delete them in the store itself`,
        ),
      ),
  }
}

const scheme = (uri: string): string => uri.slice(0, uri.indexOf(':') + 1)

/** The server is too old for such an endpoint, or cannot sign for this kind of store. */
const unsupported = (error: unknown): error is MlflowError =>
  MlflowError.is(error) &&
  (error.status === 404
    ? error.errorCode !== 'RESOURCE_DOES_NOT_EXIST'
    : error.status === 501 || error.errorCode === 'NOT_IMPLEMENTED')

const cannotWrite = (artifactUri: string, cause: MlflowError): MlflowError =>
  new MlflowError(
    'NOT_SUPPORTED',
    `artifacts of this run lie under ${scheme(artifactUri)}, and the server signs no upload addresses there; start it with --artifacts-destination and --serve-artifacts`,
    { status: cause.status, cause },
  )
