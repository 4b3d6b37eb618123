// The workloads of `pnpm bench cpu`, in the order of its tables.
import { matrixSizes } from './operations.ts'
import { steps } from './steps.ts'

export const workloadNames: readonly string[] = [
  ...matrixSizes.map((size) => `matmul-${size}`),
  ...Object.keys(steps),
  'decode',
]
