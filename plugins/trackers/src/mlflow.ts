// MLflow by its server. Names and passwords come from the environment, as they do for MLflow's own client
// (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN): configurations are written down.
import { MixlabError } from '@mixlab/core'
import { defineTracker } from '@mixlab/tracking'
import { z } from 'zod'
import { mlflowFields } from './mlflow-fields.ts'

/** @throws MixlabError when there is a password in it. */
function withoutSecrets(uri: string | null): string | null {
  const url = uri === null ? null : URL.parse(uri)
  if (url && (url.username !== '' || url.password !== '')) {
    throw new MixlabError(
      'tracker mlflow: uri has a user name or password in it, which would be written down: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead',
    )
  }
  return uri
}

export const mlflow = defineTracker({
  name: 'mlflow',
  summary: 'An MLflow server',
  source: 'https://mlflow.org/docs/latest/ml/tracking/',
  config: z.object({
    uri: z.string().min(1).nullable().default(null).describe('http://host:port; null: MLFLOW_TRACKING_URI'),
    ...mlflowFields,
  }),
  // The client is loaded where it is used: every run knows of this plug-in.
  async create({ uri, ...options }) {
    const [{ mlflowServer }, { mlflowTracker }] = await Promise.all([
      import('./mlflow-server.ts'),
      import('./mlflow-tracker.ts'),
    ])
    return mlflowTracker(mlflowServer(withoutSecrets(uri)), options)
  },
})
