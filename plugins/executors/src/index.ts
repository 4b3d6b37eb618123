// Executors: where the processes of a sweep's trials run.
import { local } from './local.ts'
import { ray } from './ray.ts'
import { slurm } from './slurm.ts'

export { local, ray, slurm }

/** All of them, for a lab's defaults. */
export const executors = [local, slurm, ray]
