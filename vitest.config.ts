import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Two on two cores: many tests wait for other processes.
const maxWorkers = Math.max(2, availableParallelism() - 1)

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{packages,plugins,experiments}/*/test/**/*.test.ts'],
          exclude: ['**/*.gpu.test.ts', '**/node_modules/**'],
          testTimeout: 30_000,
          maxWorkers,
          // Many tests compare bits, which a BLAS that is found on the machine would change.
          env: { MIXLAB_BLAS: process.env['MIXLAB_BLAS'] ?? 'off' },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/**/*.test.ts'],
          exclude: ['**/*.gpu.test.ts', 'tests/cluster/**', '**/node_modules/**'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers,
        },
      },
      {
        // SLURM and Ray on this machine: mostly waiting, so that it goes beside the others.
        test: {
          name: 'cluster',
          include: ['tests/cluster/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'gpu',
          include: ['**/*.gpu.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
