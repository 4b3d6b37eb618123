// Trackers: where runs can be found again.
import { csv } from './csv.ts'
import { mlflow } from './mlflow.ts'
import { mlruns } from './mlruns.ts'
import { tensorboard } from './tensorboard.ts'

export { csv, mlflow, mlruns, tensorboard }

/** All of them, for a lab's defaults. */
export const trackers = [mlflow, mlruns, tensorboard, csv]
