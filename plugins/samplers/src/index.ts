// Samplers: which point of a search space to try next.
import type { defineSampler } from '@mixlab/studies'

/** All of them, for a lab's defaults. */
export const samplers: readonly ReturnType<typeof defineSampler>[] = []
