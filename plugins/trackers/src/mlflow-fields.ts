import { z } from 'zod'

/** What both MLflow trackers can be told. */
export const mlflowFields = {
  experiment: z
    .string()
    .min(1)
    .max(500)
    .nullable()
    .default(null)
    .describe("The experiment's name in MLflow; null: MLFLOW_EXPERIMENT_NAME, else the experiment's own"),
  parentRun: z.string().min(1).nullable().default(null).describe('Id of the MLflow run that this one is put under'),
  artifacts: z
    .boolean()
    .default(true)
    .describe('Send run.json, report.html and what the run logged as artifacts, when it has ended'),
  checkpoints: z.boolean().default(false).describe('Send the checkpoints, when the run has ended'),
}
