// Artifacts behind the tracking server's proxy (`mlflow server --serve-artifacts`): `mlflow-artifacts:/path` is
// `/api/2.0/mlflow-artifacts/artifacts/path` of the tracking server, or of the host that the URI names; an `http(s):`
// URI is its own address. Uploads are one PUT, streamed.
import { type Rest } from '../rest.ts'
import { listed } from './listing.ts'
import { type ArtifactStore, encodedPath, join, type OwnerId } from './store.ts'

export const proxiedStore = (rest: Rest, owner: OwnerId, artifactUri: string): ArtifactStore => {
  const root = proxiedRoot(artifactUri)
  const address = (path: string): string | URL =>
    typeof root === 'string'
      ? join(root, encodedPath(path))
      : new URL(join(root.href.replace(/\/$/, ''), encodedPath(path)))
  return {
    list: (path, options) => listed(rest, owner, path, options),
    async write(path, body, options) {
      const headers = { 'content-type': 'application/octet-stream' }
      await rest.json({ method: 'PUT', path: address(path), body, headers, ...options })
    },
    read: (path, consume, options) => rest.send({ method: 'GET', path: address(path), ...options }, consume),
    async delete(path, options) {
      await rest.json({ method: 'DELETE', path: address(path), ...options })
    },
  }
}

const service = '/api/2.0/mlflow-artifacts/artifacts'

/** A path below the tracking URI, or the whole address where the artifact URI names another host. */
const proxiedRoot = (artifactUri: string): string | URL => {
  const uri = new URL(artifactUri)
  if (uri.protocol !== 'mlflow-artifacts:') return uri
  const below = uri.pathname.replace(/\/$/, '')
  return uri.host === '' ? `${service}${below}` : new URL(`http://${uri.host}${service}${below}`)
}
