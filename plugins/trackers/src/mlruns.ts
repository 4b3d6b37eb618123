// MLflow's file store, for where there is no server: `mlflow migrate-filestore` turns it into a database, the Python client
// reads it with MLFLOW_ALLOW_FILE_STORE=true.
import { resolve } from 'node:path'
import { defineTracker } from '@mixlab/tracking'
import { z } from 'zod'
import { mlflowFields } from './mlflow-fields.ts'
import { mlflowTracker } from './mlflow-tracker.ts'
import { mlrunsStore } from './mlruns-store.ts'

export const mlruns = defineTracker({
  name: 'mlruns',
  summary: "MLflow's file store, written without a server",
  source: 'https://mlflow.org/docs/latest/self-hosting/architecture/backend-store/',
  config: z.object({
    folder: z.string().min(1).default('mlruns').describe('Where it is; relative to the current folder'),
    ...mlflowFields,
  }),
  create: ({ folder, ...options }) => mlflowTracker(mlrunsStore(resolve(folder)), options),
})
