// Executors: where the processes of a sweep's trials run.
import type { defineExecutor } from '@mixlab/studies'

/** All of them, for a lab's defaults. */
export const executors: readonly ReturnType<typeof defineExecutor>[] = []
