// Stoppers: which trials are not worth finishing.
import type { defineStopper } from '@mixlab/studies'

/** All of them, for a lab's defaults. */
export const stoppers: readonly ReturnType<typeof defineStopper>[] = []
